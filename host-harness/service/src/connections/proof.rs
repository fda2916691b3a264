//! The proof of a version before it serves: the settings of the connections, its cases and the built-in set, a comparison
//! with the version that serves, and tests of the connections. The first part that fails ends it.
//! Tested in `api/src/tests/{proofs,shadow,tested_connections}.rs`.

use std::path::Path;

use host_harness::{
    conformance::{Cases, CasesError, Proof, ProofResult},
    host::NotOnVersion,
};
use host_model::plugin_version::VersionState;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Connections,
    candidate::Candidate,
    publish_error::PublishError,
    shadow::ShadowReport,
    tested::{ConnectionTests, TestStatus, TestedConnection},
    versions::{Progress, record, setting_place},
};

/// Which connections have settings that suit a version. Contains no values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SuitedConnections {
    /// The keys of the connections whose settings suit it.
    pub suited: Vec<String>,
    /// The settings that do not suit it, each with its connection, such as `newsletter.region`.
    pub unsuited: Vec<String>,
}

/// What a version proved.
pub(super) struct ProvenParts {
    pub(super) proof: Proof,
    pub(super) settings: SuitedConnections,
    pub(super) shadow: ShadowReport,
    /// What came of testing the connections; empty if that was not asked for.
    pub(super) tests: Vec<TestedConnection>,
}

impl Connections {
    /// Proves a compiled version, and stores the step with what it shows. Returns what came of comparing it with the
    /// version that serves.
    pub(super) async fn proven(
        &self,
        progress: &mut Progress,
        candidate: &Candidate,
        bytes: &[u8],
        tests: ConnectionTests,
    ) -> Result<ShadowReport, PublishError> {
        let name = progress.version.plugin.clone();
        let parts = self.parts_of_proof(&name, candidate, bytes, tests).await?;
        if let Some(error) = parts.failures().into_iter().next() {
            return Err(error);
        }
        let ProvenParts { proof, settings, shadow, tests } = parts;
        let evidence = json!({"proof": proof, "settings": settings, "shadow": shadow, "tests": tests});
        let step = progress.step(self, VersionState::Proven, evidence);
        let (version, release) = (progress.version.clone(), progress.release.clone());
        let vault = self.store.vault().clone();
        // It is admitted now: one that fails its proof keeps no earlier one from serving.
        let admitted = self.try_write_step(move |tx| {
            Box::pin(async move {
                if let Some(release) = release {
                    release.admit(tx, &vault).await?;
                }
                Ok(record(tx, &vault, &version, &step).await?)
            })
        });
        admitted.await?;
        Ok(shadow)
    }

    /// Runs every part of the proof of `candidate` up to the first that fails. What comes after that is empty.
    pub(super) async fn parts_of_proof(
        &self,
        name: &str,
        candidate: &Candidate,
        bytes: &[u8],
        tests: ConnectionTests,
    ) -> Result<ProvenParts, PublishError> {
        let proof = self.proof_by_cases(name, candidate, bytes).await?;
        let settings = self.suited(name, candidate);
        let mut parts = ProvenParts { proof, settings, shadow: ShadowReport::default(), tests: Vec::new() };
        if parts.proof.result == ProofResult::Failed {
            return Ok(parts);
        }
        parts.shadow = self.shadow(name, candidate).await?;
        if tests == ConnectionTests::Required {
            parts.tests = self.test_each(name, candidate).await?;
        }
        Ok(parts)
    }

    /// Proves `candidate` with the cases that its component ships, with the operator's own and with the built-in set, in its own
    /// sandbox. Nothing is sent to a vendor. A proof of which parts could not be run is no failure: it says which.
    pub(super) async fn proof_by_cases(
        &self,
        name: &str,
        candidate: &Candidate,
        component: &[u8],
    ) -> Result<Proof, PublishError> {
        let shipped = Cases::of_component(component)?;
        let own = self.own_cases(name).await.map_err(PublishError::OwnCases)?;
        let slot = self.served.host().plugin(name);
        // Required settings without a default are those of a connection, as far as the new version has them.
        let settings = slot.and_then(|slot| {
            let generation = slot.current();
            let first = generation.connections().min_by(|one, other| one.key.cmp(&other.key))?;
            let mut settings = first.settings.clone();
            candidate.complete(&first.key, &mut settings);
            Some(settings)
        });
        let mut settings = settings.unwrap_or_default();
        let plugin = &candidate.plugin;
        settings.retain(|name, _| plugin.manifest().settings.iter().any(|setting| setting.name == *name));
        let prover = self.served.host().prover().with_shipped(shipped).with_own(own);
        Ok(prover.with_settings(settings).prove(plugin).await)
    }

    /// Reads the operator's own cases for the plugin `name`, as they are now.
    async fn own_cases(&self, name: &str) -> Result<Cases, CasesError> {
        let Some(cases) = &self.sources.proof.cases else { return Ok(Cases::default()) };
        let (all, folder) = (cases.clone(), cases.join(name));
        let read = tokio::task::spawn_blocking(move || read_own(&all, &folder)).await;
        // Only a runtime that is shutting down drops the task.
        read.unwrap_or_else(|_| Ok(Cases::default()))
    }

    /// Resolves each connection of the plugin `name` for `candidate`.
    fn suited(&self, name: &str, candidate: &Candidate) -> SuitedConnections {
        let mut settings = SuitedConnections::default();
        for key in self.keys_of(name) {
            match self.calls_on(&key, candidate) {
                Ok(_) => settings.suited.push(key),
                Err(NotOnVersion::Settings(errors)) => {
                    settings.unsuited.extend(errors.iter().map(setting_place));
                }
                Err(NotOnVersion::Unknown(_)) => {}
            }
        }
        settings.suited.sort();
        settings.unsuited.sort();
        settings
    }
}

impl ProvenParts {
    /// Returns why the version must not serve, in the order of the parts.
    pub(super) fn failures(&self) -> Vec<PublishError> {
        let failed = || self.tests.iter().filter(|test| test.status == TestStatus::Failed);
        let not_proven =
            (self.proof.result == ProofResult::Failed).then(|| PublishError::NotProven(self.proof.clone()));
        let not_working = failed().next().map(|_| PublishError::TestsFailed(self.tests.clone()));
        not_proven.into_iter().chain(not_working).collect()
    }
}

/// Returns the proof unless it failed.
pub(super) fn passed(proof: Proof) -> Result<Proof, PublishError> {
    match proof.result {
        ProofResult::Failed => Err(PublishError::NotProven(proof)),
        ProofResult::Passed | ProofResult::Incomplete => Ok(proof),
    }
}

/// Reads the folder of a plugin in the folder `all`. A plugin without a folder has no cases, but `all` must exist.
fn read_own(all: &Path, folder: &Path) -> Result<Cases, CasesError> {
    let unreadable = |cause| CasesError::Unreadable { path: all.to_owned(), cause };
    std::fs::read_dir(all).map_err(unreadable)?;
    if folder.try_exists().map_err(unreadable)? { Cases::of_folder(folder) } else { Ok(Cases::default()) }
}
