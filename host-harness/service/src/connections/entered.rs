//! The versions that run when the service starts enter the history, with the component of a file.
//! Tested in `api/src/tests/{files,versions}.rs`.

use std::sync::Arc;

use host_harness::{config::PluginSource, plugin::Plugin};
use host_model::{
    digest::Digest,
    plugin_version::{VersionSource, VersionState},
};
use host_store::{
    StoreError, Tx, Vault, components,
    versions::{self, Version, VersionStep},
};
use serde_json::{Value, json};

use super::{
    Connections,
    not_authentic::raise_not_authentic,
    publish_error::PublishError,
    signatures::{VerifiedRelease, with_signature},
    versions::{HOST, record, serve, version_of},
};

impl Connections {
    /// Enters the versions that run into the history: those of files, and those published before there was a history.
    pub(crate) async fn enter_running(&self) -> Result<(), PublishError> {
        let _alone = self.sources.changing.lock().await;
        for (name, slot) in self.served.host().plugins().iter() {
            let running = Arc::clone(slot.current().plugin().uncounted());
            match self.enter(name, &running).await {
                // What serves does not depend on the history.
                Err(PublishError::BeforeIsChanged(error)) => {
                    self.report_unreadable_version(name, running.digest(), error).await?;
                }
                entered => entered?,
            }
        }
        Ok(())
    }

    async fn enter(&self, name: &str, running: &Plugin) -> Result<(), PublishError> {
        let publication = self.publication(name).await.ok().flatten();
        let is_published = publication.as_ref().is_some_and(|of| of.digest == running.digest());
        let source = if is_published { VersionSource::Earlier } else { VersionSource::File };
        let conditions = publication.as_ref().filter(|_| is_published).and_then(|of| of.conditions.clone());
        let before =
            publication.filter(|_| is_published).and_then(|of| Some((of.before?, of.conditions_before)));
        let bytes = self.bytes_to_store(name, running.digest()).await?;
        let release = self.release_of_file(name, running).await;
        let (vault, at) = (self.store.vault().clone(), self.clock.date_ms());
        let bundle = release.as_ref().map(|release| release.bundle().to_owned());
        let version = Version { bundle, ..version_of(name, running, source, conditions) };
        self.store
            .try_write(move |tx| {
                Box::pin(async move {
                    if let Some(bytes) = bytes {
                        components::insert(tx, version.digest, bytes).await?;
                    }
                    let is_serving = is_serving(tx, &vault, &version).await?;
                    if is_serving && !is_newly_signed(tx, &version).await? {
                        return Ok(());
                    }
                    if let Some(release) = release.as_ref().filter(|_| !is_serving) {
                        release.admit(tx, &vault).await?;
                    }
                    if let Some((digest, conditions)) = before {
                        enter_before(tx, &vault, &version, digest, conditions, at).await?;
                    }
                    let evidence = with_signature(json!({"source": version.source}), release.as_ref());
                    let known = versions::find(tx, &version.plugin, version.digest).await?;
                    let source = known.map_or(version.source, |known| known.version.source);
                    let version = Version { served_at: Some(at), source, ..version };
                    Ok(serve(tx, &vault, &version, host_step(VersionState::Serving, at, evidence)).await?)
                })
            })
            .await
    }

    /// Returns the signature of the running version, which was verified as its file was loaded; `None` if it has none.
    async fn release_of_file(&self, name: &str, running: &Plugin) -> Option<VerifiedRelease> {
        let (_, source) = running.signed().zip(self.sources.plugins.get(name))?;
        let path = source.path()?;
        let component = tokio::fs::read(path).await.unwrap_or_default();
        let release = self.served.host().admission().release(name, path, component).await;
        let verified =
            release.ok().and_then(|release| self.verified_running(name, running.digest(), release));
        if verified.is_none() {
            tracing::warn!(
                plugin = name,
                "plugin file changed since it was loaded, so its signature is not stored"
            );
        }
        verified
    }

    /// Returns the component of a plugin's file if it is the running one and is not stored yet.
    async fn bytes_to_store(&self, name: &str, running: Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let stored = self.store.read(move |connection| Box::pin(versions::stored_size(connection, running)));
        let Some(path) = self.sources.plugins.get(name).and_then(PluginSource::path) else { return Ok(None) };
        if stored.await? > 0 {
            return Ok(None);
        }
        // A second read of a pipe would wait for a writer that never comes.
        let is_file = tokio::fs::metadata(path).await.is_ok_and(|found| found.is_file());
        let read = if is_file { tokio::fs::read(path).await.ok() } else { None };
        let bytes = read.filter(|bytes| Digest::of(bytes) == running);
        if bytes.is_none() {
            let file = path.display();
            tracing::warn!(
                plugin = name, %file,
                "plugin file is no regular file or changed since it was loaded, so its version is not stored"
            );
        }
        Ok(bytes)
    }

    async fn report_unreadable_version(
        &self,
        name: &str,
        digest: Digest,
        error: StoreError,
    ) -> Result<(), StoreError> {
        tracing::error!(plugin = name, %digest, %error, "running version not entered into the history");
        let (name, at) = (name.to_owned(), self.clock.date_ms());
        let why = format!("it serves, but the history of its plugin cannot be read: {error}");
        self.store
            .write(move |tx| Box::pin(async move { raise_not_authentic(tx, &name, digest, at, &why).await }))
            .await
    }
}

/// Returns whether `version` has a bundle that is not stored with it.
async fn is_newly_signed(tx: &mut Tx, version: &Version) -> Result<bool, StoreError> {
    let known = versions::find(tx, &version.plugin, version.digest).await?;
    Ok(version.bundle.is_some() && known.is_none_or(|known| known.version.bundle != version.bundle))
}

async fn is_serving(tx: &mut Tx, vault: &Vault, version: &Version) -> Result<bool, StoreError> {
    let known = versions::find(tx, &version.plugin, version.digest).await?;
    Ok(known.is_some_and(|known| known.is_authentic(vault) && known.version.state == VersionState::Serving))
}

/// Enters the version that ran before a published one, whose component is still stored.
async fn enter_before(
    tx: &mut Tx,
    vault: &Vault,
    published: &Version,
    digest: Digest,
    conditions: Option<String>,
    at: i64,
) -> Result<(), StoreError> {
    if versions::find(tx, &published.plugin, digest).await?.is_some() {
        return Ok(());
    }
    let before = Version {
        digest,
        conditions,
        version: None,
        contract: None,
        size: versions::stored_size(tx, digest).await?,
        // Just before the one that replaced it.
        served_at: Some(at.saturating_sub(1)),
        ..published.clone()
    };
    let evidence = json!({"source": before.source, "replaced-by": published.digest.to_string()});
    record(tx, vault, &before, &host_step(VersionState::Retired, at, evidence)).await
}

fn host_step(state: VersionState, at: i64, evidence: Value) -> VersionStep {
    let (actor, evidence) = (HOST.to_owned(), Some(evidence));
    VersionStep { state, at, took_ms: 0, actor, reason: None, evidence, operation: None }
}
