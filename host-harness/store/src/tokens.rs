//! Webhook tokens in the database: by digest, in generations.

use sqlx::{Row, any::AnyRow};

use crate::{columns::word, database::Connection, error::StoreError};
use host_model::token::{TokenState, TokenView};

/// Accepted. As the index has it.
const LIVE: &str = "state IN ('offered', 'current', 'former')";

/// A token about to be stored. Times are milliseconds since 1970 in UTC.
pub struct NewToken {
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// Its number among those of its connection, from 1.
    pub generation: i64,
    /// The SHA-256 of the token.
    pub digest: [u8; 32],
    /// The token, sealed, if the host hands it to the vendor itself; kept until the vendor has it.
    pub to_push: Option<Vec<u8>>,
    /// When it was issued.
    pub issued_at: i64,
    /// When it expires.
    pub expires_at: i64,
}

/// A token that the vendor is to take.
#[derive(sqlx::FromRow)]
pub struct Push {
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// Its number among those of its connection.
    pub generation: i64,
    digest: Vec<u8>,
    /// The token, sealed.
    pub sealed_token: Vec<u8>,
}

/// A token that may be accepted, with the digest that it is known by.
#[derive(Clone, Debug)]
pub struct Known {
    /// The SHA-256 of the token.
    pub digest: [u8; 32],
    /// What may be shown of it.
    pub token: TokenView,
}

/// The tokens of one connection that have not ended.
pub struct OfConnection {
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// Its tokens, oldest first.
    pub tokens: Vec<Known>,
    /// The generations whose rows are no tokens: the database was changed.
    pub damaged: Vec<i64>,
}

const COLUMNS: &str = "generation, digest, state, by_host, issued_at, expires_at, seen_at, replaced_at, ended_at, push_at, \
                       push_failures, push_reason";

/// All tokens of `connection`, oldest first.
pub async fn list(tx: &mut Connection, connection: &str) -> Result<Vec<TokenView>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM tokens WHERE connection = $1 ORDER BY generation");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(connection).fetch_all(tx).await?;
    rows.iter().map(view).collect()
}

/// The tokens of `connection` that have not ended, oldest first.
pub async fn live(tx: &mut Connection, connection: &str) -> Result<Vec<Known>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM tokens WHERE connection = $1 AND {LIVE} ORDER BY generation");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(connection).fetch_all(tx).await?;
    // One that is damaged is accepted from nobody, and stands in no other's way.
    Ok(rows.iter().filter_map(|row| known(row).ok()).collect())
}

/// The tokens that have not ended, of every connection that has such.
pub async fn all_live(tx: &mut Connection) -> Result<Vec<OfConnection>, StoreError> {
    let sql = format!(
        "SELECT tenant, connection, {COLUMNS} FROM tokens WHERE {LIVE} ORDER BY connection, generation"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(tx).await?;
    let mut all: Vec<OfConnection> = Vec::new();
    for row in &rows {
        let (tenant, connection): (String, String) = (row.try_get("tenant")?, row.try_get("connection")?);
        if all.last().is_none_or(|last| last.connection != connection) {
            all.push(OfConnection { tenant, connection, tokens: Vec::new(), damaged: Vec::new() });
        }
        let Some(last) = all.last_mut() else { continue };
        match known(row) {
            Ok(known) => last.tokens.push(known),
            Err(_) => last.damaged.push(row.try_get("generation")?),
        }
    }
    Ok(all)
}

/// The number of the next token of `connection`.
pub async fn next_generation(tx: &mut Connection, connection: &str) -> Result<i64, StoreError> {
    let last: Option<i64> = sqlx::query_scalar("SELECT MAX(generation) FROM tokens WHERE connection = $1")
        .bind(connection)
        .fetch_one(tx)
        .await?;
    Ok(last.unwrap_or(0) + 1)
}

/// Stores `new`, accepted from now on.
pub async fn insert(tx: &mut Connection, new: NewToken) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO tokens (tenant, connection, generation, digest, state, by_host, sealed_token, issued_at, expires_at, \
           push_at) VALUES ($1, $2, $3, $4, 'offered', $5, $6, $7, $8, $9)",
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
    .execute(tx)
    .await?;
    Ok(())
}

/// The tokens that vendors are to be asked to take by `now`, longest due first.
pub async fn to_push(tx: &mut Connection, now: i64) -> Result<Vec<Push>, StoreError> {
    let due = sqlx::query_as(
        "SELECT tenant, connection, generation, digest, sealed_token FROM tokens WHERE push_at <= $1 ORDER BY push_at",
    )
    .bind(now)
    .fetch_all(tx)
    .await?;
    Ok(due)
}

/// Records that the vendor has this one, so that the one before is on its way out, and with it every older one that was
/// offered. A newer one that was shown stays: somebody may be about to enter it. Returns whether that is news.
pub async fn taken(
    tx: &mut Connection,
    connection: &str,
    generation: i64,
    at: i64,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE tokens SET state = 'current', sealed_token = NULL, push_at = NULL, push_reason = NULL \
         WHERE connection = $1 AND generation = $2 AND state = 'offered'",
    )
    .bind(connection)
    .bind(generation)
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
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
    Ok(true)
}

/// Records that a delivery carried it at `at`.
pub async fn seen(tx: &mut Connection, connection: &str, generation: i64, at: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE tokens SET seen_at = $3 WHERE connection = $1 AND generation = $2")
        .bind(connection)
        .bind(generation)
        .bind(at)
        .execute(tx)
        .await?;
    Ok(())
}

/// Records that the vendor did not take it, and why; it is asked again at `again_at`.
pub async fn not_taken(
    tx: &mut Connection,
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

/// Has the vendor asked at `now` to take what waits for that at `connection`, instead of later.
pub async fn push_now(tx: &mut Connection, connection: &str, now: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE tokens SET push_at = $2 WHERE connection = $1 AND push_at > $2")
        .bind(connection)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(())
}

/// The day of the last daily look, in days since 1970; `None` if there was none.
pub async fn last_look(tx: &mut Connection) -> Result<Option<i64>, StoreError> {
    let value: Option<Vec<u8>> =
        sqlx::query_scalar("SELECT value FROM marks WHERE name = 'token-look'").fetch_optional(tx).await?;
    Ok(value.and_then(|value| String::from_utf8(value).ok()?.parse().ok()))
}

/// Records that the daily look of `day` is done.
pub async fn looked(tx: &mut Connection, day: i64) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO marks (name, value) VALUES ('token-look', $1) ON CONFLICT (name) DO UPDATE SET value = $1",
    )
    .bind(day.to_string().into_bytes())
    .execute(tx)
    .await?;
    Ok(())
}

/// Ends the token, as `state` says. Returns whether it had not ended before.
pub async fn end(
    tx: &mut Connection,
    connection: &str,
    generation: i64,
    state: TokenState,
    at: i64,
) -> Result<bool, StoreError> {
    let sql = format!(
        "UPDATE tokens SET state = $3, ended_at = $4, sealed_token = NULL, push_at = NULL \
         WHERE connection = $1 AND generation = $2 AND {LIVE}"
    );
    let done = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(connection)
        .bind(generation)
        .bind(state.as_ref())
        .bind(at)
        .execute(tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Whether the token of `push` is still here: it goes with its connection, and another connection may have its key
/// then.
pub async fn is_here(tx: &mut Connection, push: &Push) -> Result<bool, StoreError> {
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

/// Has the vendor asked no more to take it. It stays accepted, since the vendor may have it all the same.
pub async fn set_aside(tx: &mut Connection, push: &Push, reason: &str) -> Result<(), StoreError> {
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

/// Deletes a token that was only ever here: the vendor takes none from the host, and nobody was shown it.
pub async fn discard(tx: &mut Connection, connection: &str, generation: i64) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM tokens WHERE connection = $1 AND generation = $2 AND sealed_token IS NOT NULL")
        .bind(connection)
        .bind(generation)
        .execute(tx)
        .await?;
    Ok(())
}

/// Leaves the successor of the current token to an operator: the vendor takes none from the host.
pub async fn is_left_to_an_operator(tx: &mut Connection, connection: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE tokens SET by_host = 0 WHERE connection = $1 AND state = 'current'")
        .bind(connection)
        .execute(tx)
        .await?;
    Ok(())
}

fn known(row: &AnyRow) -> Result<Known, StoreError> {
    let digest: Vec<u8> = row.try_get("digest")?;
    let digest = digest.try_into().map_err(|_| StoreError::Unreadable("a token's digest".to_owned()))?;
    Ok(Known { digest, token: view(row)? })
}

fn view(row: &AnyRow) -> Result<TokenView, StoreError> {
    Ok(TokenView {
        generation: row.try_get("generation")?,
        state: word("the word", row.try_get("state")?)?,
        by_host: row.try_get::<i64, _>("by_host")? != 0,
        issued_at: row.try_get("issued_at")?,
        expires_at: row.try_get("expires_at")?,
        seen_at: row.try_get("seen_at")?,
        replaced_at: row.try_get("replaced_at")?,
        ended_at: row.try_get("ended_at")?,
        push_at: row.try_get("push_at")?,
        push_failures: row.try_get("push_failures")?,
        push_reason: row.try_get("push_reason")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_states_that_sql_speaks_of_are_those_of_the_type() {
        let live = [TokenState::Offered, TokenState::Current, TokenState::Former];
        assert_eq!(LIVE, format!("state IN ({})", live.map(|state| format!("'{state}'")).join(", ")));
    }
}
