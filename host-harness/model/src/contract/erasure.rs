//! Erasures and their receipts.

use serde::{Deserialize, Serialize};

use super::{observed::Observed, person::Subject};

/// The status of an erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErasureStatus {
    /// The vendor accepted it and is working on it.
    Accepted,
    /// The vendor states or shows that the person is gone.
    Erased,
    /// There was nothing to erase.
    NotFound,
}

/// The proof of an erasure, or its status so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Receipt {
    /// The status.
    pub status: ErasureStatus,
    /// What the vendor answered or showed, free of personal data.
    pub evidence: String,
    /// The reference that `confirm` needs to continue.
    pub reference: Option<String>,
    /// How long to wait before calling `confirm`; `None` if the vendor will never show more.
    pub confirm_after_ms: Option<u64>,
    /// What the host observed in the call; `None` in a receipt of a version that did not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Observed>,
}

impl Receipt {
    /// Creates a receipt with only this status.
    pub fn of(status: ErasureStatus) -> Self {
        Self { status, evidence: String::new(), reference: None, confirm_after_ms: None, observed: None }
    }
}

/// An erasure in progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingErasure {
    /// The person.
    pub subject: Subject,
    /// The last receipt's reference.
    pub reference: Option<String>,
}
