//! A manifest that keeps the contract's rules: only a checked one can be sent by, so nothing here is looked at twice.

mod check;
mod declared;
mod error;

pub(super) use declared::{BodyKind, Declared, Written};
pub use error::ManifestError;

use std::collections::BTreeMap;

use host_model::contract::{Interface, manifest::Manifest};

/// A checked manifest. Lives as long as its plugin.
#[derive(Debug)]
pub struct Declaration {
    manifest: Manifest,
    operations: BTreeMap<String, Declared>,
}

impl Declaration {
    /// Checks every rule, and tells each that is broken.
    pub fn check(manifest: Manifest) -> Result<Self, Vec<ManifestError>> {
        let operations = check::operations(&manifest)?;
        Ok(Self { manifest, operations })
    }

    /// Checks that a component which exports `offered` can report each outcome that its manifest exempts.
    pub(crate) fn offering(self, offered: &[Interface]) -> Result<Self, Vec<ManifestError>> {
        let errors = check::unreported(&self.manifest, offered);
        if errors.is_empty() { Ok(self) } else { Err(errors) }
    }

    /// The manifest as the connector gave it.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The operation of that name.
    pub(crate) fn operation(&self, name: &str) -> Option<&Declared> {
        self.operations.get(name)
    }

    /// The operation that fetches `secret`, where the host can get it by itself.
    pub(crate) fn exchange_for(&self, secret: &str) -> Option<&Declared> {
        self.operations.values().find(|declared| declared.used_by.is_empty() && declared.fetches(secret))
    }
}
