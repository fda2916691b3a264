//! Component versions published through the API. At the next start, a published version takes precedence over the
//! file.
//! Tested in `api/src/tests/plugins.rs`.

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{
    Connections,
    approval::Approval,
    conditions::{ExcessiveCondition, LoadConditions, StoredConditions},
};
use crate::who::Who;
use host_harness::{
    config::{self, ConfigProblem},
    host::AddError,
    plugin::{Changes, LoadError, LoadPolicy, Plugin, Slot, SwapError},
};
use host_model::{contract::manifest::Manifest, digest::Digest};
use host_store::{
    StoreError,
    audit::{self, ALL_TENANTS, Record},
    components::{self, Publication},
};

/// The reason that a version was not published. The running version stays in place.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The plugin's name is not valid.
    #[error(transparent)]
    Named(#[from] ConfigProblem),
    /// The component does not load.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The publication asks for more than the service allows.
    #[error(transparent)]
    Excessive(#[from] ExcessiveCondition),
    /// The configuration file has the plugin's conditions.
    #[error(
        "plugin {0} is in the configuration file, which sets its max-bytes, describe-ms and wasi: change them there and \
         restart"
    )]
    ConditionsOfFile(String),
    /// The version cannot replace the running one.
    #[error(transparent)]
    Swap(#[from] SwapError),
    /// The plugin is new, so all of its permissions are new.
    #[error("the host has no plugin {name} yet; this one requests:{changes}")]
    New {
        /// The plugin's name.
        name: String,
        /// All of its permissions.
        changes: Changes,
    },
    /// The previous version identifies people by something else.
    #[error(
        "the previous version, {digest}, identifies people by something else, so they would be rekeyed:{changes}"
    )]
    Rekeys {
        /// The digest of that version.
        digest: Digest,
        /// What it requests that the running version does not.
        changes: Changes,
    },
    /// The plugin follows a watched file.
    #[error("plugin {0} follows its file (watch = true): replace the file, or turn watch off and restart")]
    FollowsFile(String),
    /// The host has no plugin of this name.
    #[error("there is no plugin {0}")]
    Unknown(String),
    /// There is no previous version.
    #[error("no version of plugin {0} was published: there is no version to roll back to")]
    NothingBefore(String),
    /// Another version was published while the previous one was being loaded.
    #[error("another version of plugin {0} was published in the meantime: check it, then roll back again")]
    Overtaken(String),
    /// The component of the previous version is no longer stored.
    #[error("the previous version, {0}, is not stored here: publish it again instead")]
    BeforeIsGone(Digest),
    /// The component of the previous version was damaged or replaced in the database.
    #[error("{0}: publish it again instead")]
    BeforeIsChanged(StoreError),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for PublishError {
    fn from(error: StoreError) -> Self {
        if error.is_about_one_row() { Self::BeforeIsChanged(error) } else { Self::Store(error) }
    }
}

/// The version that runs now.
#[derive(Clone, Debug)]
pub struct Published {
    /// The digest of the component.
    pub digest: Digest,
    /// The digest of the version that ran before.
    pub before: Option<Digest>,
    /// What it requests that the previous version did not.
    pub changes: Changes,
    /// The conditions under which it loads.
    pub policy: LoadPolicy,
}

impl Connections {
    /// Publishes the component `bytes` as plugin `name`, replacing the running version if there is one. A version that
    /// requests more permissions requires `approval`. What `conditions` do not set is as for the version before; nothing
    /// may be set for a plugin in the configuration file.
    pub async fn publish(
        &self,
        who: &Who,
        name: &str,
        bytes: Vec<u8>,
        approval: Approval,
        conditions: LoadConditions,
    ) -> Result<Published, PublishError> {
        config::named_plugin(name)?;
        let digest = Digest(Sha256::digest(&bytes).into());
        tracing::info!(plugin = name, %digest, by = who.0, "publishing a plugin version");
        let published = self.publish_version(who, name, bytes, approval, conditions).await;
        match &published {
            Ok(published) => {
                let before = published.before.map(tracing::field::display);
                tracing::info!(plugin = name, %digest, before, by = who.0, "plugin version published");
            }
            Err(error) => {
                tracing::warn!(plugin = name, %digest, by = who.0, %error, "plugin version not published");
            }
        }
        published
    }

    async fn publish_version(
        &self,
        who: &Who,
        name: &str,
        bytes: Vec<u8>,
        approval: Approval,
        conditions: LoadConditions,
    ) -> Result<Published, PublishError> {
        if self.sources.plugins.get(name).is_some_and(|source| source.watch) {
            return Err(PublishError::FollowsFile(name.to_owned()));
        }
        conditions.check(self.sources.max_published_bytes)?;
        if !conditions.is_empty() && self.sources.plugins.contains_key(name) {
            return Err(PublishError::ConditionsOfFile(name.to_owned()));
        }
        let current = conditions.over(&self.stored_conditions(name).await?.current);
        let policy = self.policy(name, &current);
        let plugin = self.load(bytes.clone(), &policy).await?;
        let digest = plugin.digest();
        let _alone = self.sources.changing.lock().await;
        // Another version may have been published while this one compiled.
        let conditions = StoredConditions { current, before: self.stored_conditions(name).await?.current };
        let Some(slot) = self.served.host().plugin(name) else {
            let changes = Changes::between(&Manifest::default(), plugin.manifest());
            if approval == Approval::Missing {
                return Err(PublishError::New { name: name.to_owned(), changes });
            }
            let kept = vec![(digest, bytes)];
            let published = Published { digest, before: None, changes, policy };
            self.keep(who, "plugin-published", name, kept, &published, &conditions).await?;
            return self.first(name, plugin, published).await;
        };
        let running = slot.current();
        let (before, changes) =
            (running.plugin().digest(), Changes::between(running.plugin().manifest(), plugin.manifest()));
        if before == digest {
            let published = Published { digest, before: None, changes, policy };
            self.keep_again(who, name, bytes, &published, conditions).await?;
            return Ok(Published { before: Some(before), ..published });
        }
        let file = self.file_of(name, before);
        match approval {
            Approval::Given => slot.replace_agreed(plugin)?,
            Approval::Missing => slot.replace(plugin)?,
        };
        let published = Published { digest, before: Some(before), changes, policy };
        let kept = [Some((digest, bytes)), file].into_iter().flatten().collect();
        if let Err(error) = self.keep(who, "plugin-published", name, kept, &published, &conditions).await {
            slot.roll_back()?;
            return Err(error.into());
        }
        self.load_all().await?;
        Ok(published)
    }

    /// Adds a plugin that is new to the host. It has been stored, because the host cannot remove a plugin again.
    async fn first(
        &self,
        name: &str,
        plugin: Plugin,
        published: Published,
    ) -> Result<Published, PublishError> {
        let added = self.served.host().add_loaded(name, plugin);
        added.map_err(|error| match error {
            AddError::Named(problem) => PublishError::Named(problem),
            AddError::Load { cause, .. } => PublishError::Load(cause),
            AddError::NameTaken(name) => PublishError::Unknown(name),
        })?;
        self.load_all().await?;
        Ok(published)
    }

    /// Restores the version that ran before the published one; doing it twice returns to the start. A version that
    /// rekeys people requires approval.
    pub async fn roll_back(
        &self,
        who: &Who,
        name: &str,
        approval: Approval,
    ) -> Result<Published, PublishError> {
        let slot = self.served.host().plugin(name).ok_or_else(|| PublishError::Unknown(name.to_owned()))?;
        tracing::info!(plugin = name, by = who.0, "rolling a plugin back");
        let published = self.restore_before(who, name, &slot, approval).await;
        match &published {
            Ok(Published { digest, before, .. }) => {
                let before = before.map(tracing::field::display);
                tracing::info!(plugin = name, %digest, before, by = who.0, "plugin rolled back");
            }
            Err(error) => tracing::warn!(plugin = name, by = who.0, %error, "plugin not rolled back"),
        }
        published
    }

    async fn restore_before(
        &self,
        who: &Who,
        name: &str,
        slot: &Slot,
        approval: Approval,
    ) -> Result<Published, PublishError> {
        let target = self.before(name).await?;
        let bytes = self
            .store
            .read(move |connection| Box::pin(async move { components::component(connection, target).await }))
            .await?
            .ok_or(PublishError::BeforeIsGone(target))?;
        let policy = self.policy(name, &self.stored_conditions(name).await?.before);
        let plugin = self.load(bytes, &policy).await?;
        let _alone = self.sources.changing.lock().await;
        if self.before(name).await? != target {
            return Err(PublishError::Overtaken(name.to_owned()));
        }
        let stored = self.stored_conditions(name).await?;
        let conditions = StoredConditions { current: stored.before, before: stored.current };
        let running = slot.current();
        let changes = Changes::between(running.plugin().manifest(), plugin.manifest());
        if changes.rekeys_people() && approval == Approval::Missing {
            return Err(PublishError::Rekeys { digest: target, changes });
        }
        let published =
            Published { digest: target, before: Some(running.plugin().digest()), changes, policy };
        slot.replace_agreed(plugin)?;
        if let Err(error) =
            self.keep(who, "plugin-rolled-back", name, Vec::new(), &published, &conditions).await
        {
            slot.roll_back()?;
            return Err(error.into());
        }
        self.load_all().await?;
        Ok(published)
    }

    /// Compiles and checks a component, one at a time. May take long: must not be called while `changing` is held.
    async fn load(&self, bytes: Vec<u8>, policy: &LoadPolicy) -> Result<Plugin, LoadError> {
        let _one = self.sources.compiling.lock().await;
        self.served.host().load(bytes, policy).await
    }

    /// Returns the component in the plugin's file if it is still the running one: a roll-back needs it.
    fn file_of(&self, name: &str, running: Digest) -> Option<(Digest, Vec<u8>)> {
        let bytes = std::fs::read(&self.sources.plugins.get(name)?.path).ok()?;
        let digest = Digest(Sha256::digest(&bytes).into());
        (digest == running).then_some((digest, bytes))
    }

    async fn keep(
        &self,
        who: &Who,
        what: &'static str,
        name: &str,
        components: Vec<(Digest, Vec<u8>)>,
        published: &Published,
        conditions: &StoredConditions,
    ) -> Result<(), StoreError> {
        let at = self.clock.date_ms();
        let publication = Publication {
            plugin: name.to_owned(),
            digest: published.digest,
            before: published.before,
            conditions: conditions.current.written(),
            conditions_before: conditions.before.written(),
            published_at: at,
        };
        let mut detail = json!({"by": who.0, "plugin": name, "agreed-to": published.changes});
        if let (Some(detail), false) = (detail.as_object_mut(), conditions.current.is_empty()) {
            detail.insert("conditions".to_owned(), json!(conditions.current));
        }
        let record = Record { digest: Some(published.digest.to_string()), detail, ..Record::of(what) };
        self.write_publication(components, publication, record, at).await
    }

    async fn write_publication(
        &self,
        components: Vec<(Digest, Vec<u8>)>,
        publication: Publication,
        record: Record,
        at: i64,
    ) -> Result<(), StoreError> {
        let vault = self.store.vault().clone();
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    for (digest, bytes) in components {
                        components::insert(tx, digest, bytes).await?;
                    }
                    components::publish(tx, &vault, &publication).await?;
                    audit::append(tx, &vault, ALL_TENANTS, at, &record).await
                })
            })
            .await
    }

    /// Stores the running version again if it was published, with other conditions if they changed. Repairs bytes that
    /// were damaged in the database, and a row that was changed from outside.
    async fn keep_again(
        &self,
        who: &Who,
        name: &str,
        bytes: Vec<u8>,
        published: &Published,
        conditions: StoredConditions,
    ) -> Result<(), StoreError> {
        let digest = published.digest;
        let publication = match self.publication(name).await {
            Err(error) if error.is_about_one_row() => {
                let kept = vec![(digest, bytes)];
                return self.keep(who, "plugin-published", name, kept, published, &conditions).await;
            }
            publication => publication?,
        };
        let Some(publication) = publication else { return Ok(()) };
        let StoredConditions { current, before } = conditions;
        if current == before {
            let repaired = self
                .store
                .write(move |tx| Box::pin(async move { components::insert(tx, digest, bytes).await }));
            return repaired.await;
        }
        let detail = json!({"by": who.0, "plugin": name, "conditions": current});
        let running = Some(publication.digest.to_string());
        let record = Record { digest: running, detail, ..Record::of("plugin-conditions-changed") };
        let publication = Publication { conditions: current.written(), ..publication };
        self.write_publication(vec![(digest, bytes)], publication, record, self.clock.date_ms()).await
    }
}
