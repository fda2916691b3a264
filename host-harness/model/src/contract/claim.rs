//! Outcomes that a connector's requests have to support, and those that they cannot.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::interface::Interface;

/// An outcome that a connector can report only if its requests support it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
    /// The interface whose calls report it.
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

    /// The name in the contract, such as `erase-erased`.
    pub fn name(self) -> &'static str {
        match self {
            Self::EraseAccepted => "erase-accepted",
            Self::EraseErased => "erase-erased",
            Self::EraseNotFound => "erase-not-found",
            Self::ConfirmErased => "confirm-erased",
            Self::ConfirmNotFound => "confirm-not-found",
            Self::ApplyApplied => "apply-applied",
            Self::ApplyUnchanged => "apply-unchanged",
            Self::ApplyPending => "apply-pending",
            Self::CurrentRead => "current-read",
            Self::TokenInstalled => "token-installed",
        }
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An outcome that the connector reports although no request supports it: an operator takes it on trust.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Exemption {
    /// The outcome.
    pub claim: Claim,
    /// Why the vendor offers no request for it; for the operator.
    pub reason: String,
}
