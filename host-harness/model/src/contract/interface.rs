//! The interfaces that a connector can export.

use serde::{Deserialize, Serialize};
use strum::{AsRefStr, Display, EnumString, VariantArray, VariantNames};

/// An exported interface of the contract: one capability. Each operation lists the interfaces whose calls may send it.
/// Its string form is its name in the contract.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    AsRefStr,
    VariantArray,
    VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Interface {
    /// Describes the connector and checks its connections.
    Connector,
    /// The right to be forgotten.
    Erasure,
    /// A person's choices about what they receive.
    Consent,
    /// Verifies and reads the vendor's webhook deliveries.
    WebhookVerify,
    /// The token that the vendor's webhooks carry.
    WebhookToken,
}
