//! Published versions as they are stored, and as they are loaded at a start.
//! Tested in `api/src/tests/plugins.rs`.

use super::{Connections, conditions::LoadConditions, loaded::stored_component, publish_error::PublishError};
use host_harness::plugin::LoadPolicy;
use host_model::digest::Digest;
use host_store::{
    StoreError,
    alarms::{self, Alarm},
    components::{self, PluginRow, Publication},
};

impl Connections {
    /// Returns the digest of the version that ran before the published one.
    pub(super) async fn before(&self, name: &str) -> Result<Digest, PublishError> {
        let before = self.publication(name).await?.and_then(|publication| publication.before);
        before.ok_or_else(|| PublishError::NothingBefore(name.to_owned()))
    }

    /// Returns the publication of a plugin; `None` if it has none. Fails if its row was changed from outside.
    pub(super) async fn publication(&self, name: &str) -> Result<Option<Publication>, StoreError> {
        let row = self.publications().await?.into_iter().find(|row| row.plugin == name);
        row.map(|row| row.publication).transpose()
    }

    async fn publications(&self) -> Result<Vec<PluginRow>, StoreError> {
        let vault = self.store.vault().clone();
        self.store.read(|c| Box::pin(async move { components::publications(c, &vault).await })).await
    }

    /// Returns the conditions of the published version; the defaults if they are not stored or cannot be read.
    pub(super) async fn stored_conditions(&self, name: &str) -> Result<LoadConditions, StoreError> {
        let publication = match self.publication(name).await {
            // Publishing again replaces such a row.
            Err(error) if error.is_about_one_row() => None,
            publication => publication?,
        };
        let written = publication.and_then(|publication| publication.conditions);
        Ok(LoadConditions::read(written.as_deref()).unwrap_or_default())
    }

    /// Loads every published version into a starting host. A version that fails to load raises an alarm and does not
    /// affect the others. Its connections wait, because no one has approved running them on another version.
    pub(crate) async fn put_published(&self) -> Result<(), StoreError> {
        for PluginRow { plugin: name, publication } in self.publications().await? {
            let put = match &publication {
                Ok(publication) => self.put_one(publication).await,
                Err(error) => Err(error.to_string()),
            };
            let Err(why) = put else { continue };
            tracing::error!(plugin = name, %why, "published plugin version does not load");
            let at = self.clock.date_ms();
            let raised = self.store.write(move |tx| {
                Box::pin(async move {
                    let detail = format!("{why}; publish another version of it");
                    let alarm = Alarm::of_service("plugin-not-loaded", &name, &detail);
                    alarms::raise(tx, at, &alarm).await
                })
            });
            raised.await?;
        }
        Ok(())
    }

    async fn put_one(&self, publication: &Publication) -> Result<(), String> {
        let (name, digest) = (publication.plugin.as_str(), publication.digest);
        let conditions = LoadConditions::read(publication.conditions.as_deref())
            .map_err(|error| format!("its stored conditions cannot be read: {error}"))?;
        let bytes = stored_component(&self.store, digest).await.map_err(|error| error.to_string())?;
        let bytes = bytes.ok_or_else(|| format!("the component {digest} is no longer stored"))?;
        let host = self.served.host();
        let loaded = host.load_admitted(bytes, &self.policy(name, &conditions)).await;
        let loaded = loaded.map_err(|error| format!("plugin {name}: {error}"))?;
        host.add_loaded(name, loaded).map(drop).map_err(|error| error.to_string())
    }

    /// Returns the policy of the file for a plugin that it has, else that of `conditions`.
    pub(super) fn policy(&self, name: &str, conditions: &LoadConditions) -> LoadPolicy {
        self.sources.policy(name, conditions)
    }
}
