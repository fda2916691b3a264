//! The history of plugin versions: each step of a version is stored with its evidence, and recorded in the audit chain.
//! Tested in `api/src/tests/versions.rs`.

use std::time::Duration;

use futures::future::BoxFuture;
use host_harness::{
    connection::SettingError,
    plugin::{Plugin, SwapError},
};
use host_model::{
    approvers::Approvers,
    digest::Digest,
    plugin_version::{VersionSource, VersionState},
    text::escaped_within,
};
use host_store::{
    StoreError, Tx, Vault, alarms,
    audit::{self, ALL_TENANTS, Record},
    versions::{self, StoredVersion, Version, VersionStep},
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    Connections, awaited_approval,
    drained::DrainWatch,
    not_authentic::{NOT_AUTHENTIC, raise_not_authentic},
    publish_error::PublishError,
    release_alarms::ROLLED_BACK,
    signatures::{VerifiedRelease, end_release_refused, with_signature},
};
use crate::{plugin_operations::RunningOperation, tasks::pause, who::Who};

/// How often versions that nothing uses are unloaded, and pinned ones that could not be used are tried again.
const UPKEEP_EVERY: Duration = Duration::from_mins(1);

/// The actor of steps that no caller caused.
pub(super) const HOST: &str = "the host";

/// The alarm about a version that serves although its proof failed.
pub(super) const NOT_PROVEN: &str = "plugin-not-proven";

/// Maximum size of a text that is repeated from a row that was changed from outside, in bytes.
const MAX_SAID_BYTES: usize = 1_000;

/// A version with its history.
#[derive(Clone, Debug)]
pub struct VersionHistory {
    /// The version.
    pub version: Version,
    /// Whether its component is stored, so that it can be put back.
    pub is_stored: bool,
    /// Whether the row was written by this program. If not, it must not serve.
    pub is_authentic: bool,
    /// Whether it can be approved only with another API key than the one that uploaded it.
    pub needs_second_person: bool,
    /// Its steps, oldest first.
    pub steps: Vec<VersionStep>,
}

/// Who causes the steps of a version, and the operation in which they do.
#[derive(Clone, Debug)]
pub(super) struct StepCause {
    pub(super) actor: String,
    operation: Option<String>,
}

/// The host itself.
impl From<&str> for StepCause {
    fn from(actor: &str) -> Self {
        Self { actor: actor.to_owned(), operation: None }
    }
}

impl From<&Who> for StepCause {
    fn from(who: &Who) -> Self {
        Self { actor: who.0.clone(), operation: None }
    }
}

impl From<&RunningOperation> for StepCause {
    fn from(RunningOperation { id, who, .. }: &RunningOperation) -> Self {
        Self { actor: who.0.clone(), operation: Some(id.clone()) }
    }
}

/// A version on its way to serving. Each step is stored as it is reached.
pub(super) struct Progress {
    pub(super) version: Version,
    pub(super) cause: StepCause,
    /// Its signature, verified for this way; `None` if its plugin needs none, or it was put back without one.
    pub(super) release: Option<VerifiedRelease>,
    /// Its steps so far.
    pub(super) steps: Vec<VersionStep>,
    /// When the current step began, in milliseconds since the Unix epoch.
    began: i64,
}

impl Progress {
    /// Begins the way of `version`.
    pub(super) fn begin(connections: &Connections, version: Version, cause: impl Into<StepCause>) -> Self {
        let began = connections.clock.date_ms();
        Self { version, cause: cause.into(), release: None, steps: Vec::new(), began }
    }

    /// Goes on with a signature that was verified.
    pub(super) fn sign(&mut self, release: Option<VerifiedRelease>) {
        self.version.bundle = release.as_ref().map(|release| release.bundle().to_owned());
        self.release = release;
    }

    /// Adds its signature to what shows that it was admitted.
    pub(super) fn with_signature(&self, evidence: Value) -> Value {
        with_signature(evidence, self.release.as_ref())
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
            PublishError::TestsFailed(tests) => {
                json!({"why": "connections do not work on it", "tests": tests})
            }
            // A value could be a secret in the wrong place.
            PublishError::Swap(SwapError::Settings(errors)) => {
                let places: Vec<_> = errors.iter().map(setting_place).collect();
                json!({"why": "settings of connections do not suit it", "settings": places})
            }
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
        let StepCause { actor, operation } = self.cause.clone();
        let (reason, evidence) = (reason.map(str::to_owned), Some(evidence));
        let step = VersionStep { state, at, took_ms, actor, reason, evidence, operation };
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
        self.write_step(move |tx| Box::pin(async move { record(tx, &vault, &version, &step).await })).await
    }

    /// Runs `work`, which stores a step, in one transaction, and wakes those who wait for its operation.
    pub(super) async fn write_step(
        &self,
        work: impl for<'c> FnOnce(&'c mut Tx) -> BoxFuture<'c, Result<(), StoreError>> + Send + 'static,
    ) -> Result<(), StoreError> {
        self.store.write(work).await?;
        self.operations.announce();
        Ok(())
    }

    /// Same for a step that may still be refused: nothing is stored then.
    pub(super) async fn try_write_step(
        &self,
        work: impl for<'c> FnOnce(&'c mut Tx) -> BoxFuture<'c, Result<(), PublishError>> + Send + 'static,
    ) -> Result<(), PublishError> {
        self.store.try_write(work).await?;
        self.operations.announce();
        Ok(())
    }

    /// Returns the versions of a plugin, those that served last first.
    pub async fn version_history(&self, plugin: &str) -> Result<Vec<VersionHistory>, StoreError> {
        let (plugin, vault) = (plugin.to_owned(), self.store.vault().clone());
        let approvers = self.sources.approvers;
        self.store
            .read(move |connection| {
                Box::pin(async move {
                    let mut history = Vec::new();
                    for stored in versions::of_plugin(connection, &plugin).await? {
                        history.push(with_steps(connection, &vault, approvers, stored).await?);
                    }
                    Ok(history)
                })
            })
            .await
    }

    /// Returns a version of a plugin; `None` if it is not known.
    pub async fn version(&self, plugin: &str, digest: Digest) -> Result<Option<VersionHistory>, StoreError> {
        let (plugin, vault) = (plugin.to_owned(), self.store.vault().clone());
        let approvers = self.sources.approvers;
        self.store
            .read(move |connection| {
                Box::pin(async move {
                    match versions::find(connection, &plugin, digest).await? {
                        Some(stored) => with_steps(connection, &vault, approvers, stored).await.map(Some),
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

    /// Unloads versions that nothing uses, watches those that are being drained, and tries pinned and released ones again that
    /// could not be used, until `stop` is cancelled.
    pub(crate) async fn run_version_upkeep(self, stop: CancellationToken) {
        let mut drained = DrainWatch::default();
        loop {
            pause(&*self.clock, UPKEEP_EVERY, &stop).await;
            if stop.is_cancelled() {
                return;
            }
            let done = [
                self.versions.unload_unused().await,
                self.retry_unusable().await,
                self.retry_releases().await,
                self.report_signatures().await,
                drained.look(&self).await,
            ];
            for done in done {
                if let Err(error) = done {
                    tracing::error!(%error, "upkeep of plugin versions failed");
                }
            }
        }
    }
}

async fn with_steps(
    connection: &mut Tx,
    vault: &Vault,
    approvers: Approvers,
    stored: StoredVersion,
) -> Result<VersionHistory, StoreError> {
    let steps = versions::steps(connection, &stored).await?;
    let is_authentic = stored.is_authentic(vault);
    let StoredVersion { version, is_stored, .. } = stored;
    let needs_second_person = approvers == Approvers::SecondPerson;
    Ok(VersionHistory { version, is_stored, is_authentic, needs_second_person, steps })
}

/// Returns where a setting is that does not suit a version, without its value.
pub(super) fn setting_place(error: &SettingError) -> String {
    format!("{}.{}", error.connection, error.setting)
}

/// Returns what is known of a loaded plugin as a version in its first state.
pub(super) fn version_of(
    name: &str,
    plugin: &Plugin,
    source: VersionSource,
    conditions: Option<String>,
) -> Version {
    Version {
        version: Some(plugin.manifest().version.clone()),
        contract: Some(plugin.contract().to_string()),
        conditions,
        state: VersionState::Compiled,
        ..Version::new(name, plugin.digest(), plugin.size(), source)
    }
}

/// Stores a step of `version`, and records it in the audit chain.
pub(super) async fn record(
    tx: &mut Tx,
    vault: &Vault,
    version: &Version,
    step: &VersionStep,
) -> Result<(), StoreError> {
    report_changed(tx, vault, version, step.at).await?;
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
    alarms::is_over(tx, step.at, NOT_PROVEN, &version.plugin).await?;
    end_release_refused(tx, step.at, &version.plugin).await?;
    alarms::is_over(tx, step.at, ROLLED_BACK, &version.plugin).await?;
    awaited_approval::is_over(tx, step.at, &version.plugin).await?;
    versions::prune(tx).await
}

/// Reports a row of `version` that was changed from outside. A step is about to replace it with an authentic one, after
/// which only the audit chain has what it said.
async fn report_changed(tx: &mut Tx, vault: &Vault, version: &Version, at: i64) -> Result<(), StoreError> {
    let known = versions::find(tx, &version.plugin, version.digest).await?;
    let Some(StoredVersion { version: said, .. }) = known.filter(|known| !known.is_authentic(vault)) else {
        return Ok(());
    };
    let text = |said: Option<String>| said.map(|said| escaped_within(&said, MAX_SAID_BYTES));
    let detail = json!({
        "plugin": said.plugin,
        "said": {
            "state": said.state, "served-at": said.served_at, "withdrawn-at": said.withdrawn_at,
            "conditions": text(said.conditions), "approved": text(said.approved),
        },
    });
    let digest = Some(said.digest.to_string());
    let line = Record { digest, detail, ..Record::of(NOT_AUTHENTIC) };
    audit::append(tx, vault, ALL_TENANTS, at, &line).await?;
    let why = "its row was changed or inserted in the database from outside, and is replaced; the audit chain has what it \
               said";
    raise_not_authentic(tx, &said.plugin, said.digest, at, why).await
}
