//! All checks that do not run the code. The first failing check ends the run.

use std::process::{Command, Stdio};

use anyhow::{Result, ensure};
use xtask::components::{BARE, root};

use crate::{
    build::add_target,
    shell::{cargo, run, say},
    tidy,
};

/// The checks by cargo, each with a name and cargo's arguments.
const CHECKS: [(&str, &[&str]); 7] = [
    ("formatting", &["fmt", "--all", "--check"]),
    (
        "clippy",
        &[
            "clippy",
            "--all-targets",
            "--features=host-harness/measure,host-cli/test-clock",
            "--",
            "--deny=warnings",
        ],
    ),
    (
        // With the rest of the workspace, whose checks are reused.
        "clippy for the program as it is shipped, without the test clock",
        &["clippy", "--all-targets", "--features=host-harness/measure", "--", "--deny=warnings"],
    ),
    (
        "clippy for the test of the exchange",
        &[
            "clippy",
            "--package=host-exchange",
            "--all-targets",
            "--features=shuttle",
            "--",
            "--deny=warnings",
        ],
    ),
    (
        "clippy for the tests in a browser",
        &["clippy", "--package=screen-tests", "--all-targets", "--no-deps", "--", "--deny=warnings"],
    ),
    (
        "clippy for wasm: plugin and test guests",
        &[
            "clippy",
            "--target",
            BARE,
            "--package=iterable-connector",
            "--package=test-guests",
            "--lib",
            "--examples",
            "--",
            "--deny=warnings",
        ],
    ),
    ("documentation", &["doc", "--no-deps", "--document-private-items"]),
];

/// Runs every check.
pub(crate) fn all() -> Result<()> {
    say("tidy");
    let findings = tidy::findings()?;
    ensure!(findings.is_empty(), "not tidy:\n{}", findings.join("\n"));
    add_target(BARE)?;
    for (name, arguments) in CHECKS {
        say(name);
        run(cargo([]).args(arguments).env("RUSTDOCFLAGS", "--deny=warnings"))?;
    }
    where_installed(
        "component",
        cargo(["component", "build", "--target", BARE]).current_dir(root().join("plugin")),
    )?;
    // Advisories are left out because they come from a database on the network: what passed yesterday must pass today.
    where_installed("deny", &mut cargo(["deny", "check", "bans", "licenses", "sources"]))
}

/// Runs a check with a cargo subcommand, if it is installed.
fn where_installed(subcommand: &str, check: &mut Command) -> Result<()> {
    let version = cargo([subcommand, "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if version.is_ok_and(|status| status.success()) {
        say(&format!("cargo {subcommand}"));
        return run(check);
    }
    say(&format!("cargo {subcommand}: not installed, skipped"));
    Ok(())
}
