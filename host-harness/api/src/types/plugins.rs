//! Plugins: what runs, everything that it may do, and versions that are published.

use host_harness::plugin;
use host_service::connections::plugins;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::manifest::Manifest;

/// What publishing means for the next start.
const NEXT_START: &str = "it also runs after the next start, before the file that the configuration names";

/// The plugins that run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Plugins {
    /// In the order of their names.
    pub plugins: Vec<Plugin>,
}

/// A plugin's version that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Plugin {
    /// The name that connections call it by.
    pub name: String,
    /// The connector's own name.
    pub connector: String,
    /// The connector's own version.
    pub version: String,
    /// The SHA-256 of its bytes, such as `sha256:…`.
    pub digest: String,
    /// The version of the contract that it was built against, such as `0.2.0`.
    pub contract: String,
    /// The interfaces that it exports.
    pub interfaces: Vec<String>,
    /// What it imports.
    pub imports: Vec<String>,
}

impl Plugin {
    /// The version `running` of the plugin that connections call `name`.
    pub fn of(name: &str, running: &plugin::Plugin) -> Self {
        Self {
            name: name.to_owned(),
            connector: running.manifest().name.clone(),
            version: running.manifest().version.clone(),
            digest: running.digest().to_string(),
            contract: running.contract().to_string(),
            interfaces: running.exports().iter().map(ToString::to_string).collect(),
            imports: running.imports().to_vec(),
        }
    }
}

/// A plugin's identity and everything that it may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Permissions {
    /// The SHA-256 of its bytes, such as `sha256:…`.
    pub digest: String,
    /// The version of the contract that it was built against.
    pub contract: String,
    /// Everything that it imports.
    pub imports: Vec<String>,
    /// The interfaces that it exports.
    pub exports: Vec<String>,
    /// What it declares of itself: every setting, operation and limit.
    pub manifest: Manifest,
}

impl From<plugin::Permissions> for Permissions {
    fn from(permissions: plugin::Permissions) -> Self {
        let plugin::Permissions { digest, contract, imports, exports, manifest } = permissions;
        Self {
            digest,
            contract: contract.to_string(),
            imports,
            exports: exports.iter().map(ToString::to_string).collect(),
            manifest: manifest.into(),
        }
    }
}

/// How a version is published.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Publishing {
    /// Let it ask for more than the running version does, or offer less.
    #[serde(default)]
    pub agree: bool,
}

/// The version of a plugin that runs from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublishedVersion {
    /// The plugin.
    pub name: String,
    /// The digest of the version that runs.
    pub digest: String,
    /// The digest of the one before it; null if there is none.
    pub before: Option<String>,
    /// What it asks for that the one before did not, a sentence each.
    pub changes: Vec<String>,
    /// What happens at the next start.
    pub next_start: String,
}

impl PublishedVersion {
    /// What was published of the plugin `name`.
    pub fn of(name: String, published: &plugins::Published) -> Self {
        Self {
            name,
            digest: published.digest.to_string(),
            before: published.before.map(|digest| digest.to_string()),
            changes: published.changes.0.iter().map(ToString::to_string).collect(),
            next_start: NEXT_START.to_owned(),
        }
    }
}
