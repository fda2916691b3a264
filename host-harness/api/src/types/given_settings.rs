//! Settings that are given with a version of a plugin.

use std::collections::BTreeMap;

use host_service::connections::given_settings as host;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::connections::SecretText;

/// Settings that apply as a version begins to serve, because it requires them.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GivenSettings {
    /// For every connection of the plugin: the settings that are not secret, by the names in the version's manifest.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
    /// For every connection of the plugin: the secret settings. They are sealed and never shown again.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, SecretText>,
    /// For single connections, by their keys. These take precedence.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub connections: BTreeMap<String, ConnectionSettings>,
}

/// Settings of one connection that apply as a version begins to serve.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ConnectionSettings {
    /// The settings that are not secret, by the names in the version's manifest.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
    /// The secret settings. They are sealed and never shown again.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, SecretText>,
}

/// A component, with the bundle that signs it and the settings that it requires.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ComponentWithSettings {
    /// The component, in base64.
    pub component: String,
    /// The text of the bundle with its signature, the file `….sigstore.json` beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<String>,
    /// Settings that apply as it begins to serve.
    #[serde(default)]
    pub given: GivenSettings,
}

impl From<ConnectionSettings> for host::SettingValues {
    fn from(ConnectionSettings { settings, secrets }: ConnectionSettings) -> Self {
        let secrets = secrets.into_iter().map(|(name, SecretText(secret))| (name, secret)).collect();
        Self { settings, secrets }
    }
}

impl From<GivenSettings> for host::GivenSettings {
    fn from(GivenSettings { settings, secrets, connections }: GivenSettings) -> Self {
        Self {
            all: ConnectionSettings { settings, secrets }.into(),
            connections: connections.into_iter().map(|(key, values)| (key, values.into())).collect(),
        }
    }
}
