//! Whether what is written reaches the disk, as the last commits show.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use crate::error::StoreError;

/// How long a result is good for: anybody may ask whether the service is ready, and finding out costs an fsync.
pub(crate) const FRESH: Duration = Duration::from_secs(1);

/// What is known of commits.
#[derive(Debug, Default)]
pub(crate) struct Commits {
    last: Mutex<Option<(Instant, Result<(), StoreError>)>>,
    /// Held while a commit is tried, so that all who ask meanwhile share its result.
    pub(crate) trying: Arc<tokio::sync::Mutex<()>>,
}

impl Commits {
    /// Notes how one ended just now.
    pub(crate) fn note(&self, ended: Result<(), StoreError>) {
        *self.last.lock() = Some((Instant::now(), ended));
    }

    /// How the last one ended that was noted, if that was just now.
    pub(crate) fn fresh(&self) -> Option<Result<(), StoreError>> {
        self.last.lock().as_ref().filter(|(at, _)| at.elapsed() < FRESH).map(|(_, ended)| ended.clone())
    }
}
