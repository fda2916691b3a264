//! Runs all tests: unit tests, integration tests and the tests in the documentation.

use std::env;

use anyhow::Result;

use crate::{
    browser, build,
    shell::{cargo, run, say},
};

/// A clock that can be advanced, for the tests that kill the program.
const FEATURES: &str = "--features=host-cli/test-clock";

/// The exchange of versions, under many orders of its threads. Apart from the other tests, since shuttle's features would
/// have cargo build the TLS stack once more.
const ORDERS: [&str; 4] = ["test", "--package=host-exchange", "--features=shuttle", "--test=orders"];

/// Builds what the tests load, then passes `arguments` to `cargo test`. Without arguments, also checks the exchange, and
/// walks through the operator's page in a browser.
pub(crate) fn all(arguments: &[String]) -> Result<()> {
    build::all()?;
    say("tests");
    run(cargo(["test", FEATURES]).args(arguments))?;
    if arguments.is_empty() {
        say("the exchange of versions, in many orders of its threads");
        run(&mut cargo(ORDERS))?;
        walk_in_browser()?;
    }
    Ok(())
}

/// Walks through the operator's page if the machine has a browser, or can install one. What is left out on a developer's
/// machine is a failure in continuous integration.
fn walk_in_browser() -> Result<()> {
    match browser::prepare() {
        Ok(()) => browser::walk(),
        Err(error) if env::var_os("CI").is_some() => Err(error.context("the page's tests cannot run")),
        Err(error) => {
            say("everything passed, but the tests of the operator's page in a browser were left out:");
            say(&format!("{error:#}; then `cargo xtask screens` runs them"));
            Ok(())
        }
    }
}
