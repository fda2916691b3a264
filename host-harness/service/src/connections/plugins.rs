//! Versions of plugins: uploaded, approved, served and put back through the API. At the next start, the version that
//! serves takes precedence over the file.
//! Tested in `api/src/tests/{plugins,versions}.rs`.

use host_harness::config;
use host_model::{digest::Digest, plugin_version::VersionState};
use host_store::versions::Version;

use super::{
    Connections,
    approval::Approval,
    given_settings::GivenSettings,
    prepared::{MAX_PREPARATION, MAX_WAIT_TO_PUT_BACK},
    publication::{Published, Unapproved, Upload},
    publish_error::PublishError,
    staged::Staged,
    versions::StepCause,
};
use crate::{plugin_operations::RunningOperation, who::Who};

impl Connections {
    /// Uploads a version, compiles and proves it, approves what it requests if `approval` says so, and serves it.
    pub async fn publish(
        &self,
        operation: &RunningOperation,
        upload: Upload,
        approval: Approval,
    ) -> Result<Published, PublishError> {
        let published = self.publish_version(operation.into(), upload, self.of_one_step(approval)).await;
        published.map_err(|error| self.not_in_one_step(error))
    }

    /// Publishes a version because of `cause`, with `approval` as it counts in one step.
    pub(super) async fn publish_version(
        &self,
        cause: StepCause,
        upload: Upload,
        approval: Approval,
    ) -> Result<Published, PublishError> {
        let (name, digest, by) = (upload.plugin.clone(), upload.digest, cause.actor.clone());
        tracing::info!(plugin = name, %digest, by, "publishing a plugin version");
        let published = self.publish_staged(cause, upload, approval).await;
        log_served("published", &name, &by, published.as_ref());
        published
    }

    async fn publish_staged(
        &self,
        cause: StepCause,
        upload: Upload,
        approval: Approval,
    ) -> Result<Published, PublishError> {
        config::named_plugin(&upload.plugin)?;
        if self.runs(&upload.plugin, upload.digest) {
            self.sign_running(&cause, &upload).await?;
            return self.publish_again(&cause, upload).await;
        }
        // Before anything of it is stored, and again under the lock.
        self.check_no_release(&upload.plugin).await?;
        let (tests, unapproved) = (upload.tests, upload.unapproved);
        let staged = self.stage(cause, upload).await?;
        let staged = self.suiting(staged).await?;
        let mut staged = self.proving(staged, tests).await?;
        self.prepared(&staged.version().plugin, staged.version().digest, MAX_PREPARATION).await?;
        let _alone = self.alone_with(&mut staged).await?;
        self.check_no_release(&staged.version().plugin).await?;
        self.check_proven(&mut staged).await?;
        if unapproved == Unapproved::Waits
            && let Err(error) = self.check_approval(&staged, approval)
            && error.lacks_approval()
        {
            return Err(PublishError::awaiting(staged.version(), error));
        }
        let staged = self.approved(staged, approval).await?;
        self.serve_published(staged, approval).await
    }

    /// Uploads, compiles and proves a version that is not to serve yet. Connections whose settings do not suit it are no
    /// reason to refuse it: they can be changed until it serves.
    pub async fn upload(&self, operation: &RunningOperation, upload: Upload) -> Result<(), PublishError> {
        config::named_plugin(&upload.plugin)?;
        if self.runs(&upload.plugin, upload.digest) {
            return self.sign_running(&operation.into(), &upload).await;
        }
        let tests = upload.tests;
        let staged = self.stage(operation, upload).await?;
        self.proving(staged, tests).await.map(drop)
    }

    /// Approves what an uploaded version requests, in the name of the API key with the id `key`. It can be served then.
    pub async fn approve(
        &self,
        who: &Who,
        key: &str,
        name: &str,
        digest: Digest,
    ) -> Result<(), PublishError> {
        self.check_may_approve(key, name, digest).await?;
        let mut staged = self.open(who, name, digest).await?;
        let _alone = self.alone_with(&mut staged).await?;
        self.check_proven(&mut staged).await?;
        if staged.has_served() {
            // It can serve as it is.
            return Ok(());
        }
        self.approved(staged, Approval::Given).await.map(drop)
    }

    /// Checks that a staged version has come through its proof, or served before.
    async fn check_proven(&self, staged: &mut Staged) -> Result<(), PublishError> {
        match self.current_state(staged).await? {
            VersionState::Proven | VersionState::Approved | VersionState::Serving | VersionState::Retired => {
                Ok(())
            }
            state @ (VersionState::Uploaded | VersionState::Compiled | VersionState::Refused) => {
                let Version { plugin, digest, .. } = staged.version().clone();
                Err(PublishError::Unproven { plugin, digest, state })
            }
        }
    }

    /// Serves a version that was approved, or that served before, with `settings` of its connections. Requires `approval` if
    /// one that served before, or a setting, changes what identifies people.
    pub async fn serve(
        &self,
        operation: &RunningOperation,
        name: &str,
        digest: Digest,
        approval: Approval,
        settings: GivenSettings,
    ) -> Result<Published, PublishError> {
        self.serve_stored(operation.into(), name, digest, approval, settings).await
    }

    /// Serves a stored version because of `cause`.
    pub(super) async fn serve_stored(
        &self,
        cause: StepCause,
        name: &str,
        digest: Digest,
        approval: Approval,
        settings: GivenSettings,
    ) -> Result<Published, PublishError> {
        let by = cause.actor.clone();
        let served = self.serve_opened(cause, name, digest, approval, settings).await;
        log_served("served", name, &by, served.as_ref());
        served
    }

    async fn serve_opened(
        &self,
        cause: StepCause,
        name: &str,
        digest: Digest,
        approval: Approval,
        settings: GivenSettings,
    ) -> Result<Published, PublishError> {
        let mut staged = self.open(cause, name, digest).await?.with_settings(settings);
        let _alone = if staged.has_served() {
            // It is put back at once.
            self.prepared_to_put_back(&staged).await;
            self.sources.changing.lock().await
        } else {
            self.prepared(name, digest, MAX_PREPARATION).await?;
            self.alone_with(&mut staged).await?
        };
        self.check_no_release(name).await?;
        let state = self.current_state(&mut staged).await?;
        match state {
            VersionState::Approved => {
                self.still_approved(staged.version(), staged.plugin(), staged.shadow())?;
                self.serve_published(staged, approval).await
            }
            _ if staged.has_served() => self.put_back(staged, approval).await,
            _ => Err(PublishError::NotApproved { plugin: name.to_owned(), digest, state }),
        }
    }

    /// Restores the version that ran before the one that serves; doing it twice returns to the start. A version that
    /// rekeys people requires approval.
    pub async fn roll_back(
        &self,
        operation: &RunningOperation,
        name: &str,
        approval: Approval,
    ) -> Result<Published, PublishError> {
        if self.served.host().plugin(name).is_none() {
            return Err(PublishError::Unknown(name.to_owned()));
        }
        tracing::info!(plugin = name, by = operation.who.0, "rolling a plugin back");
        let published = self.restore_before(operation, name, approval).await;
        log_served("rolled back", name, &operation.who.0, published.as_ref());
        published
    }

    async fn restore_before(
        &self,
        operation: &RunningOperation,
        name: &str,
        approval: Approval,
    ) -> Result<Published, PublishError> {
        let target = self.before(name).await?;
        let staged = self.open(operation, name, target).await?;
        self.prepared_to_put_back(&staged).await;
        let _alone = self.sources.changing.lock().await;
        self.check_no_release(name).await?;
        if self.before(name).await? != target {
            return Err(PublishError::Overtaken(name.to_owned()));
        }
        self.put_back(staged, approval).await
    }

    /// Has the other replicas load a version that served before. It is put back even if one of them cannot, which then does
    /// not serve its connections.
    async fn prepared_to_put_back(&self, staged: &Staged) {
        let Version { plugin, digest, .. } = staged.version();
        if let Err(error) = self.prepared(plugin, *digest, MAX_WAIT_TO_PUT_BACK).await {
            tracing::warn!(plugin, %digest, %error, "version put back although not all replicas have loaded it");
        }
    }

    pub(super) fn runs(&self, name: &str, digest: Digest) -> bool {
        self.served.host().plugin(name).is_some_and(|slot| slot.current().plugin().digest() == digest)
    }
}

fn log_served(what: &str, plugin: &str, by: &str, served: Result<&Published, &PublishError>) {
    match served {
        Ok(Published { digest, before, .. }) => {
            let before = before.map(tracing::field::display);
            tracing::info!(plugin, %digest, before, by, "plugin version {what}");
        }
        Err(error) => tracing::warn!(plugin, by, %error, "plugin version not {what}"),
    }
}
