//! Alarms for and ends requests that have waited too long, and deletes the data of those that ended long ago.
//! Tested in `src/requests/worker/tests.rs`.

use host_model::{
    requests::deadline::{self, Due, LATE},
    time::DAY_MS,
};
use host_store::RowChange;
use host_store::{
    Store, StoreError, Tx, Vault,
    ages::{self, LateRequest},
    alarms::{self, Alarm},
    audit::{self, Record},
    callbacks,
};
use serde_json::json;

use super::contradicted::end_alarm;

/// How long the data of a failed or expired request is kept, so that it can be replayed, and an ended callback.
const KEEP_FAILED_MS: i64 = 30 * DAY_MS;

/// Raises alarms about requests that are late at `now`, ends those past their last day, and deletes the data of those
/// that ended long ago.
pub(crate) async fn raise_and_prune(store: &Store, now: i64) -> Result<(), StoreError> {
    process_late(store, now).await?;
    let failed_before = now.saturating_sub(KEEP_FAILED_MS);
    store.write_in_portions(move |tx| Box::pin(callbacks::prune(tx, failed_before))).await?;
    store.write_in_portions(move |tx| Box::pin(ages::destroy_old(tx, failed_before))).await
}

async fn process_late(store: &Store, now: i64) -> Result<(), StoreError> {
    let late = store.read(move |connection| Box::pin(ages::late_requests(connection, now))).await?;
    if late.is_empty() {
        return Ok(());
    }
    let vault = store.vault().clone();
    store
        .write(move |tx| {
            Box::pin(async move {
                for request in late {
                    raise_alarm(tx, &vault, &request, now).await?;
                }
                Ok(())
            })
        })
        .await
}

async fn raise_alarm(tx: &mut Tx, vault: &Vault, request: &LateRequest, now: i64) -> Result<(), StoreError> {
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
            // Another replica may have raised it since it was read.
            if ages::record_alarm(tx, request.seq, day).await? == RowChange::Unchanged {
                return Ok(());
            }
            let detail = format!(
                "not completed after {day} days; no further attempts from day {}",
                deadline::LAST_DAY
            );
            alarms::is_over(tx, now, LATE, &request.id).await?;
            alarms::raise(tx, now, &alarm(LATE, &detail)).await
        }
        Due::End => {
            let reason = format!("not completed by day {}; replay it to try again", deadline::LAST_DAY);
            if ages::expire(tx, request.seq, now, &reason).await? == RowChange::Unchanged {
                return Ok(());
            }
            end_alarm(tx, &request.connection, now).await?;
            let record = Record {
                connection: Some(request.connection.clone()),
                request: Some(request.id.clone()),
                detail: json!({ "reason": reason }),
                ..Record::of("request-expired")
            };
            audit::append(tx, vault, &request.tenant, now, &record).await?;
            alarms::raise(tx, now, &alarm("request-expired", &reason)).await
        }
    }
}
