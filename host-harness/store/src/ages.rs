//! Requests by age: those that have waited too long, and those that ended long ago.
//! Tested in `service/src/requests/worker/tests.rs`.

use crate::{
    database::Tx,
    error::StoreError,
    open_requests::{self, Closing},
    people,
    person::PersonId,
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

/// Records that the request at position `seq` has raised the alarm of `day`.
pub async fn record_alarm(tx: &mut Tx, seq: i64, day: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE requests SET alarmed_day = $2 WHERE seq = $1")
        .bind(seq)
        .bind(day)
        .execute(tx)
        .await?;
    Ok(())
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

/// Destroys the details of requests that ended before `finished_before` and were kept for a replay.
pub async fn destroy_old(tx: &mut Tx, finished_before: i64) -> Result<(), StoreError> {
    let old: Vec<i64> =
        sqlx::query_scalar("SELECT seq FROM requests WHERE finished_at < $1 AND sealed_details IS NOT NULL")
            .bind(finished_before)
            .fetch_all(&mut *tx)
            .await?;
    for seq in old {
        queue::destroy(tx, seq).await?;
    }
    Ok(())
}
