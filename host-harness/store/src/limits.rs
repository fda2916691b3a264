//! Requests counted against a vendor's long limits.

use std::time::Duration;

use host_model::{contract::manifest::Limit, time::millis};

use crate::{database::Connection, error::StoreError};

/// How many more requests `limit` lets through at `now` (milliseconds since 1970 in UTC) for that vendor account.
pub async fn free(
    connection: &mut Connection,
    account: &[u8; 32],
    limit: &Limit,
    now: i64,
) -> Result<i64, StoreError> {
    let count = "SELECT COUNT(*) FROM sends WHERE account = $1 AND limit_name = $2 AND at >= $3";
    let counted: i64 = sqlx::query_scalar(count)
        .bind(account.to_vec())
        .bind(&limit.name)
        .bind(now.saturating_sub(period(limit)))
        .fetch_one(connection)
        .await?;
    Ok(i64::from(limit.requests).saturating_sub(counted))
}

/// Why a request is not counted. Nothing was counted.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotCounted {
    /// There is no room before so long.
    #[error("the limit is full for {} ms", .0.as_millis())]
    Full(Duration),
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Counts a request in all of `limits`, and returns the id of each entry, for [`end`]. The entries count as if the request ended
/// after `ends_within`, until its end is known.
pub async fn enter(
    tx: &mut Connection,
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
    }
    Ok(entries)
}

/// How long until `limit` has room, in milliseconds; `None` if it has. What no longer counts is deleted.
async fn frees_up(
    tx: &mut Connection,
    account: &[u8; 32],
    limit: &Limit,
    now: i64,
) -> Result<Option<i64>, StoreError> {
    let period = period(limit);
    // Still in the window while exactly one period old: the window's both ends count.
    sqlx::query("DELETE FROM sends WHERE account = $1 AND limit_name = $2 AND at < $3")
        .bind(account.to_vec())
        .bind(&limit.name)
        .bind(now.saturating_sub(period))
        .execute(&mut *tx)
        .await?;
    // The one whose leaving makes room is the youngest but (allowed - 1).
    let frees: Option<i64> = sqlx::query_scalar(
        "SELECT at FROM sends WHERE account = $1 AND limit_name = $2 ORDER BY at DESC LIMIT 1 OFFSET $3",
    )
    .bind(account.to_vec())
    .bind(&limit.name)
    .bind(i64::from(limit.requests) - 1)
    .fetch_optional(tx)
    .await?;
    Ok(frees.map(|at| at.saturating_add(period).saturating_add(1).saturating_sub(now).max(1)))
}

fn period(limit: &Limit) -> i64 {
    i64::try_from(limit.period_ms.unwrap_or(0)).unwrap_or(i64::MAX)
}

/// Moves the counted requests of these ids to `at`, when they ended.
pub async fn end(tx: &mut Connection, entries: &[i64], at: i64) -> Result<(), StoreError> {
    for entry in entries {
        sqlx::query("UPDATE sends SET at = $2 WHERE id = $1").bind(entry).bind(at).execute(&mut *tx).await?;
    }
    Ok(())
}
