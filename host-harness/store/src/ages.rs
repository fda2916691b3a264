//! Requests by their age: those that wait too long, and those that ended long ago.

use crate::{database::Connection, error::StoreError, people, person::PersonId, queue::destroy};
use host_model::time::DAY_MS;

/// A request that has waited long.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Late {
    /// Its place in the order of acceptance.
    pub seq: i64,
    /// Its id.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// When it was accepted, or last replayed.
    pub since: i64,
    /// The day of the last alarm about it; 0 if there was none.
    pub alarmed_day: i64,
}

/// The open requests whose age asks for an alarm or an end, oldest first, at most 1,000.
pub async fn late(connection: &mut Connection, now: i64) -> Result<Vec<Late>, StoreError> {
    let late = sqlx::query_as(
        "SELECT seq, id, tenant, connection, since, alarmed_day FROM ( \
           SELECT *, COALESCE(tried_since, received_at) AS since FROM requests \
           WHERE finished_at IS NULL AND received_at <= $4) AS late \
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

/// The request has alarmed for that day.
pub async fn alarmed(tx: &mut Connection, seq: i64, day: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE requests SET alarmed_day = $2 WHERE seq = $1")
        .bind(seq)
        .bind(day)
        .execute(tx)
        .await?;
    Ok(())
}

/// Ends a request that is still waiting; whether it was.
pub async fn expire(tx: &mut Connection, seq: i64, at: i64, reason: &str) -> Result<bool, StoreError> {
    // What the vendor took is an erasure, proven or not.
    let taken: Option<(String, PersonId)> = sqlx::query_as(
        "SELECT id, person FROM requests WHERE seq = $1 AND state = 'waiting' AND action = 'erasure' AND acknowledged = 1",
    )
    .bind(seq)
    .fetch_optional(&mut *tx)
    .await?;
    if let Some((request, person)) = taken {
        people::erased(tx, &request, person, at).await?;
    }
    let done = sqlx::query(
        "UPDATE requests SET state = 'expired', finished_at = $2, reason = $3 WHERE seq = $1 AND state = 'waiting'",
    )
    .bind(seq)
    .bind(at)
    .bind(reason)
    .execute(tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Destroys what requests asked that ended before then and were kept to be replayed.
pub async fn destroy_old(tx: &mut Connection, finished_before: i64) -> Result<(), StoreError> {
    let old: Vec<i64> =
        sqlx::query_scalar("SELECT seq FROM requests WHERE finished_at < $1 AND sealed_details IS NOT NULL")
            .bind(finished_before)
            .fetch_all(&mut *tx)
            .await?;
    for seq in old {
        destroy(tx, seq).await?;
    }
    Ok(())
}
