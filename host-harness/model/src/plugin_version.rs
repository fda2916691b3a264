//! The states of a plugin's version, from its upload to its end.

use serde::{Deserialize, Serialize};
use strum::{AsRefStr, Display, EnumString, VariantArray};

/// A state of a plugin's version. Each is reached by a step that has its evidence.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString, AsRefStr, VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum VersionState {
    /// Its bytes are stored.
    Uploaded,
    /// It is compiled, and its manifest was checked.
    Compiled,
    /// It proved itself in its own sandbox.
    Proven,
    /// An operator approved what it requests.
    Approved,
    /// New calls run on it.
    Serving,
    /// It served, and another version does now.
    Retired,
    /// It was not admitted: the step has the reason.
    Refused,
}

/// Where a version came from.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString, AsRefStr, VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum VersionSource {
    /// It was uploaded through the API.
    Upload,
    /// The file of the configuration.
    File,
    /// The registry of the configuration.
    Registry,
    /// It was published before versions had a history.
    Earlier,
}
