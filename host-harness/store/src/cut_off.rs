//! Attempts that were cut off: by the end of the process, or because their request cannot be read. Each leaves a line in the
//! audit chain, for what it sent nobody can say.

use serde_json::json;
use sqlx::{Row, any::AnyRow};

use crate::{
    alarms::{self, Alarm},
    audit::{self, Record},
    database::Connection,
    error::StoreError,
    lane::Lane,
};
use host_model::requests::State;

/// Attempts that end with the process before a request is set aside: it may be what ends it.
const MOST_KILLS: i64 = 3;

/// A request, as far as its row can be read.
#[derive(sqlx::FromRow)]
pub struct Place {
    seq: i64,
    id: String,
    tenant: String,
    connection: String,
}

impl Place {
    /// The request of `row`, of whose columns only its place has to be readable, in `lane`.
    pub fn of(row: &AnyRow, lane: &Lane) -> Result<Self, StoreError> {
        let seq: i64 = row.try_get("seq")?;
        let id = row.try_get("id").unwrap_or_else(|_| format!("the request numbered {seq}"));
        Ok(Self { seq, id, tenant: lane.tenant.clone(), connection: lane.connection.clone() })
    }
}

/// A request whose attempt was begun.
#[derive(sqlx::FromRow)]
struct Running {
    #[sqlx(flatten)]
    place: Place,
    /// How often the process ended during its attempts.
    kills: i64,
}

/// Every claim whose lease is over by then.
async fn running(tx: &mut Connection, leases_over_by: i64) -> Result<Vec<Running>, StoreError> {
    let running = sqlx::query_as(
        "SELECT seq, id, tenant, connection, kills FROM requests WHERE state = 'running' AND lease_until <= $1",
    )
    .bind(leases_over_by)
    .fetch_all(tx)
    .await?;
    Ok(running)
}

/// Has every claimed request wait again: the process stops, and its attempts were cut off.
pub async fn hand_back(tx: &mut Connection, now: i64) -> Result<(), StoreError> {
    for Running { place, .. } in running(tx, i64::MAX).await? {
        give_back(tx, &place, "the service stopped during an attempt", now).await?;
    }
    Ok(())
}

/// Has the claimed requests wait again whose leases are over by `leases_over_by`, but for those at the places
/// `under_way`, whose attempts still run. One that was cut off too often is set aside.
pub async fn take_back(
    tx: &mut Connection,
    now: i64,
    leases_over_by: i64,
    under_way: &[i64],
) -> Result<(), StoreError> {
    for Running { place, kills } in running(tx, leases_over_by).await? {
        if under_way.contains(&place.seq) {
            continue;
        }
        sqlx::query("UPDATE requests SET kills = kills + 1 WHERE seq = $1")
            .bind(place.seq)
            .execute(&mut *tx)
            .await?;
        if kills + 1 < MOST_KILLS {
            give_back(tx, &place, "the process ended during an attempt", now).await?;
        } else {
            let reason = "the process ended in each of its last attempts; replay it to try again";
            set_aside(tx, &place, reason, now).await?;
        }
    }
    Ok(())
}

/// Has a request wait again. An erasure is confirmed first, since nobody knows what became of it.
async fn give_back(tx: &mut Connection, place: &Place, reason: &str, now: i64) -> Result<(), StoreError> {
    let after = (State::Waiting, None);
    leave(tx, place, after, reason, now).await?;
    tell(tx, place, "request-attempt-cut-off", reason, now).await
}

/// Ends a request that cannot be carried out as failed, and raises an alarm.
pub async fn set_aside(tx: &mut Connection, place: &Place, reason: &str, now: i64) -> Result<(), StoreError> {
    leave(tx, place, (State::Failed, Some(now)), reason, now).await?;
    tell(tx, place, "request-set-aside", reason, now).await?;
    let alarm = Alarm {
        tenant: &place.tenant,
        connection: Some(&place.connection),
        kind: "request-set-aside",
        about: &place.id,
        detail: reason,
    };
    alarms::raise(tx, now, &alarm).await
}

async fn leave(
    tx: &mut Connection,
    place: &Place,
    (state, finished_at): (State, Option<i64>),
    reason: &str,
    now: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE requests SET state = $2, finished_at = $3, reason = $4, next_at = $5, lease_until = NULL, \
           step = CASE WHEN action = 'erasure' THEN 'confirm' ELSE step END WHERE seq = $1",
    )
    .bind(place.seq)
    .bind(state.as_ref())
    .bind(finished_at)
    .bind(reason)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

async fn tell(
    tx: &mut Connection,
    place: &Place,
    what: &'static str,
    reason: &str,
    now: i64,
) -> Result<(), StoreError> {
    let record = Record {
        connection: Some(place.connection.clone()),
        request: Some(place.id.clone()),
        detail: json!({ "reason": reason }),
        ..Record::of(what)
    };
    audit::append(tx, &place.tenant, now, &record).await
}
