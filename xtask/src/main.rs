//! The project's own commands: build, test, lint, demo, bench.

mod bench;
mod build;
mod demo;
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
    /// Go through the main job at the stand-in, step by step.
    Demo,
    /// Measure what a sandboxed call costs, print the table, and live ninety days of tokens for a thousand seeds.
    Bench {
        /// Measure calls alone, and fail if one is past its bound.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let done = match Xtask::parse() {
        Xtask::Build => build::all(),
        Xtask::Test { arguments } => test::all(&arguments),
        Xtask::Lint => lint::all(),
        Xtask::Demo => demo::run_all(),
        Xtask::Bench { check: false } => bench::run_all(),
        Xtask::Bench { check: true } => bench::check(),
    };
    done.map_or_else(|error| shell::fail(&error), |()| ExitCode::SUCCESS)
}
