//! Whether writes reach the disk, judging by the last commits.
//! Tested in `src/tests.rs`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use crate::error::StoreError;

/// How long a result is valid: any client may ask whether the service is ready, and finding out costs an fsync.
pub(crate) const RESULT_VALIDITY: Duration = Duration::from_secs(1);

/// The result of the last commit.
#[derive(Debug, Default)]
pub(crate) struct Commits {
    last: Mutex<Option<(Instant, Result<(), StoreError>)>>,
    /// Held during a trial commit, so that all concurrent callers share its result.
    pub(crate) trying: Arc<tokio::sync::Mutex<()>>,
}

impl Commits {
    /// Records the result of a commit that has just ended.
    pub(crate) fn note(&self, ended: Result<(), StoreError>) {
        *self.last.lock() = Some((Instant::now(), ended));
    }

    /// Returns the last recorded result, if it is still valid.
    pub(crate) fn fresh(&self) -> Option<Result<(), StoreError>> {
        self.last
            .lock()
            .as_ref()
            .filter(|(at, _)| at.elapsed() < RESULT_VALIDITY)
            .map(|(_, ended)| ended.clone())
    }
}
