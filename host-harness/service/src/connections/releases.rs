//! Releases in steps: a new version of a plugin takes over a growing share of the calls while its calls are compared with
//! those of the version before. What is decided is a pure function of `host_model::release`; here it is stored and served.
//! Tested in `api/src/tests/releases.rs`.
//!
//! `begun` begins a release, `moved` moves it to its next state, `judged` is the duty that judges it, `followed`
//! serves what is stored, and `counted` stores what was counted.

mod begun;
mod counted;
mod entered;
mod error;
mod followed;
mod judged;
mod moved;

pub use begun::NewRelease;
pub(super) use entered::EnteredRelease;
pub use error::ReleaseError;
pub(super) use followed::FollowedRelease;
pub use judged::ReleaseReport;

use host_model::digest::Digest;
use host_store::{
    StoreError,
    releases::{self, ReleaseRow, SteppedRelease},
};

use super::{Connections, publish_error::PublishError};

impl Connections {
    /// Returns the release of a plugin that is in progress, or the last one; `None` if there was none.
    pub(super) async fn release_of(&self, plugin: &str) -> Result<Option<SteppedRelease>, StoreError> {
        let (plugin, vault) = (plugin.to_owned(), self.store.vault().clone());
        self.store.read(|c| Box::pin(async move { releases::find(c, &vault, &plugin).await })).await
    }

    pub(super) async fn release_in_progress(
        &self,
        plugin: &str,
    ) -> Result<Option<SteppedRelease>, StoreError> {
        Ok(self.release_of(plugin).await?.filter(|release| !release.state.has_ended()))
    }

    /// Returns whether the version with this digest is being released in steps.
    pub(super) async fn is_being_released(&self, plugin: &str, digest: Digest) -> Result<bool, StoreError> {
        match self.release_in_progress(plugin).await {
            Ok(release) => Ok(release.is_some_and(|release| release.plan.version() == digest)),
            // It serves no connection.
            Err(error) if error.is_about_one_row() => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn releases(&self) -> Result<Vec<ReleaseRow>, StoreError> {
        let vault = self.store.vault().clone();
        self.store.read(|c| Box::pin(async move { releases::all(c, &vault).await })).await
    }

    /// Checks that no release of the plugin is in progress: both of its versions have to stay what they are.
    pub(super) async fn check_no_release(&self, plugin: &str) -> Result<(), PublishError> {
        match self.release_in_progress(plugin).await {
            Ok(Some(SteppedRelease { plan, .. })) => {
                Err(PublishError::ReleaseInProgress { plugin: plugin.to_owned(), digest: plan.version() })
            }
            Ok(None) => Ok(()),
            // It serves no connection.
            Err(error) if error.is_about_one_row() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
