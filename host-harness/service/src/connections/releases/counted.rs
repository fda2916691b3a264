//! Stores what was counted of the calls of releases.

use std::{sync::Arc, time::Duration};

use host_store::{StoreError, release_counts};
use tokio_util::sync::CancellationToken;

use super::super::Connections;
use crate::{served::release_counter::ReleaseCounts, tasks::pause};

/// How often it is stored. What a process counted since is lost if it is killed: then a verdict takes that much longer.
const STORE_EVERY: Duration = Duration::from_secs(1);

impl Connections {
    /// Stores what was counted until `stop` is cancelled.
    pub(crate) async fn store_release_counts(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            pause(&*self.clock, STORE_EVERY, &stop).await;
            for (release, counts) in self.served.counter().take() {
                let counts = Arc::new(counts);
                if let Err(error) = self.store_counts(release.clone(), Arc::clone(&counts)).await {
                    tracing::warn!(%error, "counts of a release not stored; they are stored with the next ones");
                    if let Ok(counts) = Arc::try_unwrap(counts) {
                        self.served.counter().put_back(release, counts);
                    }
                }
            }
        }
    }

    async fn store_counts(&self, release: String, counts: Arc<ReleaseCounts>) -> Result<(), StoreError> {
        let stored = self.store.write(move |tx| {
            Box::pin(async move { release_counts::add(tx, &release, &counts.calls, &counts.accepted).await })
        });
        stored.await
    }
}
