//! The steps of an uploaded version before its approval: it compiles, suits the connections, and proves itself.
//! Tested in `api/src/tests/{versions,proofs}.rs`.

use std::sync::Arc;

use host_harness::plugin::{LoadPolicy, Plugin};
use host_model::plugin_version::VersionState;
use host_store::{components, versions::Version};
use serde_json::json;
use tokio::sync::MutexGuard;

use super::{
    super::{
        Connections,
        candidate::Candidate,
        conditions::LoadConditions,
        given_settings::GivenSettings,
        publish_error::PublishError,
        tested::ConnectionTests,
        versions::{Progress, record, version_of},
    },
    Staged,
};

/// What a step came to that did not refuse the version.
struct AdmittedStep<T> {
    progress: Progress,
    value: T,
}

impl Connections {
    /// Checks who signed an uploaded component, and stores it.
    pub(super) async fn arriving(
        &self,
        mut progress: Progress,
        bytes: &[u8],
        bundle: Option<Vec<u8>>,
    ) -> Result<Progress, PublishError> {
        let arrived = self.arrived(&mut progress, bytes, bundle).await;
        Ok(self.admitted(progress, arrived).await?.progress)
    }

    async fn arrived(
        &self,
        progress: &mut Progress,
        bytes: &[u8],
        bundle: Option<Vec<u8>>,
    ) -> Result<(), PublishError> {
        progress.sign(self.verified(&progress.version.plugin, bytes, bundle).await?);
        let evidence = progress.with_signature(json!({"bytes": bytes.len()}));
        let step = progress.step(self, VersionState::Uploaded, evidence);
        let version = progress.version.clone();
        let (vault, bytes) = (self.store.vault().clone(), bytes.to_vec());
        let stored = self.write_step(move |tx| {
            Box::pin(async move {
                components::insert(tx, version.digest, bytes).await?;
                record(tx, &vault, &version, &step).await
            })
        });
        Ok(stored.await?)
    }

    /// Compiles an uploaded component.
    pub(super) async fn compiling(
        &self,
        mut progress: Progress,
        bytes: Vec<u8>,
        conditions: LoadConditions,
        policy: LoadPolicy,
        settings: GivenSettings,
    ) -> Result<Staged, PublishError> {
        let compiled = self.compiled(&mut progress, &bytes, &policy).await;
        let AdmittedStep { progress, value: plugin } = self.admitted(progress, compiled).await?;
        Ok(Staged { plugin, bytes, progress, conditions, policy, shadow: None, settings, completes: None })
    }

    /// Compiles a component, and stores the step.
    pub(in super::super) async fn compiled(
        &self,
        progress: &mut Progress,
        bytes: &[u8],
        policy: &LoadPolicy,
    ) -> Result<Arc<Plugin>, PublishError> {
        let plugin = Arc::new(self.load(bytes.to_vec(), policy).await?);
        if let Some(release) = &progress.release {
            release.check_loaded(&plugin)?;
        }
        let Version { plugin: name, source, conditions, note, uploaded_by, bundle, .. } =
            progress.version.clone();
        progress.version =
            Version { note, uploaded_by, bundle, ..version_of(&name, &plugin, source, conditions) };
        let step = progress.step(self, VersionState::Compiled, json!({}));
        self.record(&progress.version, step).await?;
        Ok(plugin)
    }

    /// Returns the staged version if the settings of all connections suit it.
    pub(in super::super) async fn suiting(&self, staged: Staged) -> Result<Staged, PublishError> {
        let slot = self.served.host().plugin(&staged.name());
        let suits = match (self.staged_candidate(&staged).await, slot) {
            (Ok(Candidate { plugin, changed }), Some(slot)) => {
                slot.check_settings(&plugin, &changed).map_err(PublishError::Swap)
            }
            (candidate, _) => candidate.map(drop),
        };
        let AdmittedStep { progress, .. } = self.admitted(staged.progress, suits).await?;
        Ok(Staged { progress, ..staged })
    }

    /// Returns the staged version once it has proven itself.
    pub(in super::super) async fn proving(
        &self,
        mut staged: Staged,
        tests: ConnectionTests,
    ) -> Result<Staged, PublishError> {
        let proven = match self.staged_candidate(&staged).await {
            Ok(candidate) => self.proven(&mut staged.progress, &candidate, &staged.bytes, tests).await,
            Err(error) => Err(error),
        };
        let AdmittedStep { progress, value } = self.admitted(staged.progress, proven).await?;
        Ok(Staged { progress, shadow: Some(value), ..staged })
    }

    /// Takes the lock for changes while `staged` is compared with the version that serves then. If another version began
    /// to serve in the meantime, they are compared again, without the lock.
    pub(in super::super) async fn alone_with(
        &self,
        staged: &mut Staged,
    ) -> Result<MutexGuard<'_, ()>, PublishError> {
        loop {
            let alone = self.sources.changing.lock().await;
            let slot = self.served.host().plugin(&staged.name());
            if staged.is_compared_with(slot.map(|slot| slot.current().plugin().digest())) {
                return Ok(alone);
            }
            drop(alone);
            let candidate = self.staged_candidate(staged).await?;
            staged.shadow = Some(self.shadow(&staged.name(), &candidate).await?);
        }
    }

    async fn staged_candidate(&self, staged: &Staged) -> Result<Candidate, PublishError> {
        self.candidate(&staged.name(), &staged.plugin, &staged.settings).await
    }

    /// Returns what a step came to, or records that the version was refused. A failure of the store refuses nothing.
    async fn admitted<T>(
        &self,
        progress: Progress,
        step: Result<T, PublishError>,
    ) -> Result<AdmittedStep<T>, PublishError> {
        match step {
            Ok(value) => Ok(AdmittedStep { progress, value }),
            Err(PublishError::Store(error)) => Err(error.into()),
            Err(error) => Err(self.refused(progress, error).await?),
        }
    }
}
