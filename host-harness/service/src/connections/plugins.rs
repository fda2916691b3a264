//! Versions of plugins: uploaded, approved, served and put back through the API. At the next start, the version that
//! serves takes precedence over the file.
//! Tested in `api/src/tests/{plugins,versions}.rs`.

use host_harness::{
    config,
    plugin::{Changes, LoadPolicy},
};
use host_model::{digest::Digest, plugin_version::VersionState};
use host_store::versions::VersionStep;
use sha2::{Digest as _, Sha256};

use super::{Connections, approval::Approval, conditions::LoadConditions, publish_error::PublishError};
use crate::who::Who;

/// The version that runs now.
#[derive(Clone, Debug)]
pub struct Published {
    /// The digest of the component.
    pub digest: Digest,
    /// The digest of the version that ran before.
    pub before: Option<Digest>,
    /// What it requests that the previous version did not.
    pub changes: Changes,
    /// The conditions under which it loads.
    pub policy: LoadPolicy,
    /// The steps that led to it, each with its evidence and cost.
    pub steps: Vec<VersionStep>,
}

/// A version to upload.
pub struct Upload {
    /// The plugin's name.
    pub plugin: String,
    /// The component.
    pub bytes: Vec<u8>,
    /// The conditions under which it loads. What they do not set is as for the version that serves; nothing may be set
    /// for a plugin in the configuration file.
    pub conditions: LoadConditions,
    /// What the operator writes about it.
    pub note: Option<String>,
}

impl Connections {
    /// Uploads a version, compiles it, approves what it requests if `approval` says so, and serves it.
    pub async fn publish(
        &self,
        who: &Who,
        upload: Upload,
        approval: Approval,
    ) -> Result<Published, PublishError> {
        let (name, digest) = (upload.plugin.clone(), digest_of(&upload.bytes));
        tracing::info!(plugin = name, %digest, by = who.0, "publishing a plugin version");
        let published = self.publish_version(who, upload, approval).await;
        log_served("published", &name, who, published.as_ref());
        published
    }

    async fn publish_version(
        &self,
        who: &Who,
        upload: Upload,
        approval: Approval,
    ) -> Result<Published, PublishError> {
        config::named_plugin(&upload.plugin)?;
        if self.runs(&upload.plugin, digest_of(&upload.bytes)) {
            return self.publish_again(who, upload).await;
        }
        let staged = self.stage(who, upload).await?;
        let _alone = self.sources.changing.lock().await;
        let staged = self.approved(staged, approval).await?;
        self.serve_published(staged).await
    }

    /// Uploads and compiles a version that is not to serve yet.
    pub async fn upload(&self, who: &Who, upload: Upload) -> Result<Digest, PublishError> {
        config::named_plugin(&upload.plugin)?;
        let digest = digest_of(&upload.bytes);
        if !self.runs(&upload.plugin, digest) {
            self.stage(who, upload).await?;
        }
        Ok(digest)
    }

    /// Approves what an uploaded version requests. It can be served then.
    pub async fn approve(&self, who: &Who, name: &str, digest: Digest) -> Result<(), PublishError> {
        let staged = self.open(who, name, digest).await?;
        let _alone = self.sources.changing.lock().await;
        self.approved(staged, Approval::Given).await.map(drop)
    }

    /// Serves a version that was approved, or that served before. One that served before requires `approval` if it
    /// changes what identifies people.
    pub async fn serve(
        &self,
        who: &Who,
        name: &str,
        digest: Digest,
        approval: Approval,
    ) -> Result<Published, PublishError> {
        let served = self.serve_stored(who, name, digest, approval).await;
        log_served("served", name, who, served.as_ref());
        served
    }

    async fn serve_stored(
        &self,
        who: &Who,
        name: &str,
        digest: Digest,
        approval: Approval,
    ) -> Result<Published, PublishError> {
        let staged = self.open(who, name, digest).await?;
        let _alone = self.sources.changing.lock().await;
        let (has_served, state) = (staged.has_served(), staged.state());
        match state {
            VersionState::Approved => {
                self.still_approved(&staged).await?;
                self.serve_published(staged).await
            }
            _ if has_served => self.put_back(staged, approval).await,
            _ => Err(PublishError::NotApproved { plugin: name.to_owned(), digest, state }),
        }
    }

    /// Restores the version that ran before the one that serves; doing it twice returns to the start. A version that
    /// rekeys people requires approval.
    pub async fn roll_back(
        &self,
        who: &Who,
        name: &str,
        approval: Approval,
    ) -> Result<Published, PublishError> {
        if self.served.host().plugin(name).is_none() {
            return Err(PublishError::Unknown(name.to_owned()));
        }
        tracing::info!(plugin = name, by = who.0, "rolling a plugin back");
        let published = self.restore_before(who, name, approval).await;
        log_served("rolled back", name, who, published.as_ref());
        published
    }

    async fn restore_before(
        &self,
        who: &Who,
        name: &str,
        approval: Approval,
    ) -> Result<Published, PublishError> {
        let target = self.before(name).await?;
        let staged = self.open(who, name, target).await?;
        let _alone = self.sources.changing.lock().await;
        if self.before(name).await? != target {
            return Err(PublishError::Overtaken(name.to_owned()));
        }
        self.put_back(staged, approval).await
    }

    fn runs(&self, name: &str, digest: Digest) -> bool {
        self.served.host().plugin(name).is_some_and(|slot| slot.current().plugin().digest() == digest)
    }
}

/// Returns the digest of a component.
pub(super) fn digest_of(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

fn log_served(what: &str, plugin: &str, who: &Who, served: Result<&Published, &PublishError>) {
    match served {
        Ok(Published { digest, before, .. }) => {
            let before = before.map(tracing::field::display);
            tracing::info!(plugin, %digest, before, by = who.0, "plugin version {what}");
        }
        Err(error) => tracing::warn!(plugin, by = who.0, %error, "plugin version not {what}"),
    }
}
