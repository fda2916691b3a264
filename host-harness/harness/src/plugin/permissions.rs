//! What a plugin is and everything that it may do, for whoever has to agree to it.

use serde::{Deserialize, Serialize};

use super::loaded::Plugin;
use host_model::contract::{ContractVersion, Interface, manifest::Manifest};

/// A plugin's identity and everything that it may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permissions {
    /// The SHA-256 of its bytes, such as `sha256:…`.
    pub digest: String,
    /// The version of the contract that it was built against.
    pub contract: ContractVersion,
    /// Everything that it imports.
    pub imports: Vec<String>,
    /// What it offers.
    pub exports: Vec<Interface>,
    /// What it declares of itself: every setting, operation and limit.
    pub manifest: Manifest,
}

impl From<&Plugin> for Permissions {
    fn from(plugin: &Plugin) -> Self {
        Self {
            digest: plugin.digest().to_string(),
            contract: plugin.contract(),
            imports: plugin.imports().to_vec(),
            exports: plugin.exports().to_vec(),
            manifest: plugin.manifest().clone(),
        }
    }
}
