//! Plugins in registries: each is pulled once and published, so a start needs the database alone, and is pulled again when
//! an operator says so. What another person has to approve waits for that.
//! Tested in `api/src/tests/registries.rs`.

mod moved;
mod release;
mod standing;

use std::time::Duration;

use host_model::{
    backoff::backoff,
    digest::Digest,
    plugin_version::{VersionSource, VersionState},
    text::escaped_within,
};
use host_registry::{PluginReference, Pulled, RegistryError};
use host_store::{
    StoreError,
    alarms::{self, Alarm},
    pulls::{self, Pull, PullFailure},
};
use tokio_util::sync::CancellationToken;

use self::standing::{DuePull, NOT_PULLED};
pub use self::{release::release, standing::RegistryPlugin};
use super::{
    Connections,
    approval::Approval,
    awaited_approval,
    given_settings::GivenSettings,
    publication::{Published, Upload},
    publish_error::PublishError,
    versions::{HOST, StepCause},
};
use crate::{
    plugin_operations::RunningOperation,
    tasks::{Tasks, pause},
};

/// The maximum size of the text that is stored about a failure, in bytes: as much as anybody reads.
const MAX_PROBLEM_BYTES: usize = 4_000;

/// How long until a pull is tried again, at first: a registry that restarts is back in seconds.
const FIRST_WAIT: Duration = Duration::from_secs(2);

/// The maximum time between two pulls: as long as an operator may wait once the registry is back.
const MAX_WAIT: Duration = Duration::from_mins(10);

impl Connections {
    /// Pulls the plugin `name` from its registry again, since its tag may have moved, and publishes it, in the name of the API key
    /// with the id `key`. A version that another person has to approve is stored, and waits for that.
    pub async fn pull(
        &self,
        operation: &RunningOperation,
        key: &str,
        name: &str,
        approval: Approval,
    ) -> Result<Published, PublishError> {
        let configured = self.reference(name).ok_or_else(|| PublishError::NotInRegistry(name.to_owned()))?;
        let by = Puller { cause: operation.into(), key: key.to_owned() };
        let trust = self.served.host().admission().trust_for(name);
        let published = match self.sources.registries.pull(configured, trust.as_ref()).await {
            Ok(pulled) => self.publish_pulled(by, name, pulled, self.of_one_step(approval)).await,
            Err(error) => Err(error.into()),
        };
        let failed = match published {
            Ok(published) => return Ok(published),
            // It was pulled.
            Err(error @ PublishError::AwaitsApproval { .. }) => return Err(error),
            Err(error) => error,
        };
        // Of a plugin that was not pulled yet, the host stores its own attempts.
        if self.due_pull(name, configured).await?.is_none() {
            self.fail_pull(name, configured, &failed, PullAttempts { failures: 1, again_after: None })
                .await?;
        }
        Err(failed)
    }

    /// Pulls the plugins that were not pulled as configured, each by itself, until `stop` is cancelled.
    pub(crate) async fn pull_plugins(self, stop: CancellationToken) {
        if let Err(error) = self.forget_other_pulls().await {
            tracing::error!(%error, "pulls of plugins that are in no registry any more not forgotten");
        }
        let mut tasks = Tasks::default();
        for (name, reference) in self.sources.registries.references() {
            let pull = self.clone().pull_until_served(name.clone(), reference.clone(), stop.clone());
            tasks.begin(name.clone(), pull);
        }
        while tasks.ended().await.is_some() {}
        stop.cancelled().await;
    }

    /// Pulls a plugin until it serves, or is refused, which only an operator can change.
    async fn pull_until_served(self, name: String, reference: PluginReference, stop: CancellationToken) {
        let mut failures = 0;
        while !stop.is_cancelled() {
            let error = match self.pull_if_due(&name, &reference, &stop).await {
                // It was pulled, and an alarm says that it waits.
                Ok(()) | Err(PublishError::AwaitsApproval { .. }) => return,
                Err(error) => error,
            };
            tracing::warn!(plugin = name, %reference, %error, "plugin not pulled");
            let again_after = error.may_pass().then(|| wait(&error, failures));
            failures += 1;
            let attempts = PullAttempts { failures, again_after };
            if let Err(error) = self.fail_pull(&name, &reference, &error, attempts).await {
                tracing::error!(plugin = name, %error, "failure of a pull not stored");
            }
            let Some(again_after) = again_after else { return };
            pause(&*self.clock, again_after, &stop).await;
        }
    }

    async fn pull_if_due(
        &self,
        name: &str,
        configured: &PluginReference,
        stop: &CancellationToken,
    ) -> Result<(), PublishError> {
        let Some(DuePull { reference, approval }) = self.due_pull(name, configured).await? else {
            return Ok(());
        };
        // A stop does not wait for a registry. What was pulled is published, or not, as a whole.
        let trust = self.served.host().admission().trust_for(name);
        let pulling = self.sources.registries.pull(&reference, trust.as_ref());
        let Some(pulled) = stop.run_until_cancelled(pulling).await else { return Ok(()) };
        // The operator who configured it has no API key in this, so that any key may approve it.
        let by = Puller { cause: HOST.into(), key: HOST.to_owned() };
        self.publish_pulled(by, name, pulled?, approval).await.map(drop)
    }

    async fn publish_pulled(
        &self,
        Puller { cause, key }: Puller,
        name: &str,
        pulled: Pulled,
        approval: Approval,
    ) -> Result<Published, PublishError> {
        let configured = self.reference(name).ok_or_else(|| PublishError::NotInRegistry(name.to_owned()))?;
        let pulled_at = self.clock.date_ms();
        let trust = self.served.host().admission().trust_for(name);
        let arrival = self.arrival(name, Digest::of(&pulled.component)).await?;
        let release = release(&pulled, trust.as_ref(), arrival, pulled_at);
        let component = Digest::of(&release.component);
        let published = if self.is_approved(name, component).await? {
            // It waited for that.
            self.serve_stored(cause, name, component, approval, GivenSettings::default()).await
        } else {
            let upload = Upload {
                bundle: release.bundle,
                note: Some(format!("pulled from {}", configured.pinned(pulled.digest))),
                source: VersionSource::Registry,
                uploader: Some(key),
                unapproved: self.unapproved_pull(),
                ..Upload::new(name, release.component)
            };
            self.publish_version(cause, upload, approval).await
        };
        let lacking = match &published {
            Ok(_) => None,
            Err(error @ PublishError::AwaitsApproval { .. }) => {
                Some(escaped_within(&error.to_string(), MAX_PROBLEM_BYTES))
            }
            Err(_) => return published,
        };
        let (plugin, reference) = (name.to_owned(), configured.to_string());
        let pull = Pull { plugin, reference, manifest: pulled.digest, component, pulled_at };
        self.end_pull(pull, lacking).await?;
        published
    }

    async fn is_approved(&self, name: &str, digest: Digest) -> Result<bool, StoreError> {
        let known = self.find_version(name, digest).await?;
        Ok(known.is_some_and(|version| version.state == VersionState::Approved))
    }

    /// Stores what a plugin was pulled as, with what an approval is `lacking` for, if one is.
    async fn end_pull(&self, pull: Pull, lacking: Option<String>) -> Result<(), StoreError> {
        let (vault, at) = (self.store.vault().clone(), self.clock.date_ms());
        let Pull { plugin, manifest, component, .. } = &pull;
        tracing::info!(plugin, %manifest, %component, "plugin pulled");
        let stored = self.store.write(move |tx| {
            Box::pin(async move {
                pulls::put(tx, &vault, &pull).await?;
                alarms::is_over(tx, at, NOT_PULLED, &pull.plugin).await?;
                match lacking {
                    Some(lacking) => awaited_approval::raise(tx, at, &pull.plugin, &lacking).await,
                    None => awaited_approval::is_over(tx, at, &pull.plugin).await,
                }
            })
        });
        stored.await
    }

    async fn fail_pull(
        &self,
        name: &str,
        reference: &PluginReference,
        error: &PublishError,
        PullAttempts { failures, again_after }: PullAttempts,
    ) -> Result<(), StoreError> {
        let at = self.clock.date_ms();
        let again_at = again_after.and_then(|wait| at.checked_add(i64::try_from(wait.as_millis()).ok()?));
        // A registry and a component have a say in it.
        let problem = escaped_within(&error.to_string(), MAX_PROBLEM_BYTES);
        let failure = PullFailure {
            plugin: name.to_owned(),
            reference: reference.to_string(),
            failures,
            failed_at: at,
            problem: problem.clone(),
            again_at,
        };
        let what_runs = match self.served.host().plugin(name) {
            Some(slot) => format!("version {} serves on", slot.current().plugin().digest()),
            None => "its connections are not served".to_owned(),
        };
        let what_next = match again_at {
            Some(_) => "it is tried again".to_owned(),
            None => format!("`connector-host plugin pull {name}` tries it again"),
        };
        let detail = format!("{reference} was not pulled: {problem}; {what_runs}; {what_next}");
        let stored = self.store.write(move |tx| {
            Box::pin(async move {
                pulls::fail(tx, &failure).await?;
                alarms::raise(tx, at, &Alarm::of_service(NOT_PULLED, &failure.plugin, &detail)).await
            })
        });
        stored.await
    }
}

/// Who has a plugin pulled.
struct Puller {
    cause: StepCause,
    /// What is stored as the uploader, who does not approve the version.
    key: String,
}

/// How often a pull failed in a row, and how long until it is tried again; `None` if an operator has to.
#[derive(Clone, Copy)]
struct PullAttempts {
    failures: u32,
    again_after: Option<Duration>,
}

/// Returns how long to wait after `error`, which `failures` preceded: at least as long as the registry asks for.
fn wait(error: &PublishError, failures: u32) -> Duration {
    let asked = match error {
        PublishError::NotPulled(RegistryError::Answered { retry_after, .. }) => *retry_after,
        _ => None,
    };
    backoff(FIRST_WAIT, MAX_WAIT, failures).max(asked.unwrap_or_default().min(MAX_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pull_is_tried_again_after_a_wait_that_doubles_and_as_late_as_the_registry_asks_for() {
        let unreachable = PublishError::NotPulled(RegistryError::TimedOut { host: "registry".to_owned() });
        let seconds = |failures| wait(&unreachable, failures).as_secs();
        assert_eq!([0, 1, 2, 8, 9, u32::MAX].map(seconds), [2, 4, 8, 512, 600, 600]);
        let asks = |retry_after: u64| {
            let (host, retry_after) = ("registry".to_owned(), Some(Duration::from_secs(retry_after)));
            PublishError::NotPulled(RegistryError::Answered { host, status: 429, code: None, retry_after })
        };
        assert_eq!([1, 30, 9_999].map(|asked| wait(&asks(asked), 0).as_secs()), [2, 30, 600]);
    }
}
