//! Receipts of erasures.

use host_model::contract::erasure;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{mirror::mirror, observed::Observed};
use crate::identity::Identity;

mirror! {
    /// The state of an erasure.
    pub enum ReceiptStatus mirrors erasure::ErasureStatus {
        /// The vendor has accepted it and is working on it.
        Accepted,
        /// The person is erased, as confirmed or shown by the vendor.
        Erased,
        /// There was nothing to erase.
        #[serde(alias = "not-found")]
        NotFound,
    }
}

/// The proof of an erasure, or its state so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Receipt {
    /// The state.
    pub status: ReceiptStatus,
    /// What the vendor answered or showed; contains no personal data.
    pub evidence: String,
    /// The reference for a later confirmation; null if none is needed.
    pub reference: Option<String>,
    /// The number of milliseconds after which a confirmation makes sense; null if the vendor never provides more proof.
    pub confirm_after_ms: Option<u64>,
    /// What the host itself observed in the call that returned the receipt; null if it was recorded by a version that did
    /// not observe calls.
    #[serde(default)]
    pub observed: Option<Observed>,
}

impl From<erasure::Receipt> for Receipt {
    fn from(receipt: erasure::Receipt) -> Self {
        let erasure::Receipt { status, evidence, reference, confirm_after_ms, observed } = receipt;
        let observed = observed.map(Into::into);
        Self { status: status.into(), evidence, reference, confirm_after_ms, observed }
    }
}

/// An erasure to confirm that is not a request of this service, or was made elsewhere.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ErasureToConfirm {
    /// The person.
    pub identity: Identity,
    /// The reference that the erasure, or its last confirmation, returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}
