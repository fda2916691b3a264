//! Plugins: the running versions with everything that they may do, and published versions.

use std::num::{NonZeroU64, NonZeroUsize};

use host_harness::plugin::{self, LoadPolicy, Wasi};
use host_service::connections::{conditions, publication};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    manifest::Manifest,
    pins::PluginPin,
    registries::{PluginNotPulled, PluginRegistry},
    trust::PluginTrust,
    versions::PluginVersionStep,
};

/// The effect of publishing on the next start.
const NEXT_START: &str =
    "it also runs after the next start, and takes precedence over the file in the configuration";

/// The running plugins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Plugins {
    /// Sorted by name.
    pub plugins: Vec<Plugin>,
    /// Those in registries that do not run, since they could not be pulled yet. Sorted by name.
    #[serde(default)]
    pub not_pulled: Vec<PluginNotPulled>,
}

/// The running version of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Plugin {
    /// The name that connections refer to.
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
    /// Its exports that the contract does not have. Nothing calls them.
    #[serde(default)]
    pub ignored_exports: Vec<String>,
    /// The tenants and connections, among those that the API key can access, that another or the same version serves
    /// whichever the plugin runs.
    #[serde(default)]
    pub pins: Vec<PluginPin>,
    /// Its place in a registry; null if it is in none.
    #[serde(default)]
    pub registry: Option<PluginRegistry>,
}

impl Plugin {
    /// The version `running` of the plugin `name`, with the plugin's pins, in no registry.
    pub fn of(name: &str, running: &plugin::Plugin, pins: Vec<PluginPin>) -> Self {
        Self {
            name: name.to_owned(),
            connector: running.manifest().name.clone(),
            version: running.manifest().version.clone(),
            digest: running.digest().to_string(),
            contract: running.contract().to_string(),
            interfaces: running.exports().iter().map(ToString::to_string).collect(),
            imports: running.imports().to_vec(),
            ignored_exports: running.ignored_exports().to_vec(),
            pins,
            registry: None,
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
    /// The interfaces that it imports.
    pub imports: Vec<String>,
    /// The interfaces that it exports.
    pub exports: Vec<String>,
    /// Its exports that the contract does not have. Nothing calls them.
    #[serde(default)]
    pub ignored_exports: Vec<String>,
    /// The parts that it consists of in each call, as its limits count them.
    #[serde(default)]
    pub parts: ComponentParts,
    /// The tenants and connections, among those that the API key can access, that are pinned to a version of the plugin.
    #[serde(default)]
    pub pins: Vec<PluginPin>,
    /// Whose signatures the plugin needs; null if it needs none.
    #[serde(default)]
    pub trust: Option<PluginTrust>,
    /// Its place in a registry; null if it is in none.
    #[serde(default)]
    pub registry: Option<PluginRegistry>,
    /// Its manifest: every setting, operation and limit.
    pub manifest: Manifest,
}

/// The parts that a plugin consists of in each call. An instance that is made twice counts twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ComponentParts {
    /// Core instances.
    pub core_instances: u64,
    /// Linear memories.
    pub memories: u64,
    /// Bytes that all memories together begin with.
    pub memory_bytes: u64,
    /// Tables.
    pub tables: u64,
    /// Elements that all tables together begin with.
    pub table_elements: u64,
}

impl From<plugin::ComponentParts> for ComponentParts {
    fn from(parts: plugin::ComponentParts) -> Self {
        let plugin::ComponentParts { core_instances, memories, memory_bytes, tables, table_elements } = parts;
        Self { core_instances, memories, memory_bytes, tables, table_elements }
    }
}

impl From<plugin::Permissions> for Permissions {
    fn from(permissions: plugin::Permissions) -> Self {
        let plugin::Permissions { digest, contract, imports, exports, ignored_exports, parts, manifest } =
            permissions;
        Self {
            digest,
            contract: contract.to_string(),
            imports,
            exports: exports.iter().map(ToString::to_string).collect(),
            ignored_exports,
            parts: parts.into(),
            pins: Vec::new(),
            trust: None,
            registry: None,
            manifest: manifest.into(),
        }
    }
}

/// Parameters of publishing a version.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Publishing {
    /// Allow the version to request more permissions than the running one, to offer less, or to make something else of
    /// stored deliveries and requests.
    #[serde(default)]
    pub agree: bool,
    /// Test every connection of the plugin on the version before it serves. Only requests that read reach the vendor. A
    /// test that fails refuses the version.
    #[serde(default)]
    pub test_connections: bool,
    /// What to write about the version, for its history.
    pub note: Option<String>,
    /// Maximum size of the component, in bytes; at most the service's `max-published-bytes`. If it is absent, the
    /// previous version's applies, or 2 MiB. Refused for a plugin in the configuration file, as are the next two.
    #[param(value_type = Option<u64>, minimum = 1)]
    pub max_bytes: Option<NonZeroUsize>,
    /// How long it may take to start and describe itself, in milliseconds, at most 60000. If it is absent, the previous
    /// version's applies, or 10000.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 60_000)]
    pub describe_ms: Option<NonZeroU64>,
    /// Whether it may import `wasi:*`; a call that uses such an import ends. If it is absent, the previous version's
    /// applies, or false.
    pub wasi_trapped: Option<bool>,
}

impl Publishing {
    /// Returns what it sets of the conditions.
    pub fn conditions(&self) -> conditions::LoadConditions {
        conditions_of(self.max_bytes, self.describe_ms, self.wasi_trapped)
    }
}

/// Parameters of uploading a version that is not to serve yet.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Uploading {
    /// What to write about the version, for its history.
    pub note: Option<String>,
    /// Maximum size of the component, in bytes, as for publishing.
    #[param(value_type = Option<u64>, minimum = 1)]
    pub max_bytes: Option<NonZeroUsize>,
    /// How long it may take to start and describe itself, in milliseconds, as for publishing.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 60_000)]
    pub describe_ms: Option<NonZeroU64>,
    /// Whether it may import `wasi:*`, as for publishing.
    pub wasi_trapped: Option<bool>,
}

impl Uploading {
    /// Returns what it sets of the conditions.
    pub fn conditions(&self) -> conditions::LoadConditions {
        conditions_of(self.max_bytes, self.describe_ms, self.wasi_trapped)
    }
}

fn conditions_of(
    max_bytes: Option<NonZeroUsize>,
    describe_ms: Option<NonZeroU64>,
    wasi_trapped: Option<bool>,
) -> conditions::LoadConditions {
    let wasi = wasi_trapped.map(|trapped| if trapped { Wasi::Trapped } else { Wasi::Refused });
    conditions::LoadConditions { max_bytes, describe_ms, wasi }
}

/// Parameters of rolling back.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RollingBack {
    /// Allow the version to change how people are identified.
    #[serde(default)]
    pub agree: bool,
}

/// The newly published version of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublishedVersion {
    /// The plugin's name.
    pub name: String,
    /// The digest of the version that now runs.
    pub digest: String,
    /// The digest of the previous version; null if there is none.
    pub before: Option<String>,
    /// What it requests that the previous version did not, one sentence each.
    pub changes: Vec<String>,
    /// The conditions under which it was loaded, and will be at each start.
    pub conditions: LoadConditions,
    /// The steps that led to it, with their evidence and how long each took.
    #[serde(default)]
    pub steps: Vec<PluginVersionStep>,
    /// What happens at the next start.
    pub next_start: String,
}

/// The conditions under which a plugin loads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LoadConditions {
    /// Maximum size of the component, in bytes.
    pub max_bytes: u64,
    /// How long it may take to start and describe itself, in milliseconds.
    pub describe_ms: u64,
    /// Whether it may import `wasi:*`; a call that uses such an import ends.
    pub wasi_trapped: bool,
}

impl From<LoadPolicy> for LoadConditions {
    fn from(LoadPolicy { max_bytes, wasi, describe }: LoadPolicy) -> Self {
        Self {
            max_bytes: u64::try_from(max_bytes).unwrap_or(u64::MAX),
            describe_ms: u64::try_from(describe.as_millis()).unwrap_or(u64::MAX),
            wasi_trapped: wasi == Wasi::Trapped,
        }
    }
}

impl PublishedVersion {
    /// The version of the plugin `name` that was published.
    pub fn of(name: String, published: &publication::Published) -> Self {
        Self {
            name,
            digest: published.digest.to_string(),
            before: published.before.map(|digest| digest.to_string()),
            changes: published.changes.0.iter().map(ToString::to_string).collect(),
            conditions: published.policy.into(),
            steps: published.steps.iter().cloned().map(Into::into).collect(),
            next_start: NEXT_START.to_owned(),
        }
    }
}
