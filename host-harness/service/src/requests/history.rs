//! Deletes requests that ended long ago, if the operator says after how long.
//! Tested in `src/requests/worker/tests/pruned.rs`.

use std::{sync::Arc, time::Duration};

use host_harness::clock::Clock;
use host_model::time::millis;
use host_store::{Store, StoreError, history};
use tokio_util::sync::CancellationToken;

use crate::tasks::pause;

/// The interval between rounds.
const ROUND_INTERVAL: Duration = Duration::from_mins(1);

/// How many requests a write deletes: other writes wait for it, and this many take it some milliseconds.
const MAX_IN_A_WRITE: i64 = 200;

/// The history of requests.
pub(crate) struct RequestHistory {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    /// How long after its end a request is kept.
    pub(crate) keep: Duration,
}

impl RequestHistory {
    /// Deletes what is older, once a minute, until `stop` is cancelled.
    pub(crate) async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Some(Err(error)) = stop.run_until_cancelled(self.prune()).await {
                tracing::error!(%error, "requests that ended long ago not deleted");
            }
            pause(&*self.clock, ROUND_INTERVAL, &stop).await;
        }
    }

    /// Deletes what is older now.
    pub(crate) async fn prune(&self) -> Result<(), StoreError> {
        let ended_before = self.clock.date_ms().saturating_sub(millis(self.keep));
        let pruned = self
            .store
            .write_in_portions(move |tx| Box::pin(history::prune(tx, ended_before, MAX_IN_A_WRITE)));
        pruned.await
    }
}
