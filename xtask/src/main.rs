//! The project's own commands: build.

mod build;
mod shell;

use clap::Parser;

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask")]
enum Xtask {
    /// Build the plugin and the test guests as components, where they are not current.
    Build,
}

fn main() -> anyhow::Result<()> {
    match Xtask::parse() {
        Xtask::Build => build::all(),
    }
}
