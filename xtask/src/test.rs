//! Runs all tests: unit tests, integration tests and the tests in the documentation.

use anyhow::Result;

use crate::{
    build,
    shell::{cargo, run, say},
};

/// A clock that can be advanced, for the tests that kill the program.
const FEATURES: &str = "--features=host-cli/test-clock";

/// The exchange of versions, under many orders of its threads. Apart from the other tests, since shuttle's features would
/// have cargo build the TLS stack once more.
const ORDERS: [&str; 4] = ["test", "--package=host-exchange", "--features=shuttle", "--test=orders"];

/// Builds what the tests load, then passes `arguments` to `cargo test`. Without arguments, also checks the exchange.
pub(crate) fn all(arguments: &[String]) -> Result<()> {
    build::all()?;
    say("tests");
    run(cargo(["test", FEATURES]).args(arguments))?;
    if arguments.is_empty() {
        say("the exchange of versions, in many orders of its threads");
        run(&mut cargo(ORDERS))?;
    }
    Ok(())
}
