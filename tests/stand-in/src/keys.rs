//! The project's API keys: their kinds and their data centre.

use clap::ValueEnum;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::call::Received;

/// The data centre of a project. Its keys are unknown in the other one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DataCentre {
    /// `api.iterable.com`.
    #[default]
    Us,
    /// `api.eu.iterable.com`.
    Eu,
}

/// The kind of an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Server-side, with full access.
    Standard,
    /// Server-side, for a few reads.
    ReadOnly,
    /// For use in an app.
    Mobile,
}

/// The project's keys and the data centre in which they are valid.
#[derive(Debug)]
pub(crate) struct ApiKeys {
    standard: String,
    read_only: String,
    mobile: String,
    data_centre: DataCentre,
}

impl ApiKeys {
    pub(crate) fn new(standard: String, data_centre: DataCentre) -> Self {
        let derived = |what: &str| short_hash(&format!("{what} {standard}"));
        Self { read_only: derived("read only"), mobile: derived("mobile"), standard, data_centre }
    }

    pub(crate) fn of(&self, kind: KeyKind) -> &str {
        match kind {
            KeyKind::Standard => &self.standard,
            KeyKind::ReadOnly => &self.read_only,
            KeyKind::Mobile => &self.mobile,
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({"standard": self.standard, "readOnly": self.read_only, "mobile": self.mobile})
    }

    /// Returns the kind of a request's key, or `None` if the key is not one of this project's.
    pub(crate) fn kind(&self, received: &Received) -> Option<KeyKind> {
        let asked = match received.header("host") {
            Some("api.iterable.com") => DataCentre::Us,
            Some("api.eu.iterable.com") => DataCentre::Eu,
            _ => self.data_centre,
        };
        let key = received.key().filter(|_| asked == self.data_centre)?;
        [
            (&self.standard, KeyKind::Standard),
            (&self.read_only, KeyKind::ReadOnly),
            (&self.mobile, KeyKind::Mobile),
        ]
        .into_iter()
        .find(|(known, _)| known.as_str() == key)
        .map(|(_, kind)| kind)
    }
}

/// Returns 32 hex characters, the length of a real key.
pub(crate) fn short_hash(text: &str) -> String {
    hex::encode(Sha256::digest(text).iter().take(16).copied().collect::<Vec<u8>>())
}
