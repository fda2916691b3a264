//! Why a release does not begin, or does not move.

use host_model::{
    digest::Digest,
    plugin_version::VersionState,
    release::{rules::RulesError, state::EventRefused, times::TimesOutOfOrder},
};
use host_store::StoreError;

use super::super::publish_error::PublishError;

/// The reason that a release does not begin, or stays in its state.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The version cannot serve.
    #[error(transparent)]
    Version(#[from] PublishError),
    /// Only a version that was approved and has not served is released.
    #[error(
        "version {digest} of plugin {plugin} is {state}, and only an approved version is released in steps: approve it \
         first; one that served before is put back by `serve`"
    )]
    NotReleasable {
        /// The plugin's name.
        plugin: String,
        /// The version's digest.
        digest: Digest,
        /// Its state.
        state: VersionState,
    },
    /// People would be rekeyed in the middle of the release.
    #[error(
        "version {0} changes which identifiers identify people, so that it cannot be released to a share of them: serve it \
         with `plugin serve`"
    )]
    RekeysPeople(Digest),
    /// The rules cannot be used.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// The times cannot be used.
    #[error(transparent)]
    Times(#[from] TimesOutOfOrder),
    /// There was no release.
    #[error("plugin {0} has no release")]
    Unknown(String),
    /// The release is not in a state in which this is possible.
    #[error(transparent)]
    Refused(#[from] EventRefused),
    /// Something else moved the release at the same time.
    #[error("the release of plugin {0} was moved at the same time: look at it, then repeat this")]
    Overtaken(String),
    /// The row of the release was changed from outside.
    #[error("{0}: it serves no connection; begin a release again")]
    Foreign(StoreError),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for ReleaseError {
    fn from(error: StoreError) -> Self {
        if error.is_about_one_row() { Self::Foreign(error) } else { Self::Store(error) }
    }
}
