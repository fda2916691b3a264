//! Moves a release to its next state.

use host_model::release::state::{ReleaseEvent, ReleaseState};
use host_store::{StoreError, changes::ChangeKind, releases::SteppedRelease};

use super::{
    super::{Connections, approval::Approval, publish_error::PublishError},
    entered::EnteredRelease,
    error::ReleaseError,
};
use crate::who::Who;

impl Connections {
    /// Has an operator's event move the release of a plugin.
    pub async fn move_release(
        &self,
        who: &Who,
        plugin: &str,
        event: ReleaseEvent,
    ) -> Result<SteppedRelease, ReleaseError> {
        let _alone = self.sources.changing.lock().await;
        let found = self.release_of(plugin).await?;
        let release = found.ok_or_else(|| ReleaseError::Unknown(plugin.to_owned()))?;
        self.apply(who, release, event).await
    }

    /// Has `event` move `release`. Must be called under the lock for changes.
    pub(super) async fn apply(
        &self,
        who: &Who,
        release: SteppedRelease,
        event: ReleaseEvent,
    ) -> Result<SteppedRelease, ReleaseError> {
        let state = release.state.next(event, &release.plan, release.times, self.clock.date_ms())?;
        if state == release.state {
            return Ok(release);
        }
        let entered = EnteredRelease::of(self, who, release, state).await?;
        let release = entered.release.clone();
        let (plugin, digest) = (release.plugin.clone(), release.plan.version());
        let moved = match release.state {
            // Its future is large: it serves a version.
            ReleaseState::Completed { .. } => Box::pin(self.complete(who, entered)).await,
            _ => self.enter_state(entered).await,
        };
        moved.map_err(|error| match error {
            ReleaseError::Store(StoreError::ChangedMeanwhile) => ReleaseError::Overtaken(plugin.clone()),
            error => error,
        })?;
        tracing::info!(plugin, %digest, by = who.0, state = %release.state, "release moved");
        Ok(release)
    }

    async fn enter_state(&self, entered: EnteredRelease) -> Result<(), ReleaseError> {
        let (vault, release) = (self.store.vault().clone(), entered.release.clone());
        let change = self.new_change(ChangeKind::Plugin, &release.plugin);
        self.write_step(move |tx| {
            Box::pin(async move {
                change.record(tx).await?;
                entered.advance(tx, &vault).await
            })
        })
        .await?;
        if release.state.has_ended() {
            self.end_served_release(&release);
            return Ok(());
        }
        match self.served.released_version(&release.plugin, release.plan.version()) {
            Some(version) => self.serve_release(&release, &version).await,
            // It is not loaded here. Still, those who are in the share now are no longer served by the version before.
            None => self.serve_lacking_release(&release).await,
        }
        Ok(())
    }

    /// Serves the released version in place of the one before.
    async fn complete(&self, who: &Who, entered: EnteredRelease) -> Result<(), ReleaseError> {
        let release = entered.release.clone();
        let staged = self.open(who, &release.plugin, release.plan.version()).await?;
        let served = self.serve_published(staged.completing(entered), Approval::Missing).await;
        served.map_err(|error| match error {
            PublishError::Store(error) => ReleaseError::Store(error),
            error => error.into(),
        })?;
        self.end_served_release(&release);
        Ok(())
    }
}
