//! Webhook tokens in the database, stored by digest and numbered by generation. A token that is accepted has a MAC;
//! ending it deletes the MAC.

mod acceptable;
mod rows;

use self::rows::{COLUMNS, LIVE, message, message_of, view};
pub use acceptable::{AcceptableToken, ConnectionTokens, acceptable, all_live};
use sqlx::{Row, any::AnyRow};

use crate::{database::Tx, error::StoreError, mac::RowMac, marks, row_change::RowChange, seal::Vault};
use host_model::token::{TokenState, TokenView};

/// The mark that contains the day of the last daily check.
const DAILY_CHECK: &str = "token-look";

/// A token about to be stored. Times are in milliseconds since the Unix epoch.
pub struct NewToken {
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// Its number among the tokens of its connection, starting at 1.
    pub generation: i64,
    /// The SHA-256 of the token.
    pub digest: [u8; 32],
    /// The sealed token, if the host pushes it to the vendor; kept until the vendor has it.
    pub to_push: Option<Vec<u8>>,
    /// When it was issued.
    pub issued_at: i64,
    /// When it expires.
    pub expires_at: i64,
}

/// A token to push to the vendor.
#[derive(sqlx::FromRow)]
pub struct Push {
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// Its number among the tokens of its connection.
    pub generation: i64,
    digest: Vec<u8>,
    /// The sealed token.
    pub sealed_token: Vec<u8>,
}

/// Returns all tokens of `connection`, oldest first.
pub async fn list(tx: &mut Tx, connection: &str) -> Result<Vec<TokenView>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM tokens WHERE connection = $1 ORDER BY generation");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(connection).fetch_all(tx).await?;
    rows.iter().map(view).collect()
}

/// Returns the tokens of `connection` that have not ended, oldest first.
pub async fn live(tx: &mut Tx, connection: &str) -> Result<Vec<TokenView>, StoreError> {
    // A damaged token does not affect the others.
    Ok(live_rows(tx, connection).await?.iter().filter_map(|row| view(row).ok()).collect())
}

async fn live_rows(tx: &mut Tx, connection: &str) -> Result<Vec<AnyRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM tokens WHERE connection = $1 AND {LIVE} ORDER BY generation");
    Ok(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(connection).fetch_all(tx).await?)
}

/// Returns the number of the next token of `connection`.
pub async fn next_generation(tx: &mut Tx, connection: &str) -> Result<i64, StoreError> {
    let last: Option<i64> = sqlx::query_scalar("SELECT MAX(generation) FROM tokens WHERE connection = $1")
        .bind(connection)
        .fetch_one(tx)
        .await?;
    Ok(last.unwrap_or(0) + 1)
}

/// Stores `new`, which is accepted from now on.
pub async fn insert(tx: &mut Tx, vault: &Vault, new: NewToken) -> Result<(), StoreError> {
    let NewToken { tenant, connection, generation, digest, expires_at, .. } = &new;
    let RowMac(mac) = message(vault, tenant, connection, *generation, digest, *expires_at).mac();
    sqlx::query(
        "INSERT INTO tokens (tenant, connection, generation, digest, state, by_host, sealed_token, issued_at, expires_at, \
           push_at, mac) VALUES ($1, $2, $3, $4, 'offered', $5, $6, $7, $8, $9, $10)",
    )
    .bind(new.tenant)
    .bind(new.connection)
    .bind(new.generation)
    .bind(new.digest.to_vec())
    .bind(i64::from(new.to_push.is_some()))
    .bind(new.to_push.clone())
    .bind(new.issued_at)
    .bind(new.expires_at)
    .bind(new.to_push.map(|_| new.issued_at))
    .bind(mac)
    .execute(tx)
    .await?;
    Ok(())
}

/// Returns the tokens that are due to be pushed to their vendors at `now`, longest due first.
pub async fn to_push(tx: &mut Tx, now: i64) -> Result<Vec<Push>, StoreError> {
    let due = sqlx::query_as(
        "SELECT tenant, connection, generation, digest, sealed_token FROM tokens WHERE push_at <= $1 ORDER BY push_at",
    )
    .bind(now)
    .fetch_all(tx)
    .await?;
    Ok(due)
}

/// Records that the vendor uses this token. The previous one and every older offered one become former tokens. A newer
/// one that was shown stays, since an operator may be about to enter it.
pub async fn record_taken(
    tx: &mut Tx,
    connection: &str,
    generation: i64,
    at: i64,
) -> Result<RowChange, StoreError> {
    let done = sqlx::query(
        "UPDATE tokens SET state = 'current', sealed_token = NULL, push_at = NULL, push_reason = NULL \
         WHERE connection = $1 AND generation = $2 AND state = 'offered'",
    )
    .bind(connection)
    .bind(generation)
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(RowChange::Unchanged);
    }
    sqlx::query(
        "UPDATE tokens SET state = 'former', replaced_at = $3 WHERE connection = $1 AND generation <> $2 \
           AND (state = 'current' OR state = 'offered' AND generation < $2)",
    )
    .bind(connection)
    .bind(generation)
    .bind(at)
    .execute(tx)
    .await?;
    Ok(RowChange::Changed)
}

/// Records that a delivery carried the token at `at`.
pub async fn record_seen(tx: &mut Tx, connection: &str, generation: i64, at: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE tokens SET seen_at = $3 WHERE connection = $1 AND generation = $2")
        .bind(connection)
        .bind(generation)
        .bind(at)
        .execute(tx)
        .await?;
    Ok(())
}

/// Records that the vendor did not accept the token, and why. It is pushed again at `again_at`.
pub async fn record_not_taken(
    tx: &mut Tx,
    connection: &str,
    generation: i64,
    again_at: i64,
    reason: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE tokens SET push_at = $3, push_failures = push_failures + 1, push_reason = $4 \
         WHERE connection = $1 AND generation = $2 AND state = 'offered'",
    )
    .bind(connection)
    .bind(generation)
    .bind(again_at)
    .bind(reason)
    .execute(tx)
    .await?;
    Ok(())
}

/// Reschedules the pushes that are waiting at `connection` to `now`.
pub async fn push_now(tx: &mut Tx, connection: &str, now: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE tokens SET push_at = $2 WHERE connection = $1 AND push_at > $2")
        .bind(connection)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(())
}

/// Returns the day of the last daily check, in days since the Unix epoch; `None` if there was none.
pub async fn last_daily_check(tx: &mut Tx) -> Result<Option<i64>, StoreError> {
    let value = marks::get(tx, DAILY_CHECK).await?;
    Ok(value.and_then(|value| String::from_utf8(value).ok()?.parse().ok()))
}

/// Records that the daily check of `day` is done.
pub async fn record_daily_check(tx: &mut Tx, day: i64) -> Result<(), StoreError> {
    marks::put(tx, DAILY_CHECK, day.to_string().into_bytes()).await
}

/// Ends the token with `state`, if it has not ended before.
pub async fn end(
    tx: &mut Tx,
    connection: &str,
    generation: i64,
    state: TokenState,
    at: i64,
) -> Result<RowChange, StoreError> {
    let sql = format!(
        "UPDATE tokens SET state = $3, ended_at = $4, sealed_token = NULL, push_at = NULL, mac = NULL \
         WHERE connection = $1 AND generation = $2 AND {LIVE}"
    );
    let done = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(connection)
        .bind(generation)
        .bind(state.as_ref())
        .bind(at)
        .execute(tx)
        .await?;
    Ok(RowChange::of(done.rows_affected()))
}

/// Returns whether the token of `push` still exists. It is deleted with its connection, and another connection may then
/// have the same key.
pub async fn is_stored(tx: &mut Tx, push: &Push) -> Result<bool, StoreError> {
    let found: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM tokens WHERE connection = $1 AND generation = $2 AND digest = $3",
    )
    .bind(&push.connection)
    .bind(push.generation)
    .bind(push.digest.clone())
    .fetch_one(tx)
    .await?;
    Ok(found > 0)
}

/// Stops pushing the token to the vendor. It stays accepted, since the vendor may have it anyway.
pub async fn set_aside(tx: &mut Tx, push: &Push, reason: &str) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE tokens SET push_at = NULL, push_reason = $3 WHERE connection = $1 AND generation = $2",
    )
    .bind(&push.connection)
    .bind(push.generation)
    .bind(reason)
    .execute(tx)
    .await?;
    Ok(())
}

/// Deletes a token that never left the host: the vendor accepts no pushed tokens, and it was never shown.
pub async fn discard(tx: &mut Tx, connection: &str, generation: i64) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM tokens WHERE connection = $1 AND generation = $2 AND sealed_token IS NOT NULL")
        .bind(connection)
        .bind(generation)
        .execute(tx)
        .await?;
    Ok(())
}

/// Leaves the successor of the current token to an operator, because the vendor accepts no pushed tokens.
pub async fn leave_to_operator(tx: &mut Tx, connection: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE tokens SET by_host = 0 WHERE connection = $1 AND state = 'current'")
        .bind(connection)
        .execute(tx)
        .await?;
    Ok(())
}

/// Adds the MACs to the accepted tokens of version 0.1.0. Returns how many there are.
pub(crate) async fn authenticate_all(tx: &mut Tx, vault: &Vault) -> Result<usize, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM tokens WHERE {LIVE}");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut *tx).await?;
    for row in &rows {
        let digest: Vec<u8> = row.try_get("digest")?;
        let RowMac(mac) = message_of(vault, row, &digest)?.mac();
        sqlx::query("UPDATE tokens SET mac = $3 WHERE connection = $1 AND generation = $2")
            .bind(row.try_get::<String, _>("connection")?)
            .bind(row.try_get::<i64, _>("generation")?)
            .bind(mac)
            .execute(&mut *tx)
            .await?;
    }
    Ok(rows.len())
}
