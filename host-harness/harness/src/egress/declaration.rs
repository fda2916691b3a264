//! A validated manifest. Requests are only sent from a validated manifest, so nothing needs to be checked again.
//! Tested in `src/egress/declaration/check/tests.rs`.

mod check;
mod declared;
mod error;

pub(super) use declared::{BodyKind, DeclaredOperation, HostField};
pub use error::ManifestError;

use std::collections::{BTreeMap, BTreeSet};

use host_model::contract::{Interface, manifest::Manifest};

/// A validated manifest. Lives as long as its plugin.
#[derive(Debug)]
pub struct Declaration {
    manifest: Manifest,
    operations: BTreeMap<String, DeclaredOperation>,
    /// The secret settings for which the vendor issues successors.
    rotated: BTreeSet<String>,
}

impl Declaration {
    /// Checks all rules and returns every one that is broken.
    pub fn check(manifest: Manifest) -> Result<Self, Vec<ManifestError>> {
        let operations = check::operations(&manifest)?;
        let captured: BTreeSet<_> = operations.values().flat_map(DeclaredOperation::captured).collect();
        let secret = manifest.settings.iter().filter(|setting| setting.secret);
        let rotated =
            secret.map(|setting| setting.name.clone()).filter(|name| captured.contains(name)).collect();
        Ok(Self { manifest, operations, rotated })
    }

    /// Checks that a component that exports `offered` can report each outcome that its manifest exempts.
    pub(crate) fn offering(self, offered: &[Interface]) -> Result<Self, Vec<ManifestError>> {
        let errors = check::unreported(&self.manifest, offered);
        if errors.is_empty() { Ok(self) } else { Err(errors) }
    }

    /// Returns the manifest as the connector provided it.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns the operation with that name.
    pub(crate) fn operation(&self, name: &str) -> Option<&DeclaredOperation> {
        self.operations.get(name)
    }

    /// Returns whether the vendor issues successors for any secret setting.
    pub(crate) fn rotates_secrets(&self) -> bool {
        !self.rotated.is_empty()
    }

    /// Returns the operation that fetches `secret`, if the host can fetch it.
    pub(crate) fn exchange_for(&self, secret: &str) -> Option<&DeclaredOperation> {
        self.operations.values().find(|declared| declared.used_by.is_empty() && declared.fetches(secret))
    }
}
