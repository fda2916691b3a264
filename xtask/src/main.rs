//! The project's own commands: build, test, lint.

mod build;
mod lint;
mod shell;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::Parser;

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask")]
enum Xtask {
    /// Build the plugin and the test guests as components, where they are not current.
    Build,
    /// Build the components, then run every test.
    Test {
        /// For `cargo test`, such as a test's name.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Check formatting, lints, tidiness and documentation.
    Lint,
}

fn main() -> ExitCode {
    let done = match Xtask::parse() {
        Xtask::Build => build::all(),
        Xtask::Test { arguments } => test::all(&arguments),
        Xtask::Lint => lint::all(),
    };
    done.map_or_else(|error| shell::fail(&error), |()| ExitCode::SUCCESS)
}
