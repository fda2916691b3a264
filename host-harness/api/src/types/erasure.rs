//! Receipts of erasures.

use host_model::contract::erasure;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::mirror::mirror;
use crate::identity::Identity;

mirror! {
    /// How far an erasure has come.
    pub enum ReceiptStatus mirrors erasure::Status {
        /// The vendor accepted it and is working on it.
        Accepted,
        /// The person is gone, as the vendor says or shows.
        Erased,
        /// There was nothing to erase.
        #[serde(alias = "not-found")]
        NotFound,
    }
}

/// What proves an erasure, or how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Receipt {
    /// How far it has come.
    pub status: ReceiptStatus,
    /// What the vendor answered or showed, free of personal data.
    pub evidence: String,
    /// What a later look for proof needs; null if it needs nothing.
    pub reference: Option<String>,
    /// After how many milliseconds a look for proof makes sense; null if the vendor will never show more.
    pub confirm_after_ms: Option<u64>,
}

impl From<erasure::Receipt> for Receipt {
    fn from(receipt: erasure::Receipt) -> Self {
        let erasure::Receipt { status, evidence, reference, confirm_after_ms } = receipt;
        Self { status: status.into(), evidence, reference, confirm_after_ms }
    }
}

/// An erasure to look for proof of: one that is no request of this service, or was made elsewhere.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ErasureToConfirm {
    /// The person.
    pub identity: Identity,
    /// What the erasure, or the last look at it, returned as its reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}
