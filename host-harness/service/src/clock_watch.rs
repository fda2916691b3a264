//! Notices that the clock was set back, and makes work due that it postponed while it ran ahead.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use host_harness::clock::Clock;
use host_store::{
    Store, StoreError, Tx, ahead,
    audit::{self, ALL_TENANTS, Record},
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::tasks::pause;

/// How often the date is compared with the one before.
const INTERVAL: Duration = Duration::from_mins(1);

/// How far a clock may be set back without consequences: time servers correct seconds.
const TOLERANCE_MS: i64 = 60_000;

/// A correction of the times that lie too far ahead of the date, which returns how many there were.
type TimeCorrection = for<'t> fn(&'t mut Tx, i64) -> BoxFuture<'t, Result<u64, StoreError>>;

/// A step back corrects a clock that ran ahead, so choices that it dated are known to be wrong.
fn after_step_back(tx: &mut Tx, now: i64) -> BoxFuture<'_, Result<u64, StoreError>> {
    Box::pin(async move { Ok(ahead::make_due(tx, now).await? + ahead::date_back_opt_ins(tx, now).await?) })
}

/// Watches the date. Clones share the store and the clock.
#[derive(Clone)]
pub(crate) struct ClockWatch {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl ClockWatch {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Creates a watch, and makes work due that a previous process postponed with a clock that ran ahead.
    pub(crate) async fn begin(store: &Store, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let watch = Self::new(store.clone(), clock);
        watch.bring_back(|tx, now| Box::pin(ahead::make_due(tx, now))).await?;
        Ok(watch)
    }

    /// Watches until the service stops.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut latest = self.clock.date_ms();
        while !stop.is_cancelled() {
            let now = self.clock.date_ms();
            if now < latest.saturating_sub(TOLERANCE_MS) {
                tracing::warn!(seconds = (latest - now) / 1_000, "clock set back");
                match self.bring_back(after_step_back).await {
                    Ok(()) => latest = now,
                    Err(error) => tracing::error!(%error, "times ahead of the clock cannot be brought back"),
                }
            } else {
                latest = now;
            }
            pause(&*self.clock, INTERVAL, &stop).await;
        }
    }

    async fn bring_back(&self, correct: TimeCorrection) -> Result<(), StoreError> {
        let (now, vault) = (self.clock.date_ms(), self.store.vault().clone());
        let brought = self.store.write(move |tx| {
            Box::pin(async move {
                let times = correct(tx, now).await?;
                if times > 0 {
                    let record =
                        Record { detail: json!({ "times": times }), ..Record::of("times-brought-back") };
                    audit::append(tx, &vault, ALL_TENANTS, now, &record).await?;
                }
                Ok(times)
            })
        });
        let times = brought.await?;
        if times > 0 {
            tracing::warn!(times, "times that a clock ahead of its time wrote are brought back to now");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use host_harness::clock::ManualClock;
    use host_store::testing::{Folder, sql, write};
    use parking_lot::Mutex;
    use std::time::SystemTime;
    use test_support::eventually;

    use super::*;

    /// A clock whose date can be set.
    #[derive(Debug)]
    struct SetClock {
        running: ManualClock,
        date: Mutex<SystemTime>,
    }

    impl Clock for SetClock {
        fn now(&self) -> Duration {
            self.running.now()
        }

        fn date(&self) -> SystemTime {
            *self.date.lock()
        }

        fn sleep_until(&self, then: Duration) -> BoxFuture<'_, ()> {
            self.running.sleep_until(then)
        }
    }

    const WAITS: &str = "INSERT INTO open_requests (seq, tenant, connection, person, action, received_at, state, step, next_at, \
                           generation) VALUES (1, 'acme', 'n', 1, 'erasure', 1, 'waiting', 'act', 4000000000000, 0)";

    async fn next_at(store: &Store) -> i64 {
        write(store, |tx| {
            Box::pin(async move {
                Ok(sqlx::query_scalar("SELECT next_at FROM open_requests").fetch_one(tx).await?)
            })
        })
        .await
    }

    #[tokio::test]
    async fn work_that_was_postponed_by_a_clock_that_ran_ahead_is_due_once_the_clock_is_right() {
        let folder = Folder::new();
        let store = folder.store().await;
        let right = SystemTime::UNIX_EPOCH + Duration::from_hours(24 * 20_000);
        let ahead = right + Duration::from_hours(24 * 300);
        let clock = Arc::new(SetClock { running: ManualClock::default(), date: Mutex::new(ahead) });
        let watch = ClockWatch::begin(&store, Arc::clone(&clock) as _).await.unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(watch.run(stop.clone()));
        eventually("the watch sleeps", async || clock.running.is_slept_on(), |sleeps| *sleeps).await;
        sql(&store, WAITS).await;
        *clock.date.lock() = right;
        clock.running.advance(INTERVAL);
        let due = i64::try_from(right.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()).unwrap();
        eventually("the request is due", async || next_at(&store).await, |at| *at == due).await;
        stop.cancel();
        running.await.unwrap();
        // The same at a start, in case the clock was corrected before.
        sql(&store, "UPDATE open_requests SET next_at = 4000000000000").await;
        ClockWatch::begin(&store, clock).await.unwrap();
        assert_eq!(next_at(&store).await, due);
        let records = host_store::testing::audit_records(&store, "*").await;
        assert_eq!(records.iter().filter(|record| record.contains("times-brought-back")).count(), 2);
    }
}
