//! The proof of a version before it serves.
//! Tested in `api/src/tests/proofs.rs`.

use std::sync::Arc;

use host_harness::{
    conformance::{Cases, Proof, ProofResult},
    plugin::{LoadPolicy, Plugin},
};
use host_model::plugin_version::VersionState;
use host_store::versions::Version;
use serde_json::json;

use super::{
    Connections,
    publish_error::PublishError,
    versions::{Progress, version_of},
};

impl Connections {
    /// Compiles the component of a version, and proves the version. Stores both steps.
    pub(super) async fn compiled_and_proven(
        &self,
        progress: &mut Progress,
        bytes: &[u8],
        policy: &LoadPolicy,
    ) -> Result<Arc<Plugin>, PublishError> {
        let plugin = Arc::new(self.load(bytes.to_vec(), policy).await?);
        let cases = Cases::of_component(bytes)?;
        let Version { plugin: name, source, conditions, note, served_at, approved, .. } =
            progress.version.clone();
        let loaded = version_of(&name, &plugin, source, conditions);
        progress.version = Version { note, served_at, approved, ..loaded };
        let step = progress.step(self, VersionState::Compiled, json!({}));
        self.record(&progress.version, step).await?;
        let proof = self.proof_of(&name, &plugin, cases).await;
        if proof.result == ProofResult::Failed {
            return Err(PublishError::NotProven(proof));
        }
        let step = progress.step(self, VersionState::Proven, json!({"proof": proof}));
        self.record(&progress.version, step).await?;
        Ok(plugin)
    }

    /// Proves `plugin` with the cases that its component ships and with the built-in set, in its own sandbox. Nothing is
    /// sent to a vendor. A proof of which parts could not be run is no failure: it says which.
    pub(super) async fn proof_of(&self, name: &str, plugin: &Arc<Plugin>, shipped: Cases) -> Proof {
        let slot = self.served.host().plugin(name);
        // Required settings without a default are those of a connection, as far as the new version has them.
        let settings = slot.and_then(|slot| {
            let generation = slot.current();
            let first = generation.connections().min_by(|one, other| one.key.cmp(&other.key))?;
            Some(first.settings.clone())
        });
        let mut settings = settings.unwrap_or_default();
        settings.retain(|name, _| plugin.manifest().settings.iter().any(|setting| setting.name == *name));
        let prover = self.served.host().prover().with_shipped(shipped);
        prover.with_settings(settings).prove(plugin).await
    }
}
