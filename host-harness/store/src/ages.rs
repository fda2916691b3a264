//! Requests by age: those that have waited too long, and those that ended long ago.
//! Tested in `service/src/requests/worker/tests.rs`.

use crate::{
    database::Tx,
    error::StoreError,
    open_requests::{self, Closing},
    people,
    person::PersonId,
    portion::Portion,
    queue,
    row_change::RowChange,
};
use host_model::{requests::RequestState, time::DAY_MS};

/// A request that has been waiting for a long time. Times are in milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct LateRequest {
    /// Its position in the order of acceptance.
    pub seq: i64,
    /// Its id.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// When it was accepted, or last replayed.
    pub since: i64,
    /// The last day after `since` on which it raised an alarm: 7, 14 or 21; 0 if it has raised none.
    pub alarmed_day: i64,
}

/// Returns the open requests that are old enough at `now` to raise an alarm or to expire, oldest first, at most 1,000.
pub async fn late_requests(connection: &mut Tx, now: i64) -> Result<Vec<LateRequest>, StoreError> {
    let late = sqlx::query_as(
        "SELECT seq, id, tenant, connection, since, alarmed_day FROM ( \
           SELECT r.*, COALESCE(r.tried_since, r.received_at) AS since FROM open_requests o JOIN requests r ON r.seq = o.seq \
           WHERE o.received_at <= $4) AS late \
         WHERE since <= $1 OR since <= $2 AND alarmed_day < 21 OR since <= $3 AND alarmed_day < 14 \
           OR since <= $4 AND alarmed_day < 7 \
         ORDER BY since, seq LIMIT 1000",
    )
    .bind(now - 25 * DAY_MS)
    .bind(now - 21 * DAY_MS)
    .bind(now - 14 * DAY_MS)
    .bind(now - 7 * DAY_MS)
    .fetch_all(connection)
    .await?;
    Ok(late)
}

/// Records that the request at position `seq` raises the alarm of `day`, unless it was recorded by now.
pub async fn record_alarm(tx: &mut Tx, seq: i64, day: i64) -> Result<RowChange, StoreError> {
    let recorded = sqlx::query("UPDATE requests SET alarmed_day = $2 WHERE seq = $1 AND alarmed_day < $2");
    Ok(RowChange::of(recorded.bind(seq).bind(day).execute(tx).await?.rows_affected()))
}

/// Ends the request at position `seq` as expired, if it is still waiting.
pub async fn expire(tx: &mut Tx, seq: i64, at: i64, reason: &str) -> Result<RowChange, StoreError> {
    let waiting: Option<(String, PersonId, i64)> = sqlx::query_as(
        "SELECT r.id, r.person, CASE WHEN r.action = 'erasure' THEN r.acknowledged ELSE 0 END \
         FROM open_requests o JOIN requests r ON r.seq = o.seq WHERE o.seq = $1 AND o.state = 'waiting'",
    )
    .bind(seq)
    .fetch_optional(&mut *tx)
    .await?;
    let Some((request, person, was_accepted)) = waiting else { return Ok(RowChange::Unchanged) };
    // An erasure that the vendor accepted counts as one, confirmed or not.
    if was_accepted == 1 {
        people::erased(tx, &request, person, at).await?;
    }
    open_requests::close(tx, seq, &Closing { state: RequestState::Expired, reason, at }).await?;
    Ok(RowChange::Changed)
}

/// Maximum number of requests whose details one write destroys: each takes several statements.
const MAX_DESTROYED: i64 = 100;

/// Destroys the details of a portion of the requests that ended before `finished_before` and were kept for a replay.
pub async fn destroy_old(tx: &mut Tx, finished_before: i64) -> Result<Portion, StoreError> {
    let old = sqlx::query_scalar(
        "SELECT seq FROM requests WHERE finished_at < $1 AND sealed_details IS NOT NULL ORDER BY finished_at LIMIT $2",
    );
    let old: Vec<i64> = old.bind(finished_before).bind(MAX_DESTROYED).fetch_all(&mut *tx).await?;
    for seq in &old {
        queue::destroy(tx, *seq).await?;
    }
    Ok(Portion::of(old.len() as u64, MAX_DESTROYED))
}
