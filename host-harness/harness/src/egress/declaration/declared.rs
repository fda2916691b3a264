//! An operation as a checked manifest declares it.

use std::collections::BTreeSet;

use http::{HeaderName, Method};

use crate::egress::template::{Blank, Template};
use host_model::contract::{
    Interface,
    manifest::{Capture, Effect, Limit, Place},
};

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
    pub(super) fn captured(&self) -> BTreeSet<String> {
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
