//! A manifest that keeps the contract's rules: only a checked one can be sent by, so nothing here is looked at twice.

mod check;
mod error;

pub use error::ManifestError;

use std::collections::{BTreeMap, BTreeSet};

use http::{HeaderName, Method};

use super::template::{Blank, Template};
use host_model::contract::{
    Interface,
    manifest::{Capture, Effect, Limit, Manifest, Place},
};

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

/// An operation with its names resolved.
#[derive(Debug)]
pub(crate) struct Declared {
    pub(crate) name: String,
    pub(crate) used_by: BTreeSet<Interface>,
    pub(crate) host_setting: String,
    pub(crate) method: Method,
    pub(crate) effect: Effect,
    pub(crate) path: Template,
    pub(crate) query: Vec<String>,
    pub(crate) body: Option<BodyForm>,
    pub(crate) fields: Vec<Written>,
    pub(crate) captures: Vec<Capture>,
    pub(crate) response_headers: Vec<HeaderName>,
    pub(crate) response_limit: Option<u64>,
    pub(crate) limits: Vec<Limit>,
    /// What it is sent with: the secrets among its blanks, found once.
    pub(crate) secrets: BTreeSet<String>,
}

impl Declared {
    /// Whether sending it may change something at the vendor.
    pub(crate) fn acts(&self) -> bool {
        self.effect == Effect::Write
    }

    /// Whether its answer brings `secret`.
    pub(crate) fn fetches(&self, secret: &str) -> bool {
        self.captures.iter().any(|capture| capture.secret == secret)
    }

    /// The secrets that its answer brings.
    fn captured(&self) -> BTreeSet<String> {
        self.captures.iter().map(|capture| capture.secret.clone()).collect()
    }

    /// Every blank of its path and fields.
    pub(crate) fn blanks(&self) -> impl Iterator<Item = &Blank> {
        self.path.blanks().chain(self.fields.iter().flat_map(|field| field.value.blanks()))
    }
}

/// The form of a body, as far as the host writes into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BodyForm {
    pub(crate) content_type: String,
    pub(crate) kind: BodyKind,
}

/// What the host can write into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyKind {
    /// `application/json`, and what ends in `+json`.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// Sent as it is.
    Opaque,
}

/// A field that the host writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) place: Place,
    pub(crate) name: String,
    pub(crate) value: Template,
}
