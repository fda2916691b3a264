//! Attempts that were cut off because the process ended or because their request cannot be read. Each is recorded in
//! the audit chain, because it is unknown what it sent.
//! Tested in `src/queue/tests.rs`.

use serde_json::json;
use sqlx::{Row, any::AnyRow};

use crate::{
    alarms::{self, Alarm},
    audit::{self, Record},
    database::Tx,
    error::StoreError,
    lane::Lane,
    open_requests::{self, Closing},
    replica_id::ReplicaId,
    seal::Vault,
};
use host_model::requests::RequestState;

/// How many attempts may end with the process before their request is set aside: the request may be the cause.
const MAX_KILLS: i64 = 3;

/// A request whose row may be only partly readable.
#[derive(sqlx::FromRow)]
pub struct RequestRow {
    seq: i64,
    id: String,
    tenant: String,
    connection: String,
}

impl RequestRow {
    /// Returns the request of `row`, which is in `lane`. Only the column `seq` must be readable.
    pub fn of(row: &AnyRow, lane: &Lane) -> Result<Self, StoreError> {
        let seq: i64 = row.try_get("seq")?;
        let id = row.try_get("id").unwrap_or_else(|_| format!("the request numbered {seq}"));
        Ok(Self { seq, id, tenant: lane.tenant.clone(), connection: lane.connection.clone() })
    }
}

/// Reads requests with an attempt in progress, up to a further condition.
const RUNNING: &str = "SELECT o.seq, r.id, o.tenant, o.connection, r.kills FROM open_requests o JOIN requests r ON r.seq = o.seq \
                       WHERE o.state = 'running'";

/// A request with an attempt in progress.
#[derive(sqlx::FromRow)]
struct RunningRequest {
    #[sqlx(flatten)]
    place: RequestRow,
    /// How many times the process ended during its attempts.
    kills: i64,
}

/// Puts every request that `replica` has claimed back in the queue: it is stopping, and its attempts were cut off.
pub async fn release_claims(
    tx: &mut Tx,
    vault: &Vault,
    replica: &ReplicaId,
    now: i64,
) -> Result<(), StoreError> {
    for RunningRequest { place, .. } in claimed_by(tx, replica).await? {
        requeue(tx, vault, &place, "the service stopped during an attempt", now).await?;
    }
    Ok(())
}

/// Puts the requests back in the queue that replicas have claimed which are gone; `replica` is not. A request that was cut
/// off too often is set aside.
pub async fn reclaim_ended(
    tx: &mut Tx,
    vault: &Vault,
    replica: &ReplicaId,
    now: i64,
) -> Result<(), StoreError> {
    let ended = format!(
        "{RUNNING} AND o.claimed_by IS DISTINCT FROM $1 \
           AND NOT EXISTS (SELECT 1 FROM replicas r WHERE r.id = o.claimed_by) ORDER BY o.seq"
    );
    let ended: Vec<RunningRequest> =
        sqlx::query_as(sqlx::AssertSqlSafe(ended)).bind(replica.as_str()).fetch_all(&mut *tx).await?;
    for RunningRequest { place, kills } in ended {
        sqlx::query("UPDATE requests SET kills = kills + 1 WHERE seq = $1")
            .bind(place.seq)
            .execute(&mut *tx)
            .await?;
        if kills + 1 < MAX_KILLS {
            requeue(tx, vault, &place, "the process ended during an attempt", now).await?;
        } else {
            let reason = "the process ended during each of its last attempts; replay it to try again";
            set_aside(tx, vault, &place, reason, now).await?;
        }
    }
    Ok(())
}

/// Puts the requests back in the queue that `replica` has claimed and has no attempt `under_way` for, which holds their
/// positions: it does not know of the claim, or could not store the result.
pub async fn requeue_lost(
    tx: &mut Tx,
    vault: &Vault,
    replica: &ReplicaId,
    now: i64,
    under_way: &[i64],
) -> Result<(), StoreError> {
    for RunningRequest { place, .. } in claimed_by(tx, replica).await? {
        if !under_way.contains(&place.seq) {
            requeue(tx, vault, &place, "the result of an attempt could not be stored", now).await?;
        }
    }
    Ok(())
}

/// Returns the requests that `replica` has claimed.
async fn claimed_by(tx: &mut Tx, replica: &ReplicaId) -> Result<Vec<RunningRequest>, StoreError> {
    let claimed = format!("{RUNNING} AND o.claimed_by = $1 ORDER BY o.seq");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(claimed)).bind(replica.as_str()).fetch_all(tx).await?)
}

/// Puts a request back in the queue.
async fn requeue(
    tx: &mut Tx,
    vault: &Vault,
    place: &RequestRow,
    reason: &str,
    now: i64,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE requests SET reason = $2 WHERE seq = $1")
        .bind(place.seq)
        .bind(reason)
        .execute(&mut *tx)
        .await?;
    wait_again(tx, place, now).await?;
    append_audit(tx, vault, place, "request-attempt-cut-off", reason, now).await
}

/// Ends a request that cannot be carried out as failed, and raises an alarm.
pub async fn set_aside(
    tx: &mut Tx,
    vault: &Vault,
    place: &RequestRow,
    reason: &str,
    now: i64,
) -> Result<(), StoreError> {
    wait_again(tx, place, now).await?;
    open_requests::close(tx, place.seq, &Closing { state: RequestState::Failed, reason, at: now }).await?;
    append_audit(tx, vault, place, "request-set-aside", reason, now).await?;
    let alarm = Alarm {
        tenant: &place.tenant,
        connection: Some(&place.connection),
        kind: "request-set-aside",
        about: &place.id,
        detail: reason,
    };
    alarms::raise(tx, now, &alarm).await
}

/// Ends the claim of a request. An erasure is confirmed next, since its outcome is unknown.
async fn wait_again(tx: &mut Tx, place: &RequestRow, now: i64) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE open_requests SET state = 'waiting', next_at = $2, lease_until = NULL, claimed_by = NULL, \
           step = CASE WHEN action = 'erasure' THEN 'confirm' ELSE step END WHERE seq = $1",
    )
    .bind(place.seq)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

async fn append_audit(
    tx: &mut Tx,
    vault: &Vault,
    place: &RequestRow,
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
    audit::append(tx, vault, &place.tenant, now, &record).await
}
