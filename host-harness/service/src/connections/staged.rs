//! A version on its way to serving: uploaded, compiled, approved, served. Each step is stored as it is reached.
//! Tested in `api/src/tests/versions.rs`.

mod advance;
mod swap;

use std::sync::Arc;

use host_harness::plugin::{LoadError, LoadPolicy, Plugin};
use host_model::{digest::Digest, plugin_version::VersionState};
use host_store::{
    StoreError,
    versions::{self, Version},
};
use serde_json::json;

use super::{
    Connections,
    approval::Approval,
    comparison,
    conditions::LoadConditions,
    given_settings::GivenSettings,
    loaded::stored_component,
    publication::Upload,
    publish_error::{MAX_NOTE_CHARS, PublishError},
    releases::EnteredRelease,
    shadow::{FoundDifference, ShadowReport},
    versions::{Progress, StepCause, record},
};

/// A compiled version that does not serve yet.
pub(super) struct Staged {
    plugin: Arc<Plugin>,
    /// The component, which is stored again when it serves: it may have been deleted in the meantime.
    bytes: Vec<u8>,
    progress: Progress,
    conditions: LoadConditions,
    policy: LoadPolicy,
    /// What came of comparing it with the version that serves; `None` if they were not compared.
    shadow: Option<ShadowReport>,
    /// Settings of its connections that apply as it begins to serve.
    settings: GivenSettings,
    /// The release in steps that it completes as it begins to serve.
    completes: Option<Arc<EnteredRelease>>,
}

impl Staged {
    pub(super) fn has_served(&self) -> bool {
        self.progress.version.served_at.is_some()
    }

    pub(super) fn version(&self) -> &Version {
        &self.progress.version
    }

    pub(super) fn plugin(&self) -> &Arc<Plugin> {
        &self.plugin
    }

    pub(super) fn state(&self) -> VersionState {
        self.progress.version.state
    }

    /// Returns what came of comparing it with the version that serves; nothing if they were not compared.
    pub(super) fn shadow(&self) -> ShadowReport {
        self.shadow.clone().unwrap_or_default()
    }

    /// Returns the version with settings that apply as it begins to serve.
    pub(super) fn with_settings(self, settings: GivenSettings) -> Self {
        Self { settings, ..self }
    }

    /// Returns the version with a release in steps that it completes as it begins to serve.
    pub(super) fn completing(mut self, release: EnteredRelease) -> Self {
        self.completes = Some(Arc::new(release));
        self
    }

    fn is_compared_with(&self, serving: Option<Digest>) -> bool {
        let serving = serving.map(|digest| digest.to_string());
        self.shadow.as_ref().is_some_and(|shadow| shadow.against == serving)
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
    pub(super) async fn stage(
        &self,
        cause: impl Into<StepCause>,
        upload: Upload,
    ) -> Result<Staged, PublishError> {
        let Upload {
            plugin: name, bytes, bundle, digest, source, conditions, note, settings, uploader, ..
        } = upload;
        let (conditions, policy) = self.upload_conditions(&name, conditions).await?;
        let length = note.as_ref().map_or(0, |note| note.chars().count());
        if length > MAX_NOTE_CHARS {
            return Err(PublishError::LongNote(length));
        }
        let uploaded = Version::new(&name, digest, bytes.len(), source);
        let version = Version { note, uploaded_by: uploader, conditions: conditions.written(), ..uploaded };
        let progress = Progress::begin(self, version, cause);
        if let Err(error) = policy.check_size(bytes.len()) {
            return Err(self.refused(progress, error.into()).await?);
        }
        let progress = self.arriving(progress, &bytes, bundle).await?;
        self.compiling(progress, bytes, conditions, policy, settings).await
    }

    /// Compiles a version that is stored.
    pub(super) async fn open(
        &self,
        cause: impl Into<StepCause>,
        name: &str,
        digest: Digest,
    ) -> Result<Staged, PublishError> {
        self.check_not_watched(name)?;
        let version = self.known_version(name, digest).await?;
        let bytes = stored_component(&self.store, digest).await?.ok_or(PublishError::BeforeIsGone(digest))?;
        let conditions = LoadConditions::read(version.conditions.as_deref()).unwrap_or_default();
        let policy = self.policy(name, &conditions);
        let release = self.verified_stored(&version, &bytes).await?;
        let plugin = match self.served.released_version(name, digest) {
            Some(released) => released,
            None => Arc::new(self.load(bytes.clone(), &policy).await?),
        };
        let mut progress = Progress::begin(self, version, cause);
        progress.release = release;
        let settings = GivenSettings::default();
        Ok(Staged { plugin, bytes, progress, conditions, policy, shadow: None, settings, completes: None })
    }

    /// Reads the state of a staged version again, under the lock for changes: another caller may have changed it while it
    /// was compiled.
    pub(super) async fn current_state(&self, staged: &mut Staged) -> Result<VersionState, PublishError> {
        let version = self.known_version(&staged.name(), staged.digest()).await?;
        staged.progress.version = version;
        Ok(staged.state())
    }

    pub(super) async fn known_version(&self, name: &str, digest: Digest) -> Result<Version, PublishError> {
        let known = self.find_version(name, digest).await?;
        known.ok_or_else(|| PublishError::UnknownVersion { plugin: name.to_owned(), digest })
    }

    fn check_not_watched(&self, name: &str) -> Result<(), PublishError> {
        if self.sources.plugins.get(name).is_some_and(|source| source.watch) {
            return Err(PublishError::FollowsFile(name.to_owned()));
        }
        Ok(())
    }

    /// Checks that `approval` covers what a staged version requests and does differently, if it does.
    pub(super) fn check_approval(&self, staged: &Staged, approval: Approval) -> Result<(), PublishError> {
        self.compared(&staged.name(), &staged.plugin, approval)?;
        comparison::same_behaviour(&staged.shadow(), approval)
    }

    /// Returns the staged version with what it requests and does differently approved: by `approval`, or because it
    /// requests nothing more than the version that serves, and does the same.
    pub(super) async fn approved(
        &self,
        mut staged: Staged,
        approval: Approval,
    ) -> Result<Staged, PublishError> {
        if let Err(error) = self.check_approval(&staged, approval) {
            return Err(self.refused(staged.progress, error).await?);
        }
        let shadow = staged.shadow();
        let slot = self.served.host().plugin(&staged.name());
        let requests = comparison::requests(slot.as_deref(), &staged.plugin);
        let evidence = json!({"requests": requests, "differences": shadow.sentences()});
        let approvable = shadow.differences.iter().map(FoundDifference::approvable);
        let approved: Vec<String> = requests.into_iter().chain(approvable).collect();
        staged.progress.version.approved = Some(json!(approved).to_string());
        let step = staged.progress.step(self, VersionState::Approved, evidence);
        self.record(&staged.progress.version, step).await?;
        Ok(staged)
    }

    /// Compiles and checks a component, one at a time. May take long: must not be called while `changing` is held.
    pub(super) async fn load(&self, bytes: Vec<u8>, policy: &LoadPolicy) -> Result<Plugin, LoadError> {
        self.versions.load(bytes, policy).await
    }

    /// Records that a version was refused. Returns why.
    pub(super) async fn refused(
        &self,
        mut progress: Progress,
        error: PublishError,
    ) -> Result<PublishError, StoreError> {
        let step = progress.refused(self, &error);
        let vault = self.store.vault().clone();
        let version = progress.version;
        let recorded = self.write_step(move |tx| {
            Box::pin(async move {
                record(tx, &vault, &version, &step).await?;
                versions::prune(tx).await
            })
        });
        recorded.await?;
        Ok(error)
    }

    /// Returns the conditions under which an upload loads: those that it sets, over those of the version that serves.
    pub(super) async fn upload_conditions(
        &self,
        name: &str,
        conditions: LoadConditions,
    ) -> Result<(LoadConditions, LoadPolicy), PublishError> {
        self.check_publishable(name, &conditions)?;
        let conditions = conditions.over(&self.stored_conditions(name).await?);
        let policy = self.policy(name, &conditions);
        Ok((conditions, policy))
    }

    pub(super) fn check_publishable(
        &self,
        name: &str,
        conditions: &LoadConditions,
    ) -> Result<(), PublishError> {
        self.check_not_watched(name)?;
        conditions.check(self.sources.max_published_bytes)?;
        if !conditions.is_empty() && self.sources.plugins.contains_key(name) {
            return Err(PublishError::ConditionsOfFile(name.to_owned()));
        }
        Ok(())
    }

    /// Returns the version with this digest; `None` if there is none, or its row was changed from outside.
    pub(super) async fn find_version(
        &self,
        name: &str,
        digest: Digest,
    ) -> Result<Option<Version>, StoreError> {
        let (name, vault) = (name.to_owned(), self.store.vault().clone());
        let found = self
            .store
            .read(move |connection| Box::pin(async move { versions::find(connection, &name, digest).await }))
            .await?;
        Ok(found.filter(|found| found.is_authentic(&vault)).map(|found| found.version))
    }
}
