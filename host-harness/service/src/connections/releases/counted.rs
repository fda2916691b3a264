//! Stores what was counted of the calls of releases.

use std::{sync::Arc, time::Duration};

use host_store::{RowChange, StoreError, release_counts};
use tokio_util::sync::CancellationToken;

use super::super::Connections;
use crate::{served::release_counter::UnstoredCounts, tasks::pause};

/// How often it is stored. What a process counted since is lost if it is killed: then a verdict takes that much longer.
const STORE_EVERY: Duration = Duration::from_secs(1);

impl Connections {
    /// Stores what was counted until `stop` is cancelled.
    pub(crate) async fn store_release_counts(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            pause(&*self.clock, STORE_EVERY, &stop).await;
            for (release, counts) in self.served.counter().take() {
                let counts = Arc::new(counts);
                match self.store_counts(release.clone(), Arc::clone(&counts)).await {
                    Ok(RowChange::Changed) => {}
                    Ok(RowChange::Unchanged) => self.served.counter().forget(&release),
                    // It may have been stored all the same: totals are stored again, and count once.
                    Err(error) => {
                        tracing::warn!(%error, "counts of a release not stored; they are stored with the next ones");
                        self.served.counter().put_back(release, &counts);
                    }
                }
            }
        }
    }

    async fn store_counts(
        &self,
        release: String,
        counts: Arc<UnstoredCounts>,
    ) -> Result<RowChange, StoreError> {
        let process = Arc::clone(self.served.counter().process());
        let stored = self.store.write(move |tx| {
            Box::pin(async move {
                release_counts::put(tx, &release, &process, &counts.totals, &counts.accepted).await
            })
        });
        stored.await
    }
}
