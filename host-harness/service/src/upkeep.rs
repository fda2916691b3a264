//! Looking after the queue and what is known of people: requests that wait too long, and what was kept long enough.

use std::{sync::Arc, time::Duration};

use host_harness::clock::Clock;
use host_model::{
    consent::echo::ECHO_MS,
    requests::deadline::{self, Due},
    time::{DAY_MS, millis},
};
use host_store::{
    Connection, Store, StoreError,
    ages::{self, Late},
    alarms::{self, Alarm},
    audit::{self, Record},
    choices, events,
};
use serde_json::json;

use crate::consent::after_erasure;

/// A request that has waited long.
pub(crate) const LATE: &str = "request-late";

/// How long what a failed or expired request asked is kept, so that it can be replayed.
const KEEP_FAILED_MS: i64 = 30 * DAY_MS;
/// How long an event about a write of ours may be late: what is remembered of writes goes after it.
const WRITES_MS: i64 = 30 * DAY_MS;

/// Looks after the queue and what is known of people.
#[derive(Clone)]
pub(crate) struct Upkeep {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    /// How long feed entries and event digests are kept.
    pub(crate) keep_events: Duration,
}

impl Upkeep {
    /// Looks for both.
    pub(crate) async fn look(&self) -> Result<(), StoreError> {
        let now = self.clock.date_ms();
        self.look_for_late(now).await?;
        after_erasure::take_unanswered(&self.store, now).await?;
        let (failed_before, events_before) =
            (now.saturating_sub(KEEP_FAILED_MS), now.saturating_sub(millis(self.keep_events)));
        let echoes = i64::try_from(ECHO_MS).unwrap_or(i64::MAX);
        let writes_before = now.saturating_sub(WRITES_MS.max(echoes));
        let pruned = self.store.write(move |tx| {
            Box::pin(async move {
                ages::destroy_old(tx, failed_before).await?;
                events::prune(tx, events_before).await?;
                choices::prune(tx, writes_before).await
            })
        });
        pruned.await
    }

    async fn look_for_late(&self, now: i64) -> Result<(), StoreError> {
        let late = self.store.read(move |connection| Box::pin(ages::late(connection, now))).await?;
        if late.is_empty() {
            return Ok(());
        }
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    for request in late {
                        tell_late(tx, &request, now).await?;
                    }
                    Ok(())
                })
            })
            .await
    }
}

async fn tell_late(tx: &mut Connection, request: &Late, now: i64) -> Result<(), StoreError> {
    let alarm = |kind, detail| Alarm {
        tenant: &request.tenant,
        connection: Some(&request.connection),
        kind,
        about: &request.id,
        detail,
    };
    match deadline::due(request.since, now, request.alarmed_day) {
        Due::Nothing => Ok(()),
        Due::Alarm(day) => {
            ages::alarmed(tx, request.seq, day).await?;
            let detail = format!(
                "not through after {day} days; nothing more is tried from day {}",
                deadline::LAST_DAY
            );
            alarms::is_over(tx, now, LATE, &request.id).await?;
            alarms::raise(tx, now, &alarm(LATE, &detail)).await
        }
        Due::End => {
            let reason =
                format!("not through by day {} of its month; replay it to try again", deadline::LAST_DAY);
            if !ages::expire(tx, request.seq, now, &reason).await? {
                return Ok(());
            }
            let record = Record {
                connection: Some(request.connection.clone()),
                request: Some(request.id.clone()),
                detail: json!({ "reason": reason }),
                ..Record::of("request-expired")
            };
            audit::append(tx, &request.tenant, now, &record).await?;
            alarms::raise(tx, now, &alarm("request-expired", &reason)).await
        }
    }
}
