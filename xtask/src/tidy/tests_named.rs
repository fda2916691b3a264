//! Checks that the tests named in documents exist.

use std::{collections::BTreeSet, fs};

use anyhow::Result;
use xtask::components::root;

use crate::shell::{output, program};

/// The documents that cite tests as evidence.
const VOUCHING: [&str; 3] = ["ARCHITECTURE.md", "SECURITY.md", "docs/fides-parity.md"];

/// The minimum number of words in a test name. No other name here has as many.
const WORDS: usize = 4;

pub(super) fn findings() -> Result<Vec<String>> {
    let sources =
        output(&mut program("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*.rs"]))?;
    let mut functions = BTreeSet::new();
    for name in sources.lines() {
        let source = fs::read_to_string(root().join(name)).unwrap_or_default();
        functions.extend(in_source(&source).map(str::to_owned));
    }
    let mut findings = Vec::new();
    for document in VOUCHING {
        let text = fs::read_to_string(root().join(document)).unwrap_or_default();
        for test in named(&text).filter(|test| !functions.contains(*test)) {
            findings.push(format!("{document}: there is no test `{test}`"));
        }
    }
    Ok(findings)
}

/// Returns the names of functions in `source`.
fn in_source(source: &str) -> impl Iterator<Item = &str> {
    source.split("fn ").skip(1).map(|rest| rest.split(|c: char| !is_of_name(c)).next().unwrap_or_default())
}

/// Returns the words in backticks in `document` that are named like tests.
fn named(document: &str) -> impl Iterator<Item = &str> {
    let quoted = document.split('`').skip(1).step_by(2);
    quoted.filter(|name| name.chars().all(is_of_name) && name.split('_').count() >= WORDS)
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tests_are_distinguished_from_other_words() {
        let text = "see `a_late_event_loses` and `too_few_words`, `wit/`, `cargo xtask test`";
        assert_eq!(named(text).collect::<Vec<_>>(), ["a_late_event_loses"]);
        assert_eq!(
            in_source("pub async fn a_late_event_loses() {\n    fn b<T>()").collect::<Vec<_>>(),
            ["a_late_event_loses", "b"]
        );
    }
}
