//! Upkeep of consent data: processes withheld events that had no answer, and deletes what has reached its retention
//! time.
//! Tested in `src/consent/tests/aged.rs`.

use std::{sync::Arc, time::Duration};

use host_harness::clock::Clock;
use host_model::{
    consent::echo::ECHO_MS,
    time::{DAY_MS, millis},
};
use host_store::{Store, StoreError, choices, events};
use tokio_util::sync::CancellationToken;

use super::after_erasure;
use crate::tasks::pause;

/// The interval between rounds.
const ROUND_INTERVAL: Duration = Duration::from_mins(1);
/// The maximum delay of an event about a write of ours: records of writes are deleted after it.
const WRITES_MS: i64 = 30 * DAY_MS;

/// The upkeep of consent data.
#[derive(Clone)]
pub(crate) struct Upkeep {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    /// How long feed entries and event digests are kept.
    pub(crate) keep_events: Duration,
}

impl Upkeep {
    /// Runs once a minute until the service stops.
    pub(crate) async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Some(Err(error)) = stop.run_until_cancelled(self.look()).await {
                tracing::error!(%error, "consent upkeep failed");
            }
            pause(&*self.clock, ROUND_INTERVAL, &stop).await;
        }
    }

    /// Runs one round.
    pub(crate) async fn look(&self) -> Result<(), StoreError> {
        let now = self.clock.date_ms();
        after_erasure::process_unanswered(&self.store, now).await?;
        let events_before = now.saturating_sub(millis(self.keep_events));
        let echoes = i64::try_from(ECHO_MS).unwrap_or(i64::MAX);
        let writes_before = now.saturating_sub(WRITES_MS.max(echoes));
        self.store.write_in_portions(move |tx| Box::pin(events::prune(tx, events_before))).await?;
        self.store.write_in_portions(move |tx| Box::pin(choices::prune(tx, writes_before))).await
    }
}
