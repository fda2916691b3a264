//! The names that a component imports and exports, all of which must belong to one version of the contract.
//! Tested in `tests/all/load/imports.rs`.

use wasmtime::component::Component;

use super::{
    interfaces::{IMPORTS, InterfaceUse},
    load_error::LoadError,
    load_policy::Wasi,
};
use crate::engine::Engine;
use host_model::contract::{self, ContractVersion, Interface};

/// The imports and exports of a component.
pub(super) struct Surface {
    pub(super) contract: ContractVersion,
    pub(super) imports: Vec<String>,
    pub(super) offered: Vec<Interface>,
}

impl Surface {
    /// Checks all import and export names of `component`.
    pub(super) fn of(engine: &Engine, component: &Component, wasi: Wasi) -> Result<Self, LoadError> {
        let (ty, engine) = (component.component_type(), engine.wasmtime());
        let mut seen = Versions::default();
        let mut imports = Vec::new();
        for (import, _) in ty.imports(engine) {
            let is_wasi = import.starts_with("wasi:");
            if !(is_wasi && wasi == Wasi::Trapped) {
                let foreign = || LoadError::ForeignImport { import: import.to_owned(), wasi: is_wasi };
                let (interface, version) = contract::split(import).ok_or_else(foreign)?;
                if !IMPORTS.contains(&interface) {
                    return Err(foreign());
                }
                seen.take(InterfaceUse::Imports, import, version)?;
            }
            imports.push(import.to_owned());
        }
        let mut offered = Vec::new();
        for (export, _) in ty.exports(engine) {
            let foreign = || LoadError::ForeignExport { export: export.to_owned() };
            let (interface, version) = contract::split(export).ok_or_else(foreign)?;
            offered.push(interface.parse().map_err(|_| foreign())?);
            seen.take(InterfaceUse::Exports, export, version)?;
        }
        offered.sort_unstable();
        match seen.first {
            Some((contract, _)) if offered.first() == Some(&Interface::Connector) => {
                Ok(Self { contract, imports, offered })
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
