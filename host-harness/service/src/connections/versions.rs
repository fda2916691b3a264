//! The history of plugin versions: each step of a version is stored with its evidence, and recorded in the audit chain.
//! Tested in `api/src/tests/versions.rs`.

use std::{sync::Arc, time::Duration};

use host_harness::plugin::Plugin;
use host_model::{
    digest::Digest,
    plugin_version::{VersionSource, VersionState},
};
use host_store::{
    StoreError, Tx, Vault,
    audit::{self, ALL_TENANTS, Record},
    versions::{self, StoredVersion, Version, VersionStep},
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Connections, publish_error::PublishError};

/// How often versions that nothing uses are unloaded, and pinned ones that could not be used are tried again.
const UPKEEP_EVERY: Duration = Duration::from_mins(1);

/// The actor of steps that no caller caused.
const HOST: &str = "the host";

/// How often the running versions are compared with the history, since a watched file can change at any time.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A version with its history.
#[derive(Clone, Debug)]
pub struct VersionHistory {
    /// The version.
    pub version: Version,
    /// Whether its component is stored, so that it can be put back.
    pub is_stored: bool,
    /// Whether the row was written by this program. If not, it must not serve.
    pub is_authentic: bool,
    /// Its steps, oldest first.
    pub steps: Vec<VersionStep>,
}

/// A version on its way to serving. Each step is stored as it is reached.
pub(super) struct Progress {
    pub(super) version: Version,
    pub(super) actor: String,
    /// Its steps so far.
    pub(super) steps: Vec<VersionStep>,
    /// When the current step began, in milliseconds since the Unix epoch.
    began: i64,
}

impl Progress {
    /// Begins the way of `version`.
    pub(super) fn begin(connections: &Connections, version: Version, actor: &str) -> Self {
        Self { version, actor: actor.to_owned(), steps: Vec::new(), began: connections.clock.date_ms() }
    }

    /// Returns the step to `state` that is reached now, and begins the next one.
    pub(super) fn step(
        &mut self,
        connections: &Connections,
        state: VersionState,
        evidence: Value,
    ) -> VersionStep {
        self.reached(connections, state, None, evidence)
    }

    /// Returns the last step of a version that was refused for `error`.
    pub(super) fn refused(&mut self, connections: &Connections, error: &PublishError) -> VersionStep {
        let evidence = match error {
            PublishError::NotProven(proof) => json!({"why": "its proof failed", "proof": proof}),
            error => json!({"why": error.to_string()}),
        };
        self.reached(connections, VersionState::Refused, Some(error.reason()), evidence)
    }

    fn reached(
        &mut self,
        connections: &Connections,
        state: VersionState,
        reason: Option<&str>,
        evidence: Value,
    ) -> VersionStep {
        let at = connections.clock.date_ms();
        let took_ms = at.saturating_sub(self.began).max(0);
        self.began = at;
        self.version.state = state;
        connections.telemetry.plugin_step(&self.version.plugin, state.as_ref(), reason, took(took_ms));
        let (actor, reason) = (self.actor.clone(), reason.map(str::to_owned));
        let step = VersionStep { state, at, took_ms, actor, reason, evidence: Some(evidence) };
        self.steps.push(step.clone());
        step
    }
}

fn took(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or_default())
}

impl Connections {
    /// Stores `step` of `version`.
    pub(super) async fn record(&self, version: &Version, step: VersionStep) -> Result<(), StoreError> {
        let (vault, version) = (self.store.vault().clone(), version.clone());
        self.store.write(move |tx| Box::pin(async move { record(tx, &vault, &version, &step).await })).await
    }

    /// Returns the versions of a plugin, those that served last first.
    pub async fn version_history(&self, plugin: &str) -> Result<Vec<VersionHistory>, StoreError> {
        let (plugin, vault) = (plugin.to_owned(), self.store.vault().clone());
        self.store
            .read(move |connection| {
                Box::pin(async move {
                    let mut history = Vec::new();
                    for stored in versions::of_plugin(connection, &plugin).await? {
                        history.push(with_steps(connection, &vault, stored).await?);
                    }
                    Ok(history)
                })
            })
            .await
    }

    /// Returns a version of a plugin; `None` if it is not known.
    pub async fn version(&self, plugin: &str, digest: Digest) -> Result<Option<VersionHistory>, StoreError> {
        let (plugin, vault) = (plugin.to_owned(), self.store.vault().clone());
        self.store
            .read(move |connection| {
                Box::pin(async move {
                    match versions::find(connection, &plugin, digest).await? {
                        Some(stored) => with_steps(connection, &vault, stored).await.map(Some),
                        None => Ok(None),
                    }
                })
            })
            .await
    }

    /// Returns the total size of the stored components, in bytes.
    pub async fn stored_component_bytes(&self) -> Result<i64, StoreError> {
        self.store.read(|connection| Box::pin(versions::stored_bytes(connection))).await
    }

    /// Enters the versions that run into the history: those of files, and those published before there was a history.
    pub(crate) async fn enter_running(&self) -> Result<(), StoreError> {
        let _alone = self.sources.changing.lock().await;
        for (name, slot) in self.served.host().plugins().iter() {
            let running = Arc::clone(slot.current().plugin().uncounted());
            self.enter(name, &running).await?;
        }
        Ok(())
    }

    async fn enter(&self, name: &str, running: &Plugin) -> Result<(), StoreError> {
        let publication = self.publication(name).await.ok().flatten();
        let is_published = publication.as_ref().is_some_and(|of| of.digest == running.digest());
        let source = if is_published { VersionSource::Earlier } else { VersionSource::File };
        let conditions = publication.as_ref().filter(|_| is_published).and_then(|of| of.conditions.clone());
        let before =
            publication.filter(|_| is_published).and_then(|of| Some((of.before?, of.conditions_before)));
        let (vault, at) = (self.store.vault().clone(), self.clock.date_ms());
        let version = version_of(name, running, source, conditions);
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    if is_serving(tx, &vault, &version).await? {
                        return Ok(());
                    }
                    if let Some((digest, conditions)) = before {
                        enter_before(tx, &vault, &version, digest, conditions, at).await?;
                    }
                    let evidence = json!({"source": version.source});
                    let known = versions::find(tx, &version.plugin, version.digest).await?;
                    let source = known.map_or(version.source, |known| known.version.source);
                    let version = Version { served_at: Some(at), source, ..version };
                    serve(tx, &vault, &version, host_step(VersionState::Serving, at, evidence)).await
                })
            })
            .await
    }

    /// Enters versions of watched files as they begin to run, and looks after those that are loaded without serving, until
    /// `stop` is cancelled.
    pub(crate) async fn watch_versions(self, stop: CancellationToken) {
        // A version may have changed since the start entered it.
        let mut entered = Vec::new();
        let mut looked_after_at = self.clock.now();
        while !stop.is_cancelled() {
            if self.clock.now() >= looked_after_at + UPKEEP_EVERY {
                looked_after_at = self.clock.now();
                for done in [self.versions.unload_unused().await, self.retry_unusable().await] {
                    if let Err(error) = done {
                        tracing::error!(%error, "upkeep of plugin versions failed");
                    }
                }
            }
            let running = self.running_digests();
            if running != entered {
                match self.enter_running().await {
                    Ok(()) => entered = running,
                    Err(error) => {
                        tracing::error!(%error, "running plugin versions not entered into the history");
                    }
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.clock.sleep_until(self.clock.now() + LOOK_EVERY) => {}
            }
        }
    }

    fn running_digests(&self) -> Vec<Digest> {
        self.served.host().plugins().values().map(|slot| slot.current().plugin().digest()).collect()
    }
}

async fn with_steps(
    connection: &mut Tx,
    vault: &Vault,
    stored: StoredVersion,
) -> Result<VersionHistory, StoreError> {
    let steps = versions::steps(connection, &stored).await?;
    let is_authentic = stored.is_authentic(vault);
    let StoredVersion { version, is_stored, .. } = stored;
    Ok(VersionHistory { version, is_stored, is_authentic, steps })
}

/// Returns what is known of a loaded plugin as a version in its first state.
pub(super) fn version_of(
    name: &str,
    plugin: &Plugin,
    source: VersionSource,
    conditions: Option<String>,
) -> Version {
    Version {
        plugin: name.to_owned(),
        digest: plugin.digest(),
        version: Some(plugin.manifest().version.clone()),
        contract: Some(plugin.contract().to_string()),
        size: i64::try_from(plugin.size()).unwrap_or(i64::MAX),
        source,
        note: None,
        conditions,
        approved: None,
        state: VersionState::Compiled,
        served_at: None,
        withdrawn_at: None,
    }
}

/// Stores a step of `version`, and records it in the audit chain.
pub(super) async fn record(
    tx: &mut Tx,
    vault: &Vault,
    version: &Version,
    step: &VersionStep,
) -> Result<(), StoreError> {
    versions::advance(tx, vault, version, step).await?;
    let detail = json!({
        "plugin": version.plugin, "state": step.state, "by": step.actor, "reason": step.reason,
        "evidence": step.evidence, "took-ms": step.took_ms,
    });
    let digest = Some(version.digest.to_string());
    let line = Record { digest, detail, ..Record::of("plugin-version") };
    audit::append(tx, vault, ALL_TENANTS, step.at, &line).await
}

/// Stores that `version` serves with `step`, that the others of its plugin do not, and deletes what nothing needs any more.
/// A newer version is withdrawn if `version` served before: it was put back.
pub(super) async fn serve(
    tx: &mut Tx,
    vault: &Vault,
    version: &Version,
    step: VersionStep,
) -> Result<(), StoreError> {
    let known = versions::find(tx, &version.plugin, version.digest).await?;
    let put_back = known.filter(|known| known.is_authentic(vault) && known.version.served_at.is_some());
    for stored in versions::of_plugin(tx, &version.plugin).await? {
        // A row that was changed from outside does not become authentic by this.
        let is_authentic = stored.is_authentic(vault);
        let is_withdrawn = put_back.as_ref().is_some_and(|put_back| put_back.is_older_than(&stored));
        let other = Version { withdrawn_at: is_withdrawn.then_some(step.at), ..stored.version };
        if is_authentic && other.state == VersionState::Serving && other.digest != version.digest {
            let evidence = json!({"replaced-by": version.digest.to_string()});
            let retired = VersionStep {
                state: VersionState::Retired,
                took_ms: 0,
                evidence: Some(evidence),
                ..step.clone()
            };
            record(tx, vault, &other, &retired).await?;
        }
    }
    let version = Version { withdrawn_at: None, ..version.clone() };
    record(tx, vault, &version, &step).await?;
    versions::prune(tx).await
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
    VersionStep { state, at, took_ms: 0, actor: HOST.to_owned(), reason: None, evidence: Some(evidence) }
}
