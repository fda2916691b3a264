//! Outcomes that a connector's requests must support, and the exemptions from that rule.

use serde::{Deserialize, Serialize};
use strum::{Display, VariantArray};

use super::interface::Interface;

/// An outcome that a connector can report only if its requests support it. Its string form is its name in the contract.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Display, VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Claim {
    /// `erase` reports `accepted`.
    EraseAccepted,
    /// `erase` reports `erased`.
    EraseErased,
    /// `erase` reports `not-found`.
    EraseNotFound,
    /// `confirm` reports `erased`.
    ConfirmErased,
    /// `confirm` reports `not-found`.
    ConfirmNotFound,
    /// `apply` reports `applied`.
    ApplyApplied,
    /// `apply` reports `unchanged`.
    ApplyUnchanged,
    /// `apply` reports `pending`.
    ApplyPending,
    /// `current` reports what the vendor holds.
    CurrentRead,
    /// `install` reports `installed`.
    TokenInstalled,
}

impl Claim {
    /// Returns the interface whose calls report it.
    pub fn interface(self) -> Interface {
        match self {
            Self::EraseAccepted
            | Self::EraseErased
            | Self::EraseNotFound
            | Self::ConfirmErased
            | Self::ConfirmNotFound => Interface::Erasure,
            Self::ApplyApplied | Self::ApplyUnchanged | Self::ApplyPending | Self::CurrentRead => {
                Interface::Consent
            }
            Self::TokenInstalled => Interface::WebhookToken,
        }
    }
}

/// An outcome that the connector reports although no request supports it, so that the operator must trust it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Exemption {
    /// The outcome.
    pub claim: Claim,
    /// Why the vendor offers no request for it, for the operator.
    pub reason: String,
}
