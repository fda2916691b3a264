//! A version on its way to serving: uploaded, compiled, approved, served. Each step is stored as it is reached.
//! Tested in `api/src/tests/versions.rs`.

use std::sync::Arc;

use host_harness::{
    host::AddError,
    plugin::{Changes, LoadError, LoadPolicy, Plugin, Slot},
};
use host_model::{
    contract::manifest::Manifest,
    digest::Digest,
    plugin_version::{VersionSource, VersionState},
};
use host_store::{
    StoreError,
    audit::{self, ALL_TENANTS, Record},
    components::{self, Publication},
    versions::{self, Version, VersionStep},
};
use serde_json::{Value, json};

use super::{
    Connections,
    approval::Approval,
    conditions::LoadConditions,
    plugins::{Published, Upload, digest_of},
    publish_error::PublishError,
    versions::{Progress, record, serve},
};
use crate::who::Who;

/// A compiled version that does not serve yet.
pub(super) struct Staged {
    plugin: Arc<Plugin>,
    progress: Progress,
    conditions: LoadConditions,
    policy: LoadPolicy,
}

impl Staged {
    pub(super) fn has_served(&self) -> bool {
        self.progress.version.served_at.is_some()
    }

    pub(super) fn state(&self) -> VersionState {
        self.progress.version.state
    }

    fn name(&self) -> String {
        self.progress.version.plugin.clone()
    }

    fn digest(&self) -> Digest {
        self.progress.version.digest
    }
}

impl Connections {
    /// Stores the component and compiles it.
    pub(super) async fn stage(&self, who: &Who, upload: Upload) -> Result<Staged, PublishError> {
        let Upload { plugin: name, bytes, conditions, note } = upload;
        self.check_publishable(&name, &conditions)?;
        let conditions = conditions.over(&self.stored_conditions(&name).await?);
        let policy = self.policy(&name, &conditions);
        let digest = digest_of(&bytes);
        let known = self.find_version(&name, digest).await?;
        let version = Version {
            plugin: name.clone(),
            digest,
            version: None,
            contract: None,
            size: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
            source: VersionSource::Upload,
            note,
            conditions: conditions.written(),
            state: VersionState::Uploaded,
            served_at: known.and_then(|known| known.served_at),
        };
        let mut progress = Progress::begin(self, version, &who.0);
        if let Err(error) = policy.check_size(bytes.len()) {
            return Err(self.refused(progress, error.into()).await?);
        }
        let step = progress.step(self, VersionState::Uploaded, json!({"bytes": bytes.len()}));
        self.store_component(&progress.version, step, bytes.clone()).await?;
        match self.compiled_and_proven(&mut progress, bytes, &policy).await {
            Ok(plugin) => Ok(Staged { plugin, progress, conditions, policy }),
            Err(PublishError::Store(error)) => Err(error.into()),
            Err(error) => Err(self.refused(progress, error).await?),
        }
    }

    /// Compiles a version that is stored.
    pub(super) async fn open(&self, who: &Who, name: &str, digest: Digest) -> Result<Staged, PublishError> {
        let unknown = || PublishError::UnknownVersion { plugin: name.to_owned(), digest };
        let version = self.find_version(name, digest).await?.ok_or_else(unknown)?;
        let bytes = self
            .store
            .read(move |connection| Box::pin(async move { components::component(connection, digest).await }))
            .await?
            .ok_or(PublishError::BeforeIsGone(digest))?;
        let conditions = LoadConditions::read(version.conditions.as_deref()).unwrap_or_default();
        let policy = self.policy(name, &conditions);
        let plugin = Arc::new(self.load(bytes, &policy).await?);
        Ok(Staged { plugin, progress: Progress::begin(self, version, &who.0), conditions, policy })
    }

    /// Returns the staged version with what it requests approved: by `approval`, or because it requests nothing more than
    /// the version that serves.
    pub(super) async fn approved(
        &self,
        mut staged: Staged,
        approval: Approval,
    ) -> Result<Staged, PublishError> {
        let compared = self.compared(&staged.name(), &staged.plugin, approval);
        if let Err(error) = compared {
            return Err(self.refused(staged.progress, error).await?);
        }
        let slot = self.served.host().plugin(&staged.name());
        let evidence = json!({"requests": requests(slot.as_deref(), &staged.plugin)});
        let step = staged.progress.step(self, VersionState::Approved, evidence);
        self.record(&staged.progress.version, step).await?;
        Ok(staged)
    }

    /// Checks that the version that serves can be replaced by `plugin`, which may request more if `approval` says so.
    pub(super) fn compared(
        &self,
        name: &str,
        plugin: &Plugin,
        approval: Approval,
    ) -> Result<(), PublishError> {
        match (self.served.host().plugin(name), approval) {
            (None, Approval::Missing) => Err(PublishError::New {
                name: name.to_owned(),
                changes: Changes::between(&Manifest::default(), plugin.manifest()),
            }),
            (None, Approval::Given) => Ok(()),
            (Some(slot), Approval::Missing) => Ok(slot.compare(plugin)?),
            (Some(slot), Approval::Given) => Ok(slot.compare_connector(plugin)?),
        }
    }

    /// Checks that the version requests nothing beyond what was approved: another one may serve by now.
    pub(super) async fn still_approved(&self, staged: &Staged) -> Result<(), PublishError> {
        let Some(slot) = self.served.host().plugin(&staged.name()) else { return Ok(()) };
        let history = self.version_history(&staged.name()).await?;
        let version = history.into_iter().find(|of| of.version.digest == staged.digest());
        let steps = version.map(|of| of.steps).unwrap_or_default();
        let approved = steps.into_iter().rev().find(|step| step.state == VersionState::Approved);
        let evidence = approved.and_then(|step| step.evidence).unwrap_or_default();
        let approved = evidence.pointer("/requests").and_then(Value::as_array);
        let is_approved = |request: &String| approved.is_some_and(|all| all.contains(&json!(request)));
        if requests(Some(&slot), &staged.plugin).iter().all(is_approved) {
            slot.compare_connector(&staged.plugin)?;
            return Ok(());
        }
        Ok(slot.compare(&staged.plugin)?)
    }

    /// Serves an approved version.
    pub(super) async fn serve_published(&self, staged: Staged) -> Result<Published, PublishError> {
        self.serve_staged(staged, "plugin-published").await
    }

    /// Serves a version that served before.
    pub(super) async fn put_back(
        &self,
        staged: Staged,
        approval: Approval,
    ) -> Result<Published, PublishError> {
        if let Some(slot) = self.served.host().plugin(&staged.name()) {
            let changes = Changes::between(slot.current().plugin().manifest(), staged.plugin.manifest());
            if changes.rekeys_people() && approval == Approval::Missing {
                return Err(PublishError::Rekeys { digest: staged.digest(), changes });
            }
        }
        self.serve_staged(staged, "plugin-rolled-back").await
    }

    async fn serve_staged(&self, staged: Staged, what: &'static str) -> Result<Published, PublishError> {
        let name = staged.name();
        match self.served.host().plugin(&name) {
            Some(slot) => self.replace(&slot, staged, what).await,
            None => self.serve_first(&name, staged, what).await,
        }
    }

    async fn replace(
        &self,
        slot: &Slot,
        staged: Staged,
        what: &'static str,
    ) -> Result<Published, PublishError> {
        let Staged { plugin, mut progress, conditions, policy } = staged;
        let running = slot.current();
        let (before, digest) = (running.plugin().digest(), plugin.digest());
        let changes = Changes::between(running.plugin().manifest(), plugin.manifest());
        let file = self.file_of(&progress.version.plugin, before);
        if let Err(error) = slot.replace_agreed(plugin) {
            return Err(self.refused(progress, error.into()).await?);
        }
        let mut published = Published { digest, before: Some(before), changes, policy, steps: Vec::new() };
        let kept = self.keep(what, &published, &mut progress, &conditions, file).await;
        if let Err(error) = kept {
            slot.roll_back()?;
            return Err(error.into());
        }
        // A version is put back from the database, so its predecessor need not stay in memory.
        slot.forget_previous();
        self.load_all().await?;
        published.steps = progress.steps;
        Ok(published)
    }

    /// Serves a plugin that is new to the host. It is stored first, because the host cannot remove a plugin again.
    async fn serve_first(
        &self,
        name: &str,
        staged: Staged,
        what: &'static str,
    ) -> Result<Published, PublishError> {
        let Staged { plugin, mut progress, conditions, policy } = staged;
        let changes = Changes::between(&Manifest::default(), plugin.manifest());
        let mut published =
            Published { digest: plugin.digest(), before: None, changes, policy, steps: Vec::new() };
        self.keep(what, &published, &mut progress, &conditions, None).await?;
        let added = self.served.host().add_loaded(name, plugin);
        added.map_err(|error| match error {
            AddError::Named(problem) => PublishError::Named(problem),
            AddError::Load { cause, .. } => PublishError::Load(cause),
            AddError::NameTaken(name) => PublishError::Unknown(name),
        })?;
        self.load_all().await?;
        published.steps = progress.steps;
        Ok(published)
    }

    /// Compiles and checks a component, one at a time. May take long: must not be called while `changing` is held.
    pub(super) async fn load(&self, bytes: Vec<u8>, policy: &LoadPolicy) -> Result<Plugin, LoadError> {
        let _one = self.sources.compiling.lock().await;
        self.served.host().load(bytes, policy).await
    }

    /// Records that a version was refused. Returns why.
    async fn refused(&self, mut progress: Progress, error: PublishError) -> Result<PublishError, StoreError> {
        let step = progress.refused(self, &error);
        let vault = self.store.vault().clone();
        let version = progress.version;
        let recorded = self.store.write(move |tx| {
            Box::pin(async move {
                record(tx, &vault, &version, &step).await?;
                versions::prune(tx).await
            })
        });
        recorded.await?;
        Ok(error)
    }

    pub(super) fn check_publishable(
        &self,
        name: &str,
        conditions: &LoadConditions,
    ) -> Result<(), PublishError> {
        if self.sources.plugins.get(name).is_some_and(|source| source.watch) {
            return Err(PublishError::FollowsFile(name.to_owned()));
        }
        conditions.check(self.sources.max_published_bytes)?;
        if !conditions.is_empty() && self.sources.plugins.contains_key(name) {
            return Err(PublishError::ConditionsOfFile(name.to_owned()));
        }
        Ok(())
    }

    /// Returns the version with this digest; `None` if there is none, or its row was changed from outside.
    async fn find_version(&self, name: &str, digest: Digest) -> Result<Option<Version>, StoreError> {
        let (name, vault) = (name.to_owned(), self.store.vault().clone());
        let found = self
            .store
            .read(move |connection| Box::pin(async move { versions::find(connection, &name, digest).await }))
            .await?;
        Ok(found.filter(|found| found.is_authentic(&vault)).map(|found| found.version))
    }

    /// Returns the component in the plugin's file if it is still the running one: a roll-back needs it.
    fn file_of(&self, name: &str, running: Digest) -> Option<(Digest, Vec<u8>)> {
        let bytes = std::fs::read(&self.sources.plugins.get(name)?.path).ok()?;
        (digest_of(&bytes) == running).then_some((running, bytes))
    }

    async fn store_component(
        &self,
        version: &Version,
        step: VersionStep,
        bytes: Vec<u8>,
    ) -> Result<(), StoreError> {
        let (vault, version) = (self.store.vault().clone(), version.clone());
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    components::insert(tx, version.digest, bytes).await?;
                    record(tx, &vault, &version, &step).await
                })
            })
            .await
    }

    /// Stores that the version serves.
    async fn keep(
        &self,
        what: &'static str,
        published: &Published,
        progress: &mut Progress,
        conditions: &LoadConditions,
        file: Option<(Digest, Vec<u8>)>,
    ) -> Result<(), StoreError> {
        let name = progress.version.plugin.clone();
        let conditions_before = self.stored_conditions(&name).await?.written();
        let at = self.clock.date_ms();
        let publication = Publication {
            plugin: name.clone(),
            digest: published.digest,
            before: published.before,
            conditions: conditions.written(),
            conditions_before,
            published_at: at,
        };
        let mut detail = json!({"by": progress.actor, "plugin": name, "agreed-to": published.changes});
        if let (Some(detail), false) = (detail.as_object_mut(), conditions.is_empty()) {
            detail.insert("conditions".to_owned(), json!(conditions));
        }
        let line = Record { digest: Some(published.digest.to_string()), detail, ..Record::of(what) };
        progress.version.served_at = Some(at);
        let evidence = json!({"before": published.before.map(|before| before.to_string())});
        let step = progress.step(self, VersionState::Serving, evidence);
        let (vault, version) = (self.store.vault().clone(), progress.version.clone());
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    if let Some((digest, bytes)) = file {
                        components::insert(tx, digest, bytes).await?;
                    }
                    components::publish(tx, &vault, &publication).await?;
                    serve(tx, &vault, &version, step).await?;
                    audit::append(tx, &vault, ALL_TENANTS, at, &line).await
                })
            })
            .await
    }
}

/// Returns everything that `plugin` requests beyond the version that serves, one sentence each.
pub(super) fn requests(slot: Option<&Slot>, plugin: &Plugin) -> Vec<String> {
    let running = slot.map(|slot| Arc::clone(slot.current().plugin().uncounted()));
    let (nothing, offered) = (Manifest::default(), plugin.exports());
    let manifest = running.as_ref().map_or(&nothing, |running| running.manifest());
    let changes = Changes::between(manifest, plugin.manifest());
    let gone = running.iter().flat_map(|running| running.exports()).filter(|of| !offered.contains(of));
    let lost = gone.map(|interface| format!("no longer offers {interface}"));
    changes.0.iter().map(ToString::to_string).chain(lost).collect()
}
