//! Runs all tests: unit tests, integration tests and the tests in the documentation.

use anyhow::Result;

use crate::{
    build,
    shell::{cargo, run, say},
};

/// A clock that can be advanced, for the tests that kill the program.
const FEATURES: &str = "--features=host-cli/test-clock";

/// Builds what the tests load, then passes `arguments` to `cargo test`.
pub(crate) fn all(arguments: &[String]) -> Result<()> {
    build::all()?;
    say("tests");
    run(cargo(["test", FEATURES]).args(arguments))
}
