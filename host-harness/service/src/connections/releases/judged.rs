//! Judges the releases in progress, which the replica that leads does.

use std::time::Duration;

use host_model::{
    digest::Digest,
    release::{
        compared::ComparedCounts,
        share::Share,
        state::{ReleaseEvent, ReleaseState},
        verdict::{ReleaseVerdict, judge},
    },
};
use host_store::{StoreError, release_counts, releases::SteppedRelease};
use tokio_util::sync::CancellationToken;

use super::{
    super::{Connections, versions::HOST},
    error::ReleaseError,
};
use crate::{tasks::pause, who::Who};

/// How often releases are judged. A bad version is rolled back that much later than there are enough calls, and a comparison
/// takes some milliseconds.
const JUDGE_EVERY: Duration = Duration::from_secs(5);

/// A release with what was counted.
#[derive(Clone, Debug)]
pub struct ReleaseReport {
    /// The release.
    pub release: SteppedRelease,
    /// What is compared at its step, or was at its last one.
    pub compared: ComparedCounts,
    /// What that says about the released version.
    pub verdict: ReleaseVerdict,
}

impl Connections {
    /// Judges the releases in progress until `stop` is cancelled.
    pub(crate) async fn judge_releases(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.judge_each().await {
                tracing::error!(%error, "releases not judged");
            }
            pause(&*self.clock, JUDGE_EVERY, &stop).await;
        }
    }

    async fn judge_each(&self) -> Result<(), StoreError> {
        for row in self.releases().await? {
            let Ok(release) = row.release else { continue };
            if release.state.has_ended() {
                continue;
            }
            match self.judge_one(&release.plugin).await {
                Ok(()) | Err(ReleaseError::Overtaken(_)) => {}
                Err(ReleaseError::Store(error)) => return Err(error),
                Err(error) => tracing::error!(plugin = release.plugin, %error, "release not moved"),
            }
        }
        Ok(())
    }

    async fn judge_one(&self, plugin: &str) -> Result<(), ReleaseError> {
        let _alone = self.sources.changing.lock().await;
        let Some(release) = self.release_in_progress(plugin).await? else { return Ok(()) };
        let by = Who(HOST.to_owned());
        if self.running_version(plugin).await? != Some(release.before) {
            tracing::warn!(plugin, before = %release.before, "release rolled back: another version than the one before runs");
            return self.apply(&by, release, ReleaseEvent::BeforeReplaced).await.map(drop);
        }
        let ReleaseReport { release, verdict, .. } = self.judged(release).await?;
        match self.apply(&by, release.clone(), ReleaseEvent::Judged(verdict)).await {
            // All people have been moved to it, but it cannot take the place of the version before, such as for the settings of
            // a connection that were changed.
            Err(ReleaseError::Version(error)) if release.state.share() == Share::WHOLE => {
                let why = format!("it is good, but cannot serve in place of the version before: {error}");
                let event = ReleaseEvent::NotLoaded { replica: crate::replica::name(), why };
                self.apply(&by, release, event).await.map(drop)
            }
            moved => moved.map(drop),
        }
    }

    /// Returns the version that the plugin runs at every replica: the one that is published, or that of its file, which may be
    /// another one since a start.
    async fn running_version(&self, plugin: &str) -> Result<Option<Digest>, StoreError> {
        if let Some(published) = self.publication(plugin).await? {
            return Ok(Some(published.digest));
        }
        let slot = self.served.host().plugin(plugin);
        Ok(slot.map(|slot| slot.current().plugin().digest()))
    }

    /// Returns the release of a plugin that is in progress, or the last one, with what was counted; `None` if there was none.
    pub async fn release_report(&self, plugin: &str) -> Result<Option<ReleaseReport>, StoreError> {
        match self.release_of(plugin).await? {
            Some(release) => Ok(Some(self.judged(release).await?)),
            None => Ok(None),
        }
    }

    async fn judged(&self, release: SteppedRelease) -> Result<ReleaseReport, StoreError> {
        let (id, within) = (release.id.clone(), release.rules.proof_within_ms);
        // Proofs that were due after its end say nothing about the verdict that ended it.
        let now = release.state.ended_ms().unwrap_or_else(|| self.clock.date_ms());
        let counted = self
            .store
            .read(move |c| Box::pin(async move { release_counts::of_release(c, &id, within, now).await }));
        let share = last_share(&release.state);
        let compared = ComparedCounts::at(share, &release.plan, counted.await?);
        let verdict = judge(&compared, share, &release.rules);
        Ok(ReleaseReport { release, compared, verdict })
    }
}

/// Returns the share of the step that a release is in, or of its last one.
fn last_share(state: &ReleaseState) -> Share {
    match state {
        ReleaseState::RolledBack { from, .. } => *from,
        state => state.share(),
    }
}
