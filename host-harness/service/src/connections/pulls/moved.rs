//! Plugins that have moved to a registry and were not published from it yet: the version that served last serves on until they
//! are pulled, whatever becomes of the registry.
//! Tested in `api/src/tests/moved_to_registry.rs`.

use std::sync::Arc;

use host_harness::plugin::Plugin;
use host_model::{digest::Digest, plugin_version::VersionState};
use host_store::{StoreError, versions};

use super::super::{Connections, loaded::VersionUnusable};

impl Connections {
    /// Loads the versions that served last into a starting host, of the plugins in registries of which none is published. One
    /// that does not load affects no other plugin: the registry is asked for it.
    pub(crate) async fn put_moved(&self) -> Result<(), StoreError> {
        for name in self.sources.registries.references().keys() {
            match self.last_served(name).await {
                Ok(Some(version)) => {
                    tracing::info!(plugin = name, digest = %version.digest(), "version that served last serves until the plugin is pulled");
                    if let Err(error) = self.served.host().add_loaded(name, version) {
                        tracing::error!(plugin = name, %error, "version that served last not served");
                    }
                }
                Ok(None) => {}
                Err(VersionUnusable::Store(error)) => return Err(error),
                Err(error) => {
                    tracing::error!(plugin = name, %error, "version that served last does not load");
                }
            }
        }
        Ok(())
    }

    /// Loads the version of a plugin that served last; `None` if there is none, or a version is published, which decides.
    async fn last_served(&self, name: &str) -> Result<Option<Arc<Plugin>>, VersionUnusable> {
        let is_published = match self.publication(name).await {
            Err(error) if error.is_about_one_row() => true,
            published => published?.is_some(),
        };
        if is_published {
            return Ok(None);
        }
        match self.last_serving(name).await? {
            Some(digest) => Ok(Some(self.versions.stored_version(name, digest).await?)),
            None => Ok(None),
        }
    }

    async fn last_serving(&self, name: &str) -> Result<Option<Digest>, StoreError> {
        let (vault, name) = (self.store.vault().clone(), name.to_owned());
        let versions =
            self.store.read(move |c| Box::pin(async move { versions::of_plugin(c, &name).await })).await?;
        let serving = versions
            .into_iter()
            .find(|stored| stored.version.state == VersionState::Serving && stored.is_authentic(&vault));
        Ok(serving.map(|stored| stored.version.digest))
    }
}
