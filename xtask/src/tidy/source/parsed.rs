//! A package's source, parsed once for several checks.

use std::path::PathBuf;

use anyhow::Result;

use super::{modules::Modules, package::Package};

/// The parsed source of a package.
pub(crate) struct Source {
    pub(crate) folder: PathBuf,
    /// The modules of its library and of each of its programs, without those that only tests compile.
    pub(crate) crates: Vec<Modules>,
}

impl Source {
    pub(crate) fn read(package: &Package) -> Result<Self> {
        let crates = package.roots().map(Modules::read).collect::<Result<_>>()?;
        Ok(Self { folder: package.folder(), crates })
    }
}
