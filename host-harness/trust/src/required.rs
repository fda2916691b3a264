//! What a plugin's configuration requires of its bundles.

use serde::{Deserialize, Serialize};
use strum::{AsRefStr, Display, EnumString, VariantNames};

/// What a plugin's bundle has to contain. Each variant also requires what those before it do.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString, AsRefStr, VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Required {
    /// A signature by a trusted key: of the component, or of a statement about it. A signature of the component has no
    /// plugin's name and no revision. So a component that the key signed for another plugin passes, and an old one does
    /// until the plugin's first statement is admitted.
    Signature,
    /// A signed statement about the component.
    Statement,
    /// A signed statement according to which the release passed the conformance suite.
    PassedConformance,
}
