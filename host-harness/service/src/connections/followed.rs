//! Plugins that follow a watched file: each new version is proven before it takes the place of the running one.
//! Tested in `api/src/tests/files.rs`.

use std::sync::Arc;

use host_harness::plugin::{
    Installer, LoadPolicy, NotInstalled, Plugin, Release, Slot, WatchedPlugin, watch,
};
use host_model::{
    digest::Digest,
    plugin_version::{VersionSource, VersionState},
};
use host_store::{StoreError, components, versions::Version};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{
    Connections,
    approval::Approval,
    candidate::Candidate,
    proof::passed,
    publish_error::PublishError,
    versions::{HOST, Progress, serve},
};

impl Installer for Connections {
    async fn install(&self, plugin: &WatchedPlugin, component: Vec<u8>) -> Result<(), NotInstalled> {
        let admission = self.served.host().admission();
        let release = admission.release(&plugin.name, &plugin.path, component).await;
        let release = release.map_err(|error| NotInstalled::Failed(Box::new(error)))?;
        self.follow(plugin, release).await.map_err(|error| match error {
            PublishError::Store(error) => NotInstalled::Failed(Box::new(error)),
            error => NotInstalled::refused(error),
        })
    }

    async fn restored(&self, plugin: &WatchedPlugin) {
        if let Err(error) = self.end_release_refused(&plugin.name).await {
            tracing::error!(plugin = plugin.name, %error, "alarm about the plugin's file not ended");
        }
    }
}

impl Connections {
    /// Returns the plugins that follow their files: all watched ones, except those with a published version, which takes
    /// precedence.
    pub(crate) async fn following(&self) -> Result<Vec<WatchedPlugin>, StoreError> {
        let published =
            self.store.read(|connection| Box::pin(components::published_plugins(connection))).await?;
        let watched =
            self.sources.plugins.iter().filter(|(name, source)| source.watch && !published.contains(name));
        Ok(watched
            .filter_map(|(name, source)| {
                let (slot, path) = (self.served.host().plugin(name)?, source.path()?.to_owned());
                Some(WatchedPlugin { name: name.clone(), path, policy: source.policy, slot })
            })
            .collect())
    }

    /// Follows the files of `plugins`, and proves the running versions that have no proof, until `stop` is cancelled.
    pub(crate) async fn follow_files(self, plugins: Vec<WatchedPlugin>, stop: CancellationToken) {
        let _watch = watch(plugins, &self, &self.clock);
        let _stopped = stop.run_until_cancelled(self.prove_running_later()).await;
        stop.cancelled().await;
    }

    /// Compiles and proves the new version of a file, and serves it if it is trusted and requests nothing more.
    async fn follow(&self, watched: &WatchedPlugin, release: Release) -> Result<(), PublishError> {
        let Release { component, bundle } = release;
        let digest = Digest::of(&component);
        let version = Version::new(&watched.name, digest, component.len(), VersionSource::File);
        let mut progress = Progress::begin(self, version, HOST);
        let followed = match self.verified(&watched.name, &component, bundle).await {
            Ok(verified) => {
                progress.sign(verified);
                self.follow_verified(watched, progress, component).await
            }
            Err(PublishError::Store(error)) => Err(error.into()),
            Err(error) => Err(self.refused(progress, error).await?),
        };
        if let Err(PublishError::NotTrusted(refusal)) = &followed {
            self.report_release_refused(&watched.name, refusal).await?;
        }
        followed
    }

    async fn follow_verified(
        &self,
        watched: &WatchedPlugin,
        mut progress: Progress,
        component: Vec<u8>,
    ) -> Result<(), PublishError> {
        match self.proven_file(&mut progress, &component, &watched.policy).await {
            Ok(plugin) => self.serve_followed(&watched.slot, plugin, progress, component).await,
            Err(PublishError::Store(error)) => Err(error.into()),
            Err(error) => Err(self.refused(progress, error).await?),
        }
    }

    /// Compiles and proves the component of a file. It is not compared with the running version, since a watched file
    /// has no approval.
    async fn proven_file(
        &self,
        progress: &mut Progress,
        component: &[u8],
        policy: &LoadPolicy,
    ) -> Result<Arc<Plugin>, PublishError> {
        let plugin = self.compiled(progress, component, policy).await?;
        let name = progress.version.plugin.clone();
        let proof = passed(self.proof_by_cases(&name, &Candidate::of(&plugin), component).await?)?;
        let step = progress.step(self, VersionState::Proven, json!({"proof": proof}));
        self.record(&progress.version, step).await?;
        Ok(plugin)
    }

    async fn serve_followed(
        &self,
        slot: &Slot,
        plugin: Arc<Plugin>,
        mut progress: Progress,
        component: Vec<u8>,
    ) -> Result<(), PublishError> {
        let _alone = self.sources.changing.lock().await;
        let before = slot.current().plugin().digest();
        let compared = self.compared(&progress.version.plugin, &plugin, Approval::Missing);
        let replaced = compared.and_then(|()| Ok(slot.replace_agreed(plugin)?));
        if let Err(error) = replaced {
            return Err(self.refused(progress, error).await?);
        }
        progress.version.served_at = Some(self.clock.date_ms());
        let evidence = progress.with_signature(json!({"before": before.to_string()}));
        let step = progress.step(self, VersionState::Serving, evidence);
        let (vault, version) = (self.store.vault().clone(), progress.version.clone());
        let release = progress.release.clone();
        let kept = self.store.try_write(move |tx| {
            Box::pin(async move {
                if let Some(release) = release {
                    release.admit(tx, &vault).await?;
                }
                components::insert(tx, version.digest, component).await?;
                Ok::<_, PublishError>(serve(tx, &vault, &version, step).await?)
            })
        });
        if let Err(error) = kept.await {
            if let Err(problem) = slot.roll_back() {
                tracing::error!(error = %problem, "a version that could not be stored serves on");
            }
            return Err(match error {
                PublishError::Store(error) => error.into(),
                error => self.refused(progress, error).await?,
            });
        }
        // A version is put back from the database, so its predecessor need not stay in memory.
        slot.forget_previous();
        self.load_all_again().await;
        Ok(())
    }
}
