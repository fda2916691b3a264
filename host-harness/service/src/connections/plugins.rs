//! Component versions published through the API. What was published wins over the file at the next start.

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{Connections, approval::Approval};
use crate::who::Who;
use host_harness::{
    config::{self, Problem},
    host::AddError,
    plugin::{Changes, LoadError, LoadPolicy, Plugin, SwapError},
};
use host_model::{contract::manifest::Manifest, digest::Digest};
use host_store::{
    StoreError,
    alarms::{self, Alarm},
    audit::{self, EVERYBODY, Record},
    components::{self, Publication},
};

/// Why a version was not published. What ran goes on running.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Its name is no word.
    #[error(transparent)]
    Named(#[from] Problem),
    /// It does not load.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// It cannot take the running one's place.
    #[error(transparent)]
    Swap(#[from] SwapError),
    /// A new plugin, which asks for everything.
    #[error("the host has no plugin {name} yet; this one asks for:{changes}")]
    New {
        /// The plugin's name.
        name: String,
        /// Everything.
        changes: Changes,
    },
    /// The version before identifies people by something else.
    #[error(
        "the version before, {digest}, identifies people by something else, so that they would be keyed anew:{changes}"
    )]
    Rekeys {
        /// That version.
        digest: Digest,
        /// What it asks for that the running one does not.
        changes: Changes,
    },
    /// Its file is watched.
    #[error("plugin {0} follows its file (watch = true): replace that, or turn watch off and start again")]
    FollowsFile(String),
    /// There is no such plugin.
    #[error("there is no plugin {0}")]
    Unknown(String),
    /// There is no version to go back to.
    #[error("no version of plugin {0} was published: there is none to go back to")]
    NothingBefore(String),
    /// Another version was published while the one before was loaded.
    #[error("another version of plugin {0} was published meanwhile: look at it, then roll back again")]
    Overtaken(String),
    /// The version before is gone.
    #[error("the version before, {0}, is not kept here: publish it again instead")]
    BeforeIsGone(Digest),
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What runs now.
#[derive(Clone, Debug)]
pub struct Published {
    /// What it is known by.
    pub digest: Digest,
    /// What ran before.
    pub before: Option<Digest>,
    /// What it asks for that the one before did not.
    pub changes: Changes,
}

impl Connections {
    /// Puts the component `bytes` in the place of plugin `name`, or makes that plugin. What asks for more needs `agree`.
    pub async fn publish(
        &self,
        who: &Who,
        name: &str,
        bytes: Vec<u8>,
        agree: bool,
    ) -> Result<Published, PublishError> {
        config::named_plugin(name)?;
        if self.sources.plugins.get(name).is_some_and(|source| source.watch) {
            return Err(PublishError::FollowsFile(name.to_owned()));
        }
        let plugin = self.load(name, bytes.clone()).await?;
        let digest = plugin.digest();
        let _alone = self.sources.changing.lock().await;
        let Some(slot) = self.served.host().plugin(name) else {
            let changes = Changes::between(&Manifest::default(), plugin.manifest());
            if !agree {
                return Err(PublishError::New { name: name.to_owned(), changes });
            }
            let kept = vec![(digest, bytes)];
            return self.first(who, name, plugin, kept, Published { digest, before: None, changes }).await;
        };
        let running = slot.current();
        let (before, changes) =
            (running.plugin().digest(), Changes::between(running.plugin().manifest(), plugin.manifest()));
        if before == digest {
            return Ok(Published { digest, before: Some(before), changes });
        }
        let file = self.file_of(name, before);
        if agree {
            slot.replace_agreed(plugin)?
        } else {
            slot.replace(plugin)?
        };
        let published = Published { digest, before: Some(before), changes };
        let kept = [Some((digest, bytes)), file].into_iter().flatten().collect();
        if let Err(error) = self.keep(who, "plugin-published", name, kept, &published).await {
            slot.roll_back()?;
            return Err(error.into());
        }
        self.carry_all().await?;
        Ok(published)
    }

    /// A plugin that the host did not have. It is kept first: the host cannot let it go again.
    async fn first(
        &self,
        who: &Who,
        name: &str,
        plugin: Plugin,
        kept: Vec<(Digest, Vec<u8>)>,
        published: Published,
    ) -> Result<Published, PublishError> {
        self.keep(who, "plugin-published", name, kept, &published).await?;
        let added = self.served.host().add_loaded(name, plugin);
        added.map_err(|error| match error {
            AddError::Named(problem) => PublishError::Named(problem),
            AddError::Load { cause, .. } => PublishError::Load(cause),
            AddError::NameTaken(name) => PublishError::Unknown(name),
        })?;
        self.carry_all().await?;
        Ok(published)
    }

    /// Puts the version before the published one back. Doing it twice ends where it began. One that keys people anew needs approval.
    pub async fn roll_back(
        &self,
        who: &Who,
        name: &str,
        approval: Approval,
    ) -> Result<Published, PublishError> {
        let slot = self.served.host().plugin(name).ok_or_else(|| PublishError::Unknown(name.to_owned()))?;
        let target = self.before(name).await?;
        let bytes = self
            .store
            .read(move |connection| Box::pin(async move { components::component(connection, target).await }))
            .await?
            .ok_or(PublishError::BeforeIsGone(target))?;
        let plugin = self.load(name, bytes).await?;
        let _alone = self.sources.changing.lock().await;
        if self.before(name).await? != target {
            return Err(PublishError::Overtaken(name.to_owned()));
        }
        let running = slot.current();
        let changes = Changes::between(running.plugin().manifest(), plugin.manifest());
        if changes.rekeys_people() && approval == Approval::Missing {
            return Err(PublishError::Rekeys { digest: target, changes });
        }
        let published = Published { digest: target, before: Some(running.plugin().digest()), changes };
        slot.replace_agreed(plugin)?;
        if let Err(error) = self.keep(who, "plugin-rolled-back", name, Vec::new(), &published).await {
            slot.roll_back()?;
            return Err(error.into());
        }
        self.carry_all().await?;
        Ok(published)
    }

    /// The version that ran before the published one.
    async fn before(&self, name: &str) -> Result<Digest, PublishError> {
        let publications =
            self.store.read(|connection| Box::pin(components::publications(connection))).await?;
        let publication = publications.into_iter().find(|publication| publication.plugin == name);
        let before = publication.and_then(|publication| publication.before);
        before.ok_or_else(|| PublishError::NothingBefore(name.to_owned()))
    }

    /// Compiles and checks a component, one at a time. May take long: not to be called with `changing` held.
    async fn load(&self, name: &str, bytes: Vec<u8>) -> Result<Plugin, LoadError> {
        let _one = self.sources.compiling.lock().await;
        self.served.host().load(bytes, &self.policy(name)).await
    }

    /// Puts every published version on a host that starts. One that does not load raises an alarm and stops no other: its
    /// connections wait, since nobody said that they may run on another version.
    pub(crate) async fn put_published(&self) -> Result<(), StoreError> {
        for publication in
            self.store.read(|connection| Box::pin(components::publications(connection))).await?
        {
            let name = publication.plugin;
            let Err(why) = self.put_one(&name, publication.digest).await else { continue };
            tracing::error!(plugin = name, %why, "a published version does not load");
            let at = self.clock.date_ms();
            let raised = self.store.write(move |tx| {
                Box::pin(async move {
                    let detail = format!("{why}; publish another version of it");
                    let alarm = Alarm {
                        tenant: EVERYBODY,
                        connection: None,
                        kind: "plugin-not-loaded",
                        about: &name,
                        detail: &detail,
                    };
                    alarms::raise(tx, at, &alarm).await
                })
            });
            raised.await?;
        }
        Ok(())
    }

    async fn put_one(&self, name: &str, digest: Digest) -> Result<(), String> {
        let component = self
            .store
            .read(move |connection| Box::pin(async move { components::component(connection, digest).await }))
            .await;
        let bytes = component.map_err(|error| error.to_string())?;
        let bytes = bytes.ok_or_else(|| format!("the component {digest} is not kept any more"))?;
        self.served
            .host()
            .add_plugin(name, bytes, &self.policy(name))
            .await
            .map(drop)
            .map_err(|error| error.to_string())
    }

    fn policy(&self, name: &str) -> LoadPolicy {
        self.sources.plugins.get(name).map_or_else(LoadPolicy::default, |source| source.policy)
    }

    /// The component in the plugin's file, where it is still the one that runs: a roll-back needs it.
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
    ) -> Result<(), StoreError> {
        let at = self.clock.date_ms();
        let publication = Publication {
            plugin: name.to_owned(),
            digest: published.digest,
            before: published.before,
            published_at: at,
        };
        let detail = json!({"by": who.0, "plugin": name, "agreed-to": published.changes});
        let record = Record { digest: Some(published.digest.to_string()), detail, ..Record::of(what) };
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    for (digest, bytes) in components {
                        components::keep(tx, digest, bytes).await?;
                    }
                    components::publish(tx, &publication).await?;
                    audit::append(tx, EVERYBODY, at, &record).await
                })
            })
            .await
    }
}
