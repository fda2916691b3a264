//! Progress messages, and running other programs.

use std::{
    env,
    io::{IsTerminal as _, stdout},
    path::{Display, Path},
    process::{Command, ExitCode},
};

use anyhow::{Context as _, Error, Result, ensure};
use xtask::components::root;

/// Prints a progress line.
#[expect(clippy::print_stdout, reason = "the only place that prints progress")]
pub(crate) fn say(line: &str) {
    if stdout().is_terminal() {
        println!("\x1b[1;36m{line}\x1b[0m");
    } else {
        println!("{line}");
    }
}

/// Prints the error as the last line, and returns the exit code of a failure.
#[expect(clippy::print_stderr, reason = "the only place that prints an error")]
pub(crate) fn fail(error: &Error) -> ExitCode {
    eprintln!("error: {error:#}");
    ExitCode::FAILURE
}

/// Returns a cargo command in the repository's root folder, without the variables that `cargo run` set for this
/// program: some build scripts would treat them as a change and build again.
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

/// Returns a command for a program in the repository's root folder.
pub(crate) fn program<const N: usize>(name: &str, arguments: [&str; N]) -> Command {
    let mut program = Command::new(name);
    program.current_dir(root()).args(arguments);
    program
}

/// Returns a path for a message: relative to the repository's root folder, if it is below it.
pub(crate) fn shown(path: &Path) -> Display<'_> {
    path.strip_prefix(root()).unwrap_or(path).display()
}

/// Runs a command and fails if it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {}", command_line(command)))?;
    ensure!(status.success(), "`{}` failed: {status}", command_line(command));
    Ok(())
}

/// Runs a command and returns its output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run {}", command_line(command)))?;
    ensure!(output.status.success(), "`{}` failed: {}", command_line(command), output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn command_line(command: &Command) -> String {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
