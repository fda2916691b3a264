//! What a publication would do, without storing or serving anything.
//! Tested in `api/src/tests/rehearsals.rs`.

use std::sync::Arc;

use host_harness::{config, conformance::Proof, plugin::Slot};
use host_model::digest::Digest;

use super::{
    Connections,
    approval::Approval,
    candidate::Candidate,
    comparison::{requests, same_behaviour},
    given_settings::{GivenSettings, UnknownSettings},
    proof::{ProvenParts, SuitedConnections},
    publication::Upload,
    publish_error::PublishError,
    shadow::ShadowReport,
    tested::TestedConnection,
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
    /// Which connections have settings that suit it.
    pub settings: SuitedConnections,
    /// What came of comparing it with the version that serves; nothing if its proof failed.
    pub shadow: ShadowReport,
    /// What came of testing the connections; empty if that was not asked for, or its proof failed.
    pub tests: Vec<TestedConnection>,
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
        let approval = self.of_one_step(approval);
        let Upload { plugin: name, bytes, bundle, digest, conditions, tests, settings: given, .. } = upload;
        config::named_plugin(&name)?;
        let (_, policy) = self.upload_conditions(&name, conditions).await?;
        policy.check_size(bytes.len())?;
        let release = self.verified(&name, &bytes, bundle).await?;
        let plugin = Arc::new(self.load(bytes.clone(), &policy).await?);
        if let Some(release) = release {
            release.check_loaded(&plugin)?;
        }
        let (candidate, unfit) = match self.candidate(&name, &plugin, &given).await {
            Ok(candidate) => (candidate, None),
            Err(PublishError::Store(error)) => return Err(error.into()),
            Err(error) => (Candidate::of(&plugin), Some(error)),
        };
        let parts = self.parts_of_proof(&name, &candidate, &bytes, tests).await?;
        let mut refusals = parts.failures();
        let ProvenParts { proof, settings, shadow, tests } = parts;
        let slot = self.served.host().plugin(&name);
        refusals.extend(self.compared(&name, &plugin, approval).err());
        refusals.extend(same_behaviour(&shadow, approval).err());
        match unfit {
            Some(error) => refusals.push(error),
            None => refusals.extend(self.unfit(slot.as_deref(), &name, &candidate, &given, approval).await?),
        }
        let before = slot.as_deref().map(|slot: &Slot| slot.current().plugin().digest());
        let requests = requests(slot.as_deref(), &plugin);
        let refusals = refusals.into_iter().map(|error| self.not_in_one_step(error)).collect();
        Ok(PublicationRehearsal { digest, before, requests, proof, settings, shadow, tests, refusals })
    }

    /// Returns why the connections would not fit `candidate`, with the settings that are given with it.
    async fn unfit(
        &self,
        slot: Option<&Slot>,
        name: &str,
        candidate: &Candidate,
        given: &GivenSettings,
        approval: Approval,
    ) -> Result<Vec<PublishError>, PublishError> {
        let Candidate { plugin, changed } = candidate;
        let unsuited = slot.and_then(|slot| slot.check_settings(plugin, changed).err());
        let mut unfit: Vec<_> = unsuited.map(PublishError::Swap).into_iter().collect();
        if approval == Approval::Missing {
            let refuse = UnknownSettings::Refuse;
            let changed = self.changed_for(name, plugin.manifest(), given, refuse).await?;
            match self.check_keying_of(&changed, plugin).await {
                Err(PublishError::Store(error)) => return Err(error.into()),
                keyed => unfit.extend(keyed.err()),
            }
        }
        Ok(unfit)
    }
}
