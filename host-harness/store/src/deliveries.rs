//! Webhook deliveries in the database: stored before they are acknowledged, claimed in the order
//! received at each connection, and connections in turn.

mod kept;
mod lost;
mod new;
mod replayed;
mod shown;
mod summary;

use kept::KEPT_UNREAD;
pub use kept::{KeptDelivery, kept, latest};
use lost::WAITING;
pub use lost::{reclaim, release_claims, requeue_lost};
pub use new::{InsertedDelivery, NewDelivery, insert};
pub use replayed::{DeliverySelection, replay, replayable};
pub use shown::{DeliveryFilter, DeliveryState, DeliveryView, ReadingFilter, list, show};
use sqlx::{FromRow, Row};
pub use summary::{DeliverySummary, summary};

use crate::{
    columns::Column,
    database::Tx,
    error::StoreError,
    lease::Lease,
    person::PersonId,
    portion::{MAX_ROWS, Portion},
    row_change::RowChange,
};

/// Could not be read; can be read again while their bodies are kept.
const UNREAD: &str = "state IN ('unreadable', 'stuck', 'damaged')";

/// A delivery that is being read. Times are in milliseconds since the Unix epoch.
#[derive(Clone, FromRow)]
pub struct ClaimedDelivery {
    /// Its position in the order received.
    pub seq: i64,
    /// Its id.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// Whether it carried an accepted token.
    #[sqlx(try_from = "Column<bool>")]
    pub accepted: bool,
    /// Whether its token or its signature proves that it is from the vendor.
    #[sqlx(try_from = "Column<bool>")]
    pub proven: bool,
    /// Its method, address, headers and body, sealed; empty if they are no longer kept.
    #[sqlx(rename = "sealed_delivery", try_from = "SealedBody")]
    pub sealed: Vec<u8>,
    /// When it was received.
    pub received_at: i64,
    /// The number of consecutive failed readings.
    pub failures: i64,
    /// The version, as its digest prints, that last read it; `None` if none did.
    #[sqlx(rename = "digest")]
    pub read_by: Option<String>,
    generation: i64,
}

/// A sealed delivery. Null once it is no longer kept, which is decoded as an empty value that does not open.
#[derive(sqlx::Type)]
#[sqlx(transparent)]
struct SealedBody(Option<Vec<u8>>);

impl From<SealedBody> for Vec<u8> {
    fn from(SealedBody(sealed): SealedBody) -> Self {
        sealed.unwrap_or_default()
    }
}

/// A claimed row that cannot be read, because the database was changed from outside.
#[derive(Debug)]
pub struct DamagedRow {
    seq: i64,
    /// The tenant that it belongs to; empty if that cannot be read.
    pub tenant: String,
    /// The key of its connection; `None` if that cannot be read.
    pub connection: Option<String>,
    /// Why it cannot be read.
    pub why: StoreError,
}

/// The final result of a reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadingEnd {
    /// The new state of the delivery.
    pub state: DeliveryState,
    /// The digest of the plugin that read it; `None` if none did.
    pub digest: Option<String>,
    /// Why it was not read, for an operator; `None` if it was.
    pub reason: Option<String>,
    /// The number of events in it.
    pub events: i64,
}

/// Returns how many kept deliveries of `connection` are not proven to be from the vendor.
pub async fn unproven(tx: &mut Tx, connection: &str) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar(
        "SELECT COUNT(*) FROM deliveries WHERE connection = $1 AND proven = 0 AND sealed_delivery IS NOT NULL",
    );
    Ok(count.bind(connection).fetch_one(tx).await?)
}

/// Comes before the key of every connection.
pub const FIRST: &str = "";

/// Claims the delivery that has been due longest at one connection: the first one after the connection `after`, in the order
/// of their keys, that has one, or else the first one of all. Leaves out the connections in `full` and disabled ones.
/// Returns `None` if no delivery is due. No other worker can claim the delivery before the end of the `lease`.
pub async fn claim(
    tx: &mut Tx,
    lease: &Lease,
    full: &[String],
    after: &str,
) -> Result<Option<Result<ClaimedDelivery, DamagedRow>>, StoreError> {
    let claimed = claim_after(tx, lease, full, after).await?;
    if claimed.is_none() && after != FIRST {
        return claim_after(tx, lease, full, FIRST).await;
    }
    Ok(claimed)
}

/// Visits connections with waiting deliveries until one of them has a delivery to claim, however many wait at it and at those
/// after it. Only the last connection that was visited can have one.
async fn claim_after(
    tx: &mut Tx,
    lease: &Lease,
    full: &[String],
    after: &str,
) -> Result<Option<Result<ClaimedDelivery, DamagedRow>>, StoreError> {
    let left_out: Vec<_> = (0..full.len()).map(|at| format!("n.connection <> ${} AND ", at + 5)).collect();
    let may_claim = format!(
        "{}COALESCE((SELECT c.enabled FROM connections c WHERE c.key = n.connection), 1) = 1",
        left_out.concat()
    );
    let due = "SELECT f.seq FROM deliveries f WHERE f.connection = n.connection AND f.state = 'waiting' \
                 AND f.next_at <= $1 AND (f.lease_until IS NULL OR f.lease_until < $1) \
               ORDER BY f.next_at, f.seq LIMIT 1";
    let sql = format!(
        "WITH RECURSIVE next (connection) AS (\
           SELECT MIN(connection) FROM deliveries WHERE state = 'waiting' AND connection > $4 UNION ALL \
           SELECT (SELECT MIN(d.connection) FROM deliveries d WHERE d.state = 'waiting' AND d.connection > n.connection) \
           FROM next n WHERE n.connection IS NOT NULL AND NOT ({may_claim} AND ({due}) IS NOT NULL)) \
         UPDATE deliveries SET generation = generation + 1, lease_until = $2, claimed_by = $3 \
         WHERE seq = (SELECT d.seq FROM next n JOIN deliveries d ON d.seq = ({due}) WHERE {may_claim}) \
         RETURNING seq, id, tenant, connection, accepted, proven, sealed_delivery, received_at, failures, digest, generation"
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(lease.now).bind(lease.until);
    let mut query = query.bind(lease.replica.as_str()).bind(after);
    for connection in full {
        query = query.bind(connection);
    }
    let row = query.fetch_optional(tx).await?;
    row.map(|row| {
        Ok(match ClaimedDelivery::from_row(&row) {
            Ok(claim) => Ok(claim),
            // Decoded by hand, to recover whatever can be read.
            Err(why) => Err(DamagedRow {
                seq: row.try_get("seq")?,
                tenant: row.try_get("tenant").unwrap_or_default(),
                connection: row.try_get("connection").ok(),
                why: why.into(),
            }),
        })
    })
    .transpose()
}

/// Keeps a damaged row but excludes it from claims, so that it does not block other deliveries.
pub async fn set_aside(tx: &mut Tx, damaged: &DamagedRow, at: i64) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE deliveries SET state = $2, reason = $3, lease_until = NULL, ended_at = $4 WHERE seq = $1",
    )
    .bind(damaged.seq)
    .bind(DeliveryState::Damaged.as_ref())
    .bind("its row in the database is damaged")
    .bind(at)
    .execute(tx)
    .await?;
    Ok(())
}

/// Ends the reading of `claim` at `at`, if the claim is still valid.
pub async fn finish(
    tx: &mut Tx,
    claim: &ClaimedDelivery,
    end: &ReadingEnd,
    at: i64,
) -> Result<RowChange, StoreError> {
    let is_proof =
        matches!(end.state, DeliveryState::Read | DeliveryState::OfNoConcern | DeliveryState::Unreadable);
    let sql = format!(
        "UPDATE deliveries SET state = $3, digest = $4, reason = $5, events = $6, ended_at = $7, lease_until = NULL, \
           failures = 0, sealed_delivery = CASE WHEN $8 = 1 THEN NULL ELSE sealed_delivery END, \
           proven = CASE WHEN $9 = 1 THEN 1 ELSE proven END \
         WHERE seq = $1 AND generation = $2 AND {WAITING}"
    );
    let done = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(claim.seq)
        .bind(claim.generation)
        .bind(end.state.as_ref())
        .bind(end.digest.as_deref())
        .bind(end.reason.as_deref())
        .bind(end.events)
        .bind(at)
        .bind(i64::from(end.state == DeliveryState::Refused))
        .bind(i64::from(is_proof))
        .execute(tx)
        .await?;
    Ok(RowChange::of(done.rows_affected()))
}

/// Schedules the delivery of `claim` to be read again at `next_at` after a failed reading, if the claim is still valid.
pub async fn retry_at(
    tx: &mut Tx,
    claim: &ClaimedDelivery,
    next_at: i64,
    digest: Option<&str>,
    reason: &str,
) -> Result<RowChange, StoreError> {
    let sql = format!(
        "UPDATE deliveries SET next_at = $3, digest = $4, reason = $5, lease_until = NULL, failures = failures + 1 \
         WHERE seq = $1 AND generation = $2 AND {WAITING}"
    );
    let done = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(claim.seq)
        .bind(claim.generation)
        .bind(next_at)
        .bind(digest)
        .bind(reason)
        .execute(tx)
        .await?;
    Ok(RowChange::of(done.rows_affected()))
}

/// Records that the delivery with this id is about `person`.
pub async fn record_person(tx: &mut Tx, id: &str, person: PersonId) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO delivery_people (delivery, person) SELECT seq, $2 FROM deliveries WHERE id = $1 \
         ON CONFLICT DO NOTHING",
    )
    .bind(id)
    .bind(person)
    .execute(tx)
    .await?;
    Ok(())
}

/// Deletes the bodies of deliveries about `person`. Their keyed digests are kept for a while, so that repeats are still
/// recognized.
pub async fn forget(tx: &mut Tx, person: PersonId) -> Result<(), StoreError> {
    const STEPS: [&str; 2] = [
        "UPDATE deliveries SET sealed_delivery = NULL \
         WHERE seq IN (SELECT delivery FROM delivery_people WHERE person = $1)",
        "DELETE FROM delivery_people WHERE person = $1",
    ];
    for step in STEPS {
        sqlx::query(step).bind(person).execute(&mut *tx).await?;
    }
    Ok(())
}

/// Returns the connections with unread deliveries that another plugin version may be able to read, each with the digest
/// of the plugin that tried last, if any. Damaged deliveries are left out, because no version can read them.
pub async fn unread(tx: &mut Tx) -> Result<Vec<(String, Option<String>)>, StoreError> {
    let sql = format!(
        "SELECT DISTINCT connection, digest FROM deliveries \
         WHERE {KEPT_UNREAD} AND state <> $1"
    );
    let damaged = DeliveryState::Damaged.as_ref();
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(damaged).fetch_all(tx).await?)
}

/// Deliveries of one connection that were never read and are not kept any longer.
#[derive(Debug, FromRow)]
pub struct LostDeliveries {
    /// The tenant that they belong to.
    pub tenant: String,
    /// The key of their connection.
    pub connection: String,
    /// The number of these deliveries.
    pub deliveries: i64,
}

/// Deletes a portion of the bodies received before `before`.
pub async fn delete_bodies(tx: &mut Tx, before: i64, at: i64) -> Result<Portion, StoreError> {
    let deleted = sqlx::query(
        "UPDATE deliveries SET sealed_delivery = NULL, ended_at = COALESCE(ended_at, $2), \
           reason = CASE WHEN state = $3 THEN 'its body is no longer kept' ELSE reason END, \
           state = CASE WHEN state = $3 THEN $4 ELSE state END \
         WHERE seq IN (SELECT seq FROM deliveries WHERE received_at < $1 AND sealed_delivery IS NOT NULL \
                       ORDER BY received_at LIMIT $5)",
    )
    .bind(before)
    .bind(at)
    .bind(DeliveryState::Waiting.as_ref())
    .bind(DeliveryState::Stuck.as_ref())
    .bind(MAX_ROWS)
    .execute(tx)
    .await?;
    Ok(Portion::of(deleted.rows_affected(), MAX_ROWS))
}

/// Deletes a portion of the deliveries that were received before `received_before`, ended before `ended_before`, and have no
/// body any more.
pub async fn prune(tx: &mut Tx, received_before: i64, ended_before: i64) -> Result<Portion, StoreError> {
    const OLD: &str = "SELECT seq FROM deliveries WHERE received_at < $1 AND ended_at < $2 AND sealed_delivery IS NULL \
                       ORDER BY received_at, seq LIMIT $3";
    let mut portion = Portion::Last;
    for (table, column) in [("delivery_people", "delivery"), ("deliveries", "seq")] {
        let delete = sqlx::AssertSqlSafe(format!("DELETE FROM {table} WHERE {column} IN ({OLD})"));
        let query = sqlx::query(delete).bind(received_before).bind(ended_before);
        let deleted = query.bind(MAX_ROWS).execute(&mut *tx).await?;
        portion = Portion::of(deleted.rows_affected(), MAX_ROWS);
    }
    Ok(portion)
}

/// Counts the deliveries received before `received_before` that were never read and whose bodies are still kept.
/// Materialized, because SQLite would otherwise scan all deliveries in group order.
pub async fn unread_before(tx: &mut Tx, received_before: i64) -> Result<Vec<LostDeliveries>, StoreError> {
    let sql = format!(
        "WITH old AS MATERIALIZED (SELECT tenant, connection FROM deliveries \
           WHERE received_at < $1 AND sealed_delivery IS NOT NULL AND ({WAITING} OR {UNREAD})) \
         SELECT tenant, connection, COUNT(*) AS deliveries FROM old GROUP BY tenant, connection"
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(received_before).fetch_all(tx).await?)
}

#[cfg(test)]
mod tests;
