//! How far the plugins in registries are pulled.

use std::collections::BTreeMap;

use host_registry::PluginReference;
use host_store::{
    StoreError, alarms,
    components::Publication,
    pulls::{self, PluginPull, Pull, PullFailure},
};

use super::super::{Connections, approval::Approval, publish_error::PublishError};

/// The alarm about a plugin that could not be pulled as configured.
pub(super) const NOT_PULLED: &str = "plugin-not-pulled";

/// A plugin that is to be pulled by the host itself.
pub(super) struct DuePull {
    pub(super) reference: PluginReference,
    /// Given for a plugin that was never published: the configuration names what is to run.
    pub(super) approval: Approval,
}

/// A plugin in a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryPlugin {
    /// The reference, as configured.
    pub reference: String,
    /// What it was pulled as; `None` if it never was, or its row was changed from outside.
    pub pulled: Option<Pull>,
    /// Why the last pull failed; `None` if it did not.
    pub failure: Option<PullFailure>,
}

/// What the database has about pulls, by plugin.
struct StoredPulls {
    pulled: BTreeMap<String, Option<Pull>>,
    failures: BTreeMap<String, PullFailure>,
}

impl Connections {
    /// Returns the plugins that are in registries according to the configuration, by name.
    pub async fn registry_plugins(&self) -> Result<BTreeMap<String, RegistryPlugin>, StoreError> {
        let StoredPulls { mut pulled, mut failures } = self.stored_pulls().await?;
        let plugins = self.sources.registries.references().iter();
        let plugins = plugins.map(|(name, reference)| {
            let (pulled, failure) = (pulled.remove(name).flatten(), failures.remove(name));
            (name.clone(), RegistryPlugin { reference: reference.to_string(), pulled, failure })
        });
        Ok(plugins.collect())
    }

    /// Returns the configured reference of a plugin; `None` if it is in no registry.
    pub(super) fn reference(&self, name: &str) -> Option<&PluginReference> {
        self.sources.registries.references().get(name)
    }

    async fn stored_pulls(&self) -> Result<StoredPulls, StoreError> {
        let vault = self.store.vault().clone();
        let read = self
            .store
            .read(|c| Box::pin(async move { Ok((pulls::all(c, &vault).await?, pulls::failures(c).await?)) }));
        let (pulls, failures) = read.await?;
        let row = |PluginPull { plugin, pulled }| {
            let pulled = pulled.inspect_err(|error| {
                tracing::error!(plugin, %error, "what a plugin was pulled as cannot be relied on");
            });
            (plugin, pulled.ok())
        };
        let failures = failures.into_iter().map(|failure| (failure.plugin.clone(), failure));
        Ok(StoredPulls { pulled: pulls.into_iter().map(row).collect(), failures: failures.collect() })
    }

    /// Returns what the host itself has to pull of a plugin; `None` if it was pulled as configured. What was pulled is pulled
    /// again, by its digest, if it is published and does not run: its component was lost.
    pub(super) async fn due_pull(
        &self,
        name: &str,
        configured: &PluginReference,
    ) -> Result<Option<DuePull>, PublishError> {
        let pulled = self.stored_pulls().await?.pulled.remove(name).flatten();
        let pulled = pulled.filter(|pulled| pulled.reference == configured.to_string());
        let published = match self.publication(name).await {
            Err(error) if error.is_about_one_row() => None,
            published => published?.map(|Publication { digest, .. }| digest),
        };
        let runs = self.served.host().plugin(name).is_some();
        Ok(match pulled {
            Some(pulled) if runs || published != Some(pulled.component) => None,
            Some(pulled) => {
                Some(DuePull { reference: configured.pinned(pulled.manifest), approval: Approval::Given })
            }
            None => {
                // What ran from a file before does not keep back what the configuration names now.
                let approval = if published.is_none() { Approval::Given } else { Approval::Missing };
                Some(DuePull { reference: configured.clone(), approval })
            }
        })
    }

    /// Forgets the pulls of plugins that are not in a registry any more.
    pub(super) async fn forget_other_pulls(&self) -> Result<(), StoreError> {
        let StoredPulls { pulled, failures } = self.stored_pulls().await?;
        let stored = pulled.into_keys().chain(failures.into_keys());
        let others: Vec<String> = stored.filter(|name| self.reference(name).is_none()).collect();
        let at = self.clock.date_ms();
        let forgotten = self.store.write(move |tx| {
            Box::pin(async move {
                for name in others {
                    pulls::forget(tx, &name).await?;
                    alarms::is_over(tx, at, NOT_PULLED, &name).await?;
                }
                Ok(())
            })
        });
        forgotten.await
    }
}
