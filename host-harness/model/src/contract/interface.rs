//! The interfaces that a connector can export.

use serde::{Deserialize, Serialize};
use strum::{AsRefStr, Display, EnumString, VariantArray, VariantNames};

/// An exported interface of the contract: one capability, and whose calls may send an operation. Its word is its name in the
/// contract.
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
