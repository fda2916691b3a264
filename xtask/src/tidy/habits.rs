//! Habits that make code hard to read or to find: signatures in which `true` or a position says nothing, a type name that means
//! two things, and tests in a file that is not named as one.

mod signatures;
mod test_files;
#[cfg(test)]
mod tests;
mod type_names;

use anyhow::Result;
use xtask::components::root;

use super::source::{package::packages, parsed::Source};

pub(super) fn findings() -> Result<Vec<String>> {
    let sources = packages(root())?.iter().map(Source::read).collect::<Result<Vec<_>>>()?;
    let mut findings = Vec::new();
    for modules in sources.iter().flat_map(|source| &source.crates) {
        findings.extend(signatures::findings(modules));
        findings.extend(test_files::findings(modules));
    }
    findings.extend(type_names::defined_twice(&sources));
    Ok(findings)
}
