//! The versions of plugins that tenants and connections are pinned to.

use host_store::pins::Pin;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The pins of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PluginPins {
    /// The plugin's name.
    pub name: String,
    /// Sorted by tenant and connection.
    pub pins: Vec<PluginPin>,
}

/// The version that serves a connection, or all connections of a tenant, whichever version their plugin runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PluginPin {
    /// The plugin's name.
    pub plugin: String,
    /// The tenant.
    pub tenant: String,
    /// The key of the connection; null for all connections of the tenant that have no pin of their own.
    pub connection: Option<String>,
    /// The digest of the version.
    pub digest: String,
    /// Who pinned them.
    pub by: String,
    /// When, in milliseconds since 1970 in UTC.
    pub at: i64,
    /// What the operator wrote about it; null if nothing.
    pub note: Option<String>,
}

impl From<Pin> for PluginPin {
    fn from(Pin { plugin, tenant, scope, digest, pinned_by, pinned_at, note }: Pin) -> Self {
        let connection = scope.connection().map(str::to_owned);
        Self { plugin, tenant, connection, digest: digest.to_string(), by: pinned_by, at: pinned_at, note }
    }
}

/// The version to pin to.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PinnedVersion {
    /// The digest of a version that was approved or has served.
    pub digest: String,
    /// What to write about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Parameters of pinning and unpinning.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Pinning {
    /// Allow the version to change how people are identified.
    #[serde(default)]
    pub agree: bool,
}

/// What was unpinned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Unpinned {
    /// The plugin's name.
    pub name: String,
    /// The tenant whose pin was removed; null if it was that of a connection.
    pub tenant: Option<String>,
    /// The connection whose pin was removed; null if it was that of a tenant.
    pub connection: Option<String>,
}

/// Parameters of a call that can be made on a version that does not serve the connection.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OnVersion {
    /// The digest of the version to call, which must have been approved or have served. If it is absent, the version that
    /// serves the connection.
    pub version: Option<String>,
}
