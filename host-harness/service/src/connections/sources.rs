//! Where connections and plugins come from, and the locks that serialize changes.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use host_harness::{config::PluginSource, plugin::LoadPolicy};
use host_model::approvers::Approvers;

use super::conditions::LoadConditions;
use crate::settings::{
    ConfigFile, ServiceConfig, proof::ProofConfig, registries::RegistryConfig, releases::ReleaseConfig,
};

/// The sources of connections and plugins, and the locks that serialize changes.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// The configuration file whose connections are imported.
    pub(super) file: Option<PathBuf>,
    /// The source of each plugin in that file.
    pub(super) plugins: BTreeMap<String, PluginSource>,
    /// The plugins that are in registries.
    pub(super) registries: RegistryConfig,
    /// Maximum size that a publication may allow a component, in bytes.
    pub(super) max_published_bytes: usize,
    /// What a version has to prove before it serves.
    pub(super) proof: ProofConfig,
    /// How versions are released in steps unless the call that begins a release says otherwise.
    pub(super) releases: ReleaseConfig,
    /// Who may approve what somebody uploaded.
    pub(super) approvers: Approvers,
    /// Held while a component compiles, so that only one compiles at a time. Compiling may take long, and changes must not
    /// wait for it: it is not acquired while `changing` is held, except to load a pinned version that is not loaded yet.
    pub(super) compiling: tokio::sync::Mutex<()>,
    /// Shared with each component that compiles or waits for it.
    pub(super) to_compile: Arc<()>,
    /// Held while a connection or a plugin changes, so that the database and the host change in the same order.
    pub(super) changing: tokio::sync::Mutex<()>,
}

impl Sources {
    /// Returns the sources of `settings`, with the bounds of `service`.
    pub(crate) fn of(settings: &ConfigFile, service: &ServiceConfig) -> Self {
        let ConfigFile { config, registries, .. } = settings;
        Self {
            registries: registries.clone(),
            file: config.file().map(Path::to_owned),
            plugins: config.plugins().clone(),
            max_published_bytes: service.max_published_bytes,
            proof: service.proof.clone(),
            releases: service.releases.clone(),
            approvers: service.approvers,
            ..Self::default()
        }
    }

    /// Returns the policy of the file for a plugin that it has, else that of `conditions`.
    pub(super) fn policy(&self, name: &str, conditions: &LoadConditions) -> LoadPolicy {
        self.plugins.get(name).map_or_else(|| conditions.policy(), |source| source.policy)
    }
}
