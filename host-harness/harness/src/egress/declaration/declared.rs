//! An operation from a validated manifest.
//! Tested in `src/egress/declaration/check/tests.rs`.

use std::collections::BTreeSet;

use http::{HeaderName, Method};

use crate::egress::template::{Blank, Template};
use host_model::contract::{
    Interface,
    manifest::{Capture, Effect, Limit, RequestPart},
    observed::OperationTarget,
};

/// An operation with its names resolved.
#[derive(Debug)]
pub(crate) struct DeclaredOperation {
    pub(crate) name: String,
    pub(crate) used_by: BTreeSet<Interface>,
    pub(crate) host_setting: String,
    pub(crate) method: Method,
    pub(crate) effect: Effect,
    pub(crate) path: Template,
    pub(crate) query: Vec<String>,
    pub(crate) body: Option<BodyForm>,
    pub(crate) fields: Vec<HostField>,
    pub(crate) captures: Vec<Capture>,
    pub(crate) response_headers: Vec<HeaderName>,
    pub(crate) response_limit: Option<u64>,
    pub(crate) limits: Vec<Limit>,
    /// The secrets that it is sent with: those among its blanks, determined once.
    pub(crate) secrets: BTreeSet<String>,
}

impl DeclaredOperation {
    /// Returns whether sending it may change something at the vendor.
    pub(crate) fn acts(&self) -> bool {
        self.effect == Effect::Write
    }

    /// Returns its method and path as declared, without what fills the blanks.
    pub(crate) fn target(&self) -> OperationTarget {
        OperationTarget { method: self.method.to_string(), path: self.path.to_string() }
    }

    /// Returns whether only the host sends it, to fetch a secret.
    pub(crate) fn is_token_exchange(&self) -> bool {
        self.used_by.is_empty()
    }

    /// Returns whether its response contains `secret`.
    pub(crate) fn fetches(&self, secret: &str) -> bool {
        self.captures.iter().any(|capture| capture.secret == secret)
    }

    /// Returns the secrets that its response contains.
    pub(super) fn captured(&self) -> BTreeSet<String> {
        self.captures.iter().map(|capture| capture.secret.clone()).collect()
    }

    /// Returns every blank of its path and fields.
    pub(crate) fn blanks(&self) -> impl Iterator<Item = &Blank> {
        self.path.blanks().chain(self.fields.iter().flat_map(|field| field.value.blanks()))
    }
}

/// The format of a body, as far as the host needs it to write fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BodyForm {
    pub(crate) content_type: String,
    pub(crate) kind: BodyKind,
}

/// The kind of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyKind {
    /// `application/json`, and types that end in `+json`.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// Any other type; sent unchanged.
    Opaque,
}

/// A field that the host writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostField {
    pub(crate) place: RequestPart,
    pub(crate) name: String,
    pub(crate) value: Template,
}
