//! Requests counted against a vendor's limits over long periods.
//! Tested in `service/src/limits.rs`.

use std::time::Duration;

use host_model::{contract::manifest::Limit, time::millis};

use crate::{database::Tx, error::StoreError};

/// How much of a limit is used. Times are in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitUsage {
    /// The number of requests that count now.
    pub used: i64,
    /// When there is room for another request; `None` if there is now.
    pub room_at: Option<i64>,
    /// When the last of them counts no more; `None` if none counts.
    pub resets_at: Option<i64>,
}

/// How many entries are counted, on average, until those of their limit that no longer count are deleted: with each one, that
/// would be a third of the work.
const CLEAN_EVERY: u32 = 32;

/// Returns how much of `limit` this vendor account has used at `now`.
pub async fn usage(
    connection: &mut Tx,
    account: &[u8; 32],
    limit: &Limit,
    now: i64,
) -> Result<LimitUsage, StoreError> {
    let period = period(limit);
    let counted = "SELECT COUNT(*), MAX(at) FROM sends WHERE account = $1 AND limit_name = $2 AND at >= $3";
    let (used, last): (i64, Option<i64>) = sqlx::query_as(counted)
        .bind(account.to_vec())
        .bind(&limit.name)
        .bind(counts_since(limit, now))
        .fetch_one(&mut *connection)
        .await?;
    let leaves = |at: i64| at.saturating_add(period).saturating_add(1);
    let is_full = used >= i64::from(limit.requests);
    let blocking = if is_full { blocking(connection, account, limit, now).await? } else { None };
    Ok(LimitUsage { used, room_at: blocking.map(leaves), resets_at: last.map(leaves) })
}

/// Why a request was not counted. Nothing was counted.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotCounted {
    /// The limit has no room for this long.
    #[error("the limit is full for {} ms", .0.as_millis())]
    Full(Duration),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Counts a request against all of `limits`. Returns the id of each entry, for [`end`]. Until the end of the request is
/// known, the entries count as if it ended after `ends_within`.
pub async fn enter(
    tx: &mut Tx,
    account: &[u8; 32],
    limits: &[Limit],
    now: i64,
    ends_within: Duration,
) -> Result<Vec<i64>, NotCounted> {
    let mut wait: Option<i64> = None;
    for limit in limits {
        let frees_up = frees_up(tx, account, limit, now).await?;
        wait = wait.max(frees_up);
    }
    if let Some(wait) = wait {
        return Err(NotCounted::Full(Duration::from_millis(u64::try_from(wait).unwrap_or(0))));
    }
    let ends_at = now.saturating_add(millis(ends_within));
    let mut entries = Vec::new();
    for limit in limits {
        let insert = sqlx::query_scalar(
            "INSERT INTO sends (account, limit_name, at) VALUES ($1, $2, $3) RETURNING id",
        );
        let entry = insert
            .bind(account.to_vec())
            .bind(&limit.name)
            .bind(ends_at)
            .fetch_one(&mut *tx)
            .await
            .map_err(StoreError::from)?;
        entries.push(entry);
        if fastrand::u32(..CLEAN_EVERY) == 0 {
            clean(tx, account, limit, now).await?;
        }
    }
    Ok(entries)
}

/// Deletes the entries of `limit` that no longer count.
async fn clean(tx: &mut Tx, account: &[u8; 32], limit: &Limit, now: i64) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sends WHERE account = $1 AND limit_name = $2 AND at < $3")
        .bind(account.to_vec())
        .bind(&limit.name)
        .bind(counts_since(limit, now))
        .execute(tx)
        .await?;
    Ok(())
}

/// Returns how long until `limit` has room, in milliseconds; `None` if it has room.
async fn frees_up(
    tx: &mut Tx,
    account: &[u8; 32],
    limit: &Limit,
    now: i64,
) -> Result<Option<i64>, StoreError> {
    let blocking = blocking(tx, account, limit, now).await?;
    Ok(blocking.map(|at| at.saturating_add(period(limit)).saturating_add(1).saturating_sub(now).max(1)))
}

/// Returns when the entry counts from that has to leave the window before there is room: the one with (allowed - 1) younger
/// ones. `None` if there are not so many that count at `now`.
async fn blocking(
    tx: &mut Tx,
    account: &[u8; 32],
    limit: &Limit,
    now: i64,
) -> Result<Option<i64>, StoreError> {
    let blocking = sqlx::query_scalar(
        "SELECT at FROM sends WHERE account = $1 AND limit_name = $2 AND at >= $4 ORDER BY at DESC LIMIT 1 OFFSET $3",
    )
    .bind(account.to_vec())
    .bind(&limit.name)
    .bind(i64::from(limit.requests).saturating_sub(1))
    .bind(counts_since(limit, now))
    .fetch_optional(tx)
    .await?;
    Ok(blocking)
}

/// Returns when the entries counted from, at the earliest, that count at `now`. One that is exactly a period old still does: the
/// window includes both of its ends.
fn counts_since(limit: &Limit, now: i64) -> i64 {
    now.saturating_sub(period(limit))
}

fn period(limit: &Limit) -> i64 {
    i64::try_from(limit.period_ms.unwrap_or(0)).unwrap_or(i64::MAX)
}

/// Moves the entries with these ids to `at`, when their request ended.
pub async fn end(tx: &mut Tx, entries: &[i64], at: i64) -> Result<(), StoreError> {
    for entry in entries {
        sqlx::query("UPDATE sends SET at = $2 WHERE id = $1").bind(entry).bind(at).execute(&mut *tx).await?;
    }
    Ok(())
}
