//! Erasures and their receipts.

use serde::{Deserialize, Serialize};

use super::person::Subject;

/// How far an erasure has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The vendor took it and is working on it.
    Accepted,
    /// The person is gone, as the vendor says or shows.
    Erased,
    /// There was nothing to erase.
    NotFound,
}

/// What proves an erasure, or how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Receipt {
    /// How far it has come.
    pub status: Status,
    /// What the vendor answered or showed, free of personal data.
    pub evidence: String,
    /// What `confirm` needs to go on.
    pub reference: Option<String>,
    /// When `confirm` makes sense; none where the vendor will never show more.
    pub confirm_after_ms: Option<u64>,
}

/// An erasure under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingErasure {
    /// The person.
    pub subject: Subject,
    /// The last receipt's.
    pub reference: Option<String>,
}
