//! Saying what is done, and running other programs.

use std::{
    env,
    io::{IsTerminal as _, stdout},
    process::{Command, ExitCode},
};

use anyhow::{Context as _, Error, Result, ensure};
use xtask::components::root;

/// One line for whoever waits.
#[expect(clippy::print_stdout, reason = "the one place that reports")]
pub(crate) fn say(line: &str) {
    if stdout().is_terminal() {
        println!("\x1b[1;36m{line}\x1b[0m");
    } else {
        println!("{line}");
    }
}

/// The last line where something failed.
#[expect(clippy::print_stderr, reason = "the one place that reports a failure")]
pub(crate) fn fail(error: &Error) -> ExitCode {
    eprintln!("error: {error:#}");
    ExitCode::FAILURE
}

/// Cargo in the repository's top folder, free of what `cargo run` told this program about itself: some build scripts
/// would take that for a change and build again.
pub(crate) fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let mut cargo = program("cargo", arguments);
    for (name, _) in env::vars_os() {
        let told = name.to_string_lossy();
        if told.starts_with("CARGO_PKG_") || told.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    cargo
}

/// A program to run in the repository's top folder.
pub(crate) fn program<const N: usize>(name: &str, arguments: [&str; N]) -> Command {
    let mut program = Command::new(name);
    program.current_dir(root()).args(arguments);
    program
}

/// Runs it to its end.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {}", shown(command)))?;
    ensure!(status.success(), "`{}` failed: {status}", shown(command));
    Ok(())
}

/// What it prints.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run {}", shown(command)))?;
    ensure!(output.status.success(), "`{}` failed: {}", shown(command), output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn shown(command: &Command) -> String {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
