//! Proves the versions that have run since the start without a proof: those of files, and those published before there
//! were proofs.
//! Tested in `api/src/tests/files.rs`.

use std::{sync::Arc, time::Duration};

use host_harness::plugin::Plugin;
use host_model::plugin_version::VersionState;
use host_store::{
    StoreError,
    alarms::{self, Alarm},
    versions::{self, Version, VersionStep},
};
use serde_json::json;

use super::{
    Connections,
    candidate::Candidate,
    loaded::stored_component,
    proof::passed,
    versions::{HOST, NOT_PROVEN, Progress, VersionHistory, record},
};

/// The time from the start to the proofs. Work that waited while the service was stopped comes first.
const PROVE_AFTER: Duration = Duration::from_mins(1);

impl Connections {
    /// Proves the running versions that have no proof, some time after the start.
    pub(super) async fn prove_running_later(&self) {
        self.clock.sleep_until(self.clock.now() + PROVE_AFTER).await;
        self.prove_running().await;
    }

    /// Proves the running versions that have no proof. One that fails serves on, with an alarm.
    pub async fn prove_running(&self) {
        for (name, slot) in self.served.host().plugins().iter() {
            let running = Arc::clone(slot.current().plugin().uncounted());
            if let Err(error) = self.prove_unproven(name, &running).await {
                tracing::error!(plugin = name, %error, "running plugin version not proven; the next start tries again");
            }
        }
    }

    async fn prove_unproven(&self, name: &str, running: &Arc<Plugin>) -> Result<(), StoreError> {
        let digest = running.digest();
        let Some(entered) = self.version(name, digest).await? else { return Ok(()) };
        let bytes = stored_component(&self.store, digest);
        // Its cases are in the component, which is missing if the file changed during the start.
        let (Some(bytes), false) = (bytes.await?, has_proof(&entered)) else { return Ok(()) };
        let mut progress = Progress::begin(self, entered.version, HOST);
        match self.proof_by_cases(name, &Candidate::of(running), &bytes).await.and_then(passed) {
            Ok(proof) => {
                let step = progress.step(self, VersionState::Proven, json!({"proof": proof}));
                let (vault, version) = (self.store.vault().clone(), progress.version);
                let proven = self.store.write(move |tx| {
                    Box::pin(async move {
                        record(tx, &vault, &version, &step).await?;
                        // Its cases could not be used at an earlier start.
                        alarms::is_over(tx, step.at, NOT_PROVEN, &version.plugin).await
                    })
                });
                proven.await
            }
            Err(error) => {
                tracing::error!(plugin = name, %digest, %error, "running plugin version failed its proof and serves on");
                let step = progress.refused(self, &error);
                self.record_failed(progress.version, step).await
            }
        }
    }

    async fn record_failed(&self, version: Version, step: VersionStep) -> Result<(), StoreError> {
        let vault = self.store.vault().clone();
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    record(tx, &vault, &version, &step).await?;
                    let serves = versions::find(tx, &version.plugin, version.digest).await?;
                    if serves.is_none_or(|known| known.version.state != VersionState::Serving) {
                        // Another version has taken its place during the proof.
                        return Ok(());
                    }
                    let detail = format!(
                            "version {} failed its proof after the start and serves on; `plugin history {} --version` \
                             shows what was found. Put a version in its place that passes",
                            version.digest, version.plugin
                        );
 let alarm = Alarm::of_service(NOT_PROVEN, &version.plugin, &detail);
 alarms::raise(tx, step.at, &alarm).await
                })
            })
            .await
    }
}

/// Returns whether the version was proven, or failed its proof since it serves, so that the alarm is raised. A failure before
/// that has raised none, and cases that could not be used may be mended by now.
fn has_proof(version: &VersionHistory) -> bool {
    let serving = version.steps.iter().rposition(|step| step.state == VersionState::Serving);
    let since = version.steps.iter().skip(serving.map_or(0, |at| at + 1));
    let has_failed = since.into_iter().any(|step| step.reason.as_deref() == Some("not-proven"));
    has_failed || version.steps.iter().any(|step| step.state == VersionState::Proven)
}

#[cfg(test)]
mod tests {
    use host_model::digest::Digest;
    use host_store::components;
    use test_support::eventually;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::testing::bench::Bench;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_runs_since_the_start_is_proven_once_a_minute_has_passed() {
        let bench = Bench::new().await;
        let connections = bench.parts.connections.clone();
        let bytes = std::fs::read(crate::testing::bench::component()).unwrap();
        let stored = connections.store.write(move |tx| {
            Box::pin(async move { components::insert(tx, Digest::of(&bytes), bytes).await })
        });
        stored.await.unwrap();
        connections.enter_running().await.unwrap();
        let stop = CancellationToken::new();
        let following = tokio::spawn(connections.clone().follow_files(Vec::new(), stop.clone()));
        let steps = async || {
            let steps = connections.version_history("iterable").await.unwrap().remove(0).steps;
            steps.into_iter().map(|step| step.state).collect::<Vec<_>>()
        };
        eventually("it waits", async || bench.clock.is_slept_on(), |waits| *waits).await;
        assert_eq!(steps().await, [VersionState::Serving]);
        bench.clock.advance(PROVE_AFTER);
        let proven = [VersionState::Serving, VersionState::Proven];
        eventually("its proof", steps, |steps| *steps == proven).await;
        stop.cancel();
        following.await.unwrap();
    }
}
