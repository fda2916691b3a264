//! A plugin's identity and permissions, for the operator who must approve them.
//! Tested in `cli/src/inspect/tests.rs`.

use serde::{Deserialize, Serialize};

use super::{loaded::Plugin, parts::ComponentParts};
use host_model::contract::{ContractVersion, Interface, manifest::Manifest};

/// A plugin's identity and permissions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permissions {
    /// The SHA-256 of its bytes, such as `sha256:…`.
    pub digest: String,
    /// The contract version that it was built against.
    pub contract: ContractVersion,
    /// All its imports.
    pub imports: Vec<String>,
    /// The capabilities that it offers.
    pub exports: Vec<Interface>,
    /// Its exports that the contract does not have. Nothing calls them.
    pub ignored_exports: Vec<String>,
    /// The parts that it consists of in each call.
    pub parts: ComponentParts,
    /// Its manifest, with every setting, operation and limit.
    pub manifest: Manifest,
}

impl From<&Plugin> for Permissions {
    fn from(plugin: &Plugin) -> Self {
        Self {
            digest: plugin.digest().to_string(),
            contract: plugin.contract(),
            imports: plugin.imports().to_vec(),
            exports: plugin.exports().to_vec(),
            ignored_exports: plugin.ignored_exports().to_vec(),
            parts: *plugin.parts(),
            manifest: plugin.manifest().clone(),
        }
    }
}
