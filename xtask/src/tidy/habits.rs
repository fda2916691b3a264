//! Habits that make code hard to read or to find: signatures in which `true` or a position says nothing, a type name that means
//! two things, and tests in a file that is not named as one.

mod signatures;
mod test_files;
#[cfg(test)]
mod tests;
mod type_names;

use anyhow::Result;
use xtask::components::root;

use super::source::{
    modules::Modules,
    package::{Package, packages},
};

pub(super) fn findings() -> Result<Vec<String>> {
    let packages = packages(root())?;
    let mut findings = Vec::new();
    for package in &packages {
        findings.extend(package.signatures()?);
        findings.extend(package.test_files()?);
    }
    findings.extend(type_names::defined_twice(&packages)?);
    Ok(findings)
}

impl Package {
    /// The modules of its library and its programs, without those that are compiled for tests alone.
    fn crates(&self) -> Result<Vec<Modules>> {
        self.roots().map(Modules::read).collect()
    }
}
