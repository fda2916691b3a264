//! The names that a component imports and exports, all of which must belong to one version of the contract.
//! Tested in `tests/all/load/imports.rs`.

use super::{
    interfaces::{IMPORTS, InterfaceUse},
    load_error::LoadError,
    load_policy::Wasi,
};
use host_model::contract::{self, ContractVersion, Interface};

/// The imports and exports of a component.
pub(super) struct Surface {
    pub(super) contract: ContractVersion,
    pub(super) imports: Vec<String>,
    pub(super) offered: Vec<Interface>,
    /// Exports that the contract does not have. Nothing calls them.
    pub(super) ignored: Vec<String>,
}

impl Surface {
    /// Checks all import and export names of a component.
    pub(super) fn of(imports: Vec<String>, exports: Vec<String>, wasi: Wasi) -> Result<Self, LoadError> {
        let mut seen = Versions::default();
        for import in &imports {
            let is_wasi = import.starts_with("wasi:");
            if is_wasi && wasi == Wasi::Trapped {
                continue;
            }
            let foreign = || LoadError::ForeignImport { import: import.clone(), wasi: is_wasi };
            let (interface, version) = contract::split(import).ok_or_else(foreign)?;
            if !IMPORTS.contains(&interface) {
                return Err(foreign());
            }
            seen.take(InterfaceUse::Imports, import, version)?;
        }
        let (mut offered, mut ignored) = (Vec::new(), Vec::new());
        for export in exports {
            let known = contract::split(&export).map(|(interface, version)| {
                // Also checked if the interface is unknown: it may be one of a later version.
                seen.take(InterfaceUse::Exports, &export, version)?;
                Ok::<_, LoadError>(interface.parse().ok())
            });
            match known.transpose()?.flatten() {
                Some(interface) => offered.push(interface),
                None => ignored.push(export),
            }
        }
        offered.sort_unstable();
        match seen.first {
            Some((contract, _)) if offered.first() == Some(&Interface::Connector) => {
                Ok(Self { contract, imports, offered, ignored })
            }
            _ => Err(LoadError::NoConnector),
        }
    }
}

/// The contract version found so far, if any.
#[derive(Default)]
struct Versions {
    first: Option<(ContractVersion, String)>,
}

impl Versions {
    fn take(&mut self, way: InterfaceUse, name: &str, version: &str) -> Result<(), LoadError> {
        let unserved = || LoadError::UnservedVersion { way, name: name.to_owned() };
        let version = version.parse().map_err(|_| unserved())?;
        match &self.first {
            Some((known, first)) if *known != version => {
                Err(LoadError::MixedVersions(first.clone(), name.to_owned()))
            }
            Some(_) => Ok(()),
            None => {
                self.first = Some((version, name.to_owned()));
                Ok(())
            }
        }
    }
}
