//! What a publication would do, without storing or serving anything.
//! Tested in `api/src/tests/rehearsals.rs`.

use std::sync::Arc;

use host_harness::{
    config,
    conformance::{Cases, Proof, ProofResult},
    plugin::Slot,
};
use host_model::digest::Digest;

use super::{
    Connections, approval::Approval, comparison::requests, publication::Upload, publish_error::PublishError,
};

/// What a publication would do.
#[derive(Debug)]
pub struct PublicationRehearsal {
    /// The digest of the component.
    pub digest: Digest,
    /// The digest of the version that serves; `None` if the plugin is new.
    pub before: Option<Digest>,
    /// What it requests beyond the version that serves, one sentence each.
    pub requests: Vec<String>,
    /// Its proof.
    pub proof: Proof,
    /// Why it would be refused. Empty if it would serve.
    pub refusals: Vec<PublishError>,
}

impl Connections {
    /// Compiles and proves a version, and compares it with the one that serves. A component that does not load is an
    /// error; everything else that would prevent the publication is in the result.
    pub async fn rehearse(
        &self,
        upload: Upload,
        approval: Approval,
    ) -> Result<PublicationRehearsal, PublishError> {
        let Upload { plugin: name, bytes, conditions, .. } = upload;
        config::named_plugin(&name)?;
        let (_, policy) = self.upload_conditions(&name, conditions).await?;
        policy.check_size(bytes.len())?;
        let digest = Digest::of(&bytes);
        let plugin = Arc::new(self.load(bytes.clone(), &policy).await?);
        let proof = self.proof_of(&name, &plugin, Cases::of_component(&bytes)?).await;
        let slot = self.served.host().plugin(&name);
        let mut refusals = Vec::new();
        if proof.result == ProofResult::Failed {
            refusals.push(PublishError::NotProven(proof.clone()));
        }
        refusals.extend(self.compared(&name, &plugin, approval).err());
        refusals.extend(
            slot.as_ref().and_then(|slot| slot.check_settings(&plugin).err()).map(PublishError::Swap),
        );
        let before = slot.as_deref().map(|slot: &Slot| slot.current().plugin().digest());
        Ok(PublicationRehearsal {
            digest,
            before,
            requests: requests(slot.as_deref(), &plugin),
            proof,
            refusals,
        })
    }
}
