//! Runs every test: unit and integration tests, then those in the documentation.

use anyhow::Result;

use crate::{
    build,
    shell::{cargo, run, say},
};

/// A clock that can be set ahead, for the tests that kill the program.
const FEATURES: &str = "--features=host-cli/test-clock";

/// Builds what the tests load, then passes `arguments` on to `cargo test`.
pub(crate) fn all(arguments: &[String]) -> Result<()> {
    build::all()?;
    say("tests");
    run(cargo(["test", FEATURES]).args(arguments))
}
