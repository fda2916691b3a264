//! The interfaces that a connector can export.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An exported interface of the contract: one capability, and whose calls may send an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interface {
    /// What the connector is, and whether a connection of it works.
    Connector,
    /// The right to be forgotten.
    Erasure,
    /// Choices about what a person receives.
    Consent,
    /// What the vendor tells the platform.
    WebhookVerify,
    /// The token that the vendor's webhooks carry.
    WebhookToken,
}

impl Interface {
    /// All of them, in the contract's order.
    pub const ALL: [Self; 5] =
        [Self::Connector, Self::Erasure, Self::Consent, Self::WebhookVerify, Self::WebhookToken];

    /// The name in the contract, such as `webhook-verify`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connector => "connector",
            Self::Erasure => "erasure",
            Self::Consent => "consent",
            Self::WebhookVerify => "webhook-verify",
            Self::WebhookToken => "webhook-token",
        }
    }

    /// The interface of that name, where there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|interface| interface.name() == name)
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
