//! Looking after what is known of people's choices: events that were kept back and had no answer, and what was kept long enough.

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

/// How often it looks.
const LOOK: Duration = Duration::from_mins(1);
/// How long an event about a write of ours may be late: what is remembered of writes goes after it.
const WRITES_MS: i64 = 30 * DAY_MS;

/// Looks after what is known of people's choices.
#[derive(Clone)]
pub(crate) struct Upkeep {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    /// How long feed entries and event digests are kept.
    pub(crate) keep_events: Duration,
}

impl Upkeep {
    /// Looks once a minute until the service stops.
    pub(crate) async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.look().await {
                tracing::error!(%error, "what is known of choices cannot be looked after");
            }
            pause(&*self.clock, LOOK, &stop).await;
        }
    }

    /// Looks once.
    pub(crate) async fn look(&self) -> Result<(), StoreError> {
        let now = self.clock.date_ms();
        after_erasure::take_unanswered(&self.store, now).await?;
        let events_before = now.saturating_sub(millis(self.keep_events));
        let echoes = i64::try_from(ECHO_MS).unwrap_or(i64::MAX);
        let writes_before = now.saturating_sub(WRITES_MS.max(echoes));
        let pruned = self.store.write(move |tx| {
            Box::pin(async move {
                events::prune(tx, events_before).await?;
                choices::prune(tx, writes_before).await
            })
        });
        pruned.await
    }
}
