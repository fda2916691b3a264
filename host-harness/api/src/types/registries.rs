//! The registries that plugins come from, and how far they were pulled.

use host_service::connections::pulls::RegistryPlugin;
use host_store::pulls;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The place of a plugin in a registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PluginRegistry {
    /// The reference, as configured.
    pub reference: String,
    /// What it was pulled as, of which the database has a copy; null if it never was.
    pub pulled: Option<PluginPull>,
    /// Why the last pull failed; null if it did not.
    pub failure: Option<PullFailure>,
}

/// What a plugin was pulled as. Starts and replicas stay on it, wherever its tag has moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PluginPull {
    /// The reference, as configured at that time.
    pub reference: String,
    /// The digest of the manifest that the reference led to.
    pub manifest: String,
    /// The digest of the component, which served then.
    pub digest: String,
    /// When it was pulled, in milliseconds since 1970 in UTC.
    pub pulled_at: i64,
}

/// Why the last pull of a plugin failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PullFailure {
    /// The reference, as configured at that time.
    pub reference: String,
    /// How often it failed in a row.
    pub failures: u32,
    /// When it failed last, in milliseconds since 1970 in UTC.
    pub failed_at: i64,
    /// Why.
    pub problem: String,
    /// When it is tried again; null if an operator has to pull it.
    pub again_at: Option<i64>,
}

/// A plugin in a registry that does not run, since it could not be pulled yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PluginNotPulled {
    /// The name that connections refer to.
    pub name: String,
    /// Its place in the registry.
    pub registry: PluginRegistry,
}

impl From<RegistryPlugin> for PluginRegistry {
    fn from(RegistryPlugin { reference, pulled, failure }: RegistryPlugin) -> Self {
        let pulled = pulled.map(|pulls::Pull { reference, manifest, component, pulled_at, .. }| PluginPull {
            reference,
            manifest: manifest.to_string(),
            digest: component.to_string(),
            pulled_at,
        });
        let failure = failure.map(|failure| {
            let pulls::PullFailure { reference, failures, failed_at, problem, again_at, .. } = failure;
            PullFailure { reference, failures, failed_at, problem, again_at }
        });
        Self { reference, pulled, failure }
    }
}

/// Parameters of pulling.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Pulling {
    /// Allow the version to request more permissions than the running one, to offer less, or to make something else of
    /// stored deliveries and requests.
    #[serde(default)]
    pub agree: bool,
}
