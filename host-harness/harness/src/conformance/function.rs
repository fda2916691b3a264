//! The functions that a connector can export.

use host_model::contract::Interface;
use serde::{Deserialize, Serialize};
use strum::{AsRefStr, Display, EnumString, VariantArray, VariantNames};

/// A function of a connector that a case can call.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
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
pub enum ConnectorFunction {
    /// `connector.test-connection`.
    TestConnection,
    /// `erasure.erase`.
    Erase,
    /// `erasure.confirm`.
    Confirm,
    /// `consent.list-items`.
    ListItems,
    /// `consent.current`.
    Current,
    /// `consent.apply`.
    Apply,
    /// `webhook-verify.verify`.
    Verify,
    /// `webhook-token.install`.
    InstallToken,
}

impl ConnectorFunction {
    /// Returns the interface that it belongs to.
    pub fn interface(self) -> Interface {
        match self {
            Self::TestConnection => Interface::Connector,
            Self::Erase | Self::Confirm => Interface::Erasure,
            Self::ListItems | Self::Current | Self::Apply => Interface::Consent,
            Self::Verify => Interface::WebhookVerify,
            Self::InstallToken => Interface::WebhookToken,
        }
    }
}
