//! Everything that is checked without running the code. The first check that fails ends it.

use std::process::{Command, Stdio};

use anyhow::{Result, ensure};
use xtask::components::{BARE, root};

use crate::{
    build::add_target,
    shell::{cargo, run, say},
    tidy,
};

/// Runs every check.
pub(crate) fn all() -> Result<()> {
    add_target(BARE)?;
    step("formatting", &mut cargo(["fmt", "--all", "--check"]))?;
    step("clippy", &mut cargo(["clippy", "--all-targets", "--", "--deny=warnings"]))?;
    step("clippy for wasm: plugin and test guests", &mut clippy_for_wasm())?;
    say("tidy");
    let findings = tidy::findings()?;
    ensure!(findings.is_empty(), "not tidy:\n{}", findings.join("\n"));
    step("documentation", documentation().env("RUSTDOCFLAGS", "--deny=warnings"))?;
    let component = ["component", "build", "--target", BARE];
    optional("component", cargo(component).current_dir(root().join("plugin")))?;
    // Advisories come from a database on the network: what passed yesterday must pass today.
    optional("deny", &mut cargo(["deny", "check", "bans", "licenses", "sources"]))
}

fn clippy_for_wasm() -> Command {
    let packages = ["--package=iterable-connector", "--package=test-guests", "--lib", "--examples"];
    let mut clippy = cargo(["clippy", "--target", BARE]);
    clippy.args(packages).args(["--", "--deny=warnings"]);
    clippy
}

fn documentation() -> Command {
    cargo(["doc", "--no-deps", "--document-private-items"])
}

fn step(name: &str, command: &mut Command) -> Result<()> {
    say(name);
    run(command)
}

/// A check by a cargo subcommand that not every machine has.
fn optional(subcommand: &str, command: &mut Command) -> Result<()> {
    let version = cargo([subcommand, "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if version.is_ok_and(|status| status.success()) {
        return step(&format!("cargo {subcommand}"), command);
    }
    say(&format!("cargo {subcommand}: not installed, left out"));
    Ok(())
}
