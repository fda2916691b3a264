//! Connections in the database: what the API and the configuration file made, and how they stand.

use std::collections::BTreeSet;

use crate::{columns::Column, database::Connection, error::StoreError};
use host_model::{contract::manifest::Identifying, duties::Duty};

/// A connection as it is kept.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct Kept {
    /// Unique across tenants.
    pub key: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The plugin that carries it.
    pub plugin: String,
    /// The configuration file that owns it; none where the API does.
    pub file: Option<String>,
    /// Whether anything is done at all.
    #[sqlx(try_from = "Column<bool>")]
    pub enabled: bool,
    /// JSON.
    pub actions: String,
    /// The system that it belongs to, for data uses, if any.
    pub system: Option<String>,
    /// JSON.
    pub settings: String,
    /// Its secret settings, sealed.
    pub sealed_secrets: Vec<u8>,
    /// Whether the vendor accepts it at present.
    #[sqlx(flatten, try_from = "StandingColumns")]
    pub standing: Standing,
}

/// How a connection stands. Its owner does not write this.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Why nothing is done until an operator acts, and since when.
    pub parked: Option<(String, i64)>,
    /// When it was last tested, and whether everything passed.
    pub tested: Option<(i64, bool)>,
    /// When it was created.
    pub created_at: i64,
    /// When it was changed last.
    pub changed_at: i64,
}

#[derive(sqlx::FromRow)]
struct StandingColumns {
    parked_why: Option<String>,
    parked_at: Option<i64>,
    tested_at: Option<i64>,
    test_passed: Option<i64>,
    created_at: i64,
    changed_at: i64,
}

impl From<StandingColumns> for Standing {
    fn from(row: StandingColumns) -> Self {
        Self {
            parked: row.parked_why.map(|why| (why, row.parked_at.unwrap_or_default())),
            tested: row.tested_at.map(|at| (at, row.test_passed == Some(1))),
            created_at: row.created_at,
            changed_at: row.changed_at,
        }
    }
}

const COLUMNS: &str = "key, tenant, plugin, file, enabled, actions, system, settings, sealed_secrets, parked_why, \
                       parked_at, tested_at, test_passed, created_at, changed_at";

/// Every connection, in the order of their keys.
pub async fn all(connection: &mut Connection) -> Result<Vec<Kept>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM connections ORDER BY key");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(connection).await?)
}

/// The connection of that key.
pub async fn find(connection: &mut Connection, key: &str) -> Result<Option<Kept>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM connections WHERE key = $1");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(key).fetch_optional(connection).await?)
}

/// Whether the connection of that key does anything, and what; none where there is no such connection.
pub async fn duties(tx: &mut Connection, key: &str) -> Result<Option<(bool, BTreeSet<Duty>)>, StoreError> {
    let sql = "SELECT enabled, actions FROM connections WHERE key = $1";
    let row: Option<(i64, String)> = sqlx::query_as(sql).bind(key).fetch_optional(tx).await?;
    row.map(|(enabled, actions)| Ok((enabled != 0, duties_in(&actions)?))).transpose()
}

/// The duties in a connection's list of actions.
pub fn duties_in(actions: &str) -> Result<BTreeSet<Duty>, StoreError> {
    serde_json::from_str(actions)
        .map_err(|error| StoreError::Unreadable(format!("a connection's actions: {error}")))
}

/// Whose the connection of that key is; none where there is no such connection.
pub async fn tenant(connection: &mut Connection, key: &str) -> Result<Option<String>, StoreError> {
    let sql = "SELECT tenant FROM connections WHERE key = $1";
    Ok(sqlx::query_scalar(sql).bind(key).fetch_optional(connection).await?)
}

/// The identifier kinds by which the connection's people are keyed; `None` until its plugin has said so.
pub async fn keyed_by(tx: &mut Connection, key: &str) -> Result<Option<Identifying>, StoreError> {
    let sql = "SELECT identifying FROM connections WHERE key = $1";
    let words: Option<Option<String>> = sqlx::query_scalar(sql).bind(key).fetch_optional(tx).await?;
    Ok(words.flatten().map(|words| Identifying::from(words.as_str())))
}

/// The same, required: nobody is found at a connection whose people are not keyed.
pub async fn identifying(tx: &mut Connection, key: &str) -> Result<Identifying, StoreError> {
    keyed_by(tx, key).await?.ok_or_else(|| StoreError::NotKeyed(key.to_owned()))
}

/// The tenant and key of each connection with people that are not keyed.
pub async fn not_keyed(tx: &mut Connection) -> Result<Vec<(String, String)>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT tenant, key FROM connections c WHERE identifying IS NULL \
           AND EXISTS (SELECT 1 FROM people p WHERE p.connection = c.key) ORDER BY key",
    )
    .fetch_all(tx)
    .await?;
    Ok(rows)
}

/// The connection's people are keyed by `identifying` since `at`.
pub async fn key_by(
    tx: &mut Connection,
    key: &str,
    identifying: &Identifying,
    at: i64,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE connections SET identifying = $2, rekeyed_at = $3 WHERE key = $1")
        .bind(key)
        .bind(identifying.to_string())
        .bind(at)
        .execute(tx)
        .await?;
    Ok(())
}

/// Stores `new` at `at`, instead of the connection of its key where there is one; how that one stands is kept.
pub async fn put(tx: &mut Connection, at: i64, new: &Kept) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO connections \
           (key, tenant, plugin, file, enabled, actions, system, settings, sealed_secrets, created_at, changed_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) \
         ON CONFLICT (key) DO UPDATE SET plugin = $3, file = $4, enabled = $5, actions = $6, system = $7, settings = $8, \
           sealed_secrets = $9, changed_at = $10",
    )
    .bind(&new.key)
    .bind(&new.tenant)
    .bind(&new.plugin)
    .bind(new.file.as_deref())
    .bind(i64::from(new.enabled))
    .bind(&new.actions)
    .bind(new.system.as_deref())
    .bind(&new.settings)
    .bind(new.sealed_secrets.clone())
    .bind(at)
    .execute(tx)
    .await?;
    Ok(())
}

/// What a test of the connection came to.
pub async fn tested(tx: &mut Connection, key: &str, at: i64, passed: bool) -> Result<(), StoreError> {
    sqlx::query("UPDATE connections SET tested_at = $2, test_passed = $3 WHERE key = $1")
        .bind(key)
        .bind(at)
        .bind(i64::from(passed))
        .execute(tx)
        .await?;
    Ok(())
}

/// Lets a parked connection go on; whether it was parked.
pub async fn resume(tx: &mut Connection, key: &str) -> Result<bool, StoreError> {
    let resumed = sqlx::query(
        "UPDATE connections SET parked_why = NULL, parked_at = NULL, outcomes = '', open_until = 0 \
         WHERE key = $1 AND parked_why IS NOT NULL",
    )
    .bind(key)
    .execute(tx)
    .await?;
    Ok(resumed.rows_affected() > 0)
}

/// How many of the connection's requests have not ended.
pub async fn unfinished(connection: &mut Connection, key: &str) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(*) FROM requests WHERE connection = $1 AND finished_at IS NULL";
    Ok(sqlx::query_scalar(sql).bind(key).fetch_one(connection).await?)
}

/// Ends the connection's unfinished requests as failed, since nobody will carry them out; how many. An attempt under way
/// loses its claim. The people in its requests can no longer be read, be they kept to be replayed.
pub async fn abandon(tx: &mut Connection, key: &str, at: i64) -> Result<u64, StoreError> {
    const DESTROY: [&str; 2] = [
        "DELETE FROM request_keys WHERE request IN (SELECT seq FROM requests WHERE connection = $1)",
        "UPDATE requests SET sealed_details = NULL WHERE connection = $1 AND sealed_details IS NOT NULL",
    ];
    for statement in DESTROY {
        sqlx::query(statement).bind(key).execute(&mut *tx).await?;
    }
    let ended = sqlx::query(
        "UPDATE requests SET state = 'failed', finished_at = $2, lease_until = NULL, \
           reason = CASE WHEN generation = 0 THEN 'its connection was deleted before anything was sent' \
             ELSE 'its connection was deleted before it ended; the vendor may have acted: look there' END, \
           generation = generation + 1 \
         WHERE connection = $1 AND finished_at IS NULL",
    )
    .bind(key)
    .bind(at)
    .execute(tx)
    .await?;
    Ok(ended.rows_affected())
}

/// What each table loses with a connection, in order.
const FORGET: [&str; 15] = [
    "DELETE FROM choices WHERE person IN (SELECT id FROM people WHERE connection = $1)",
    "DELETE FROM writes WHERE person IN (SELECT id FROM people WHERE connection = $1)",
    "DELETE FROM notice_choices WHERE person IN (SELECT id FROM people WHERE connection = $1)",
    "DELETE FROM events WHERE connection = $1",
    "DELETE FROM event_keys WHERE connection = $1",
    "DELETE FROM items WHERE connection = $1",
    "DELETE FROM delivery_people WHERE delivery IN (SELECT seq FROM deliveries WHERE connection = $1)",
    "DELETE FROM deliveries WHERE connection = $1",
    "DELETE FROM tokens WHERE connection = $1",
    "DELETE FROM erasing WHERE connection = $1",
    "DELETE FROM names WHERE connection = $1",
    "DELETE FROM attributes WHERE connection = $1",
    "DELETE FROM people WHERE connection = $1",
    "DELETE FROM gates WHERE connection = $1",
    "DELETE FROM connections WHERE key = $1",
];

/// Removes the connection and everything that is only about it. Requests that have ended, alarms and the audit chain stay.
pub async fn forget_connection(tx: &mut Connection, key: &str) -> Result<(), StoreError> {
    for statement in FORGET {
        sqlx::query(statement).bind(key).execute(&mut *tx).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    /// What outlives a connection: proof of what was done, free of personal data once it has ended.
    const KEPT: [&str; 2] = ["alarms", "requests"];

    #[tokio::test]
    async fn every_table_with_a_connections_rows_is_forgotten_with_it_or_kept_on_purpose() {
        let folder = Folder::new();
        let store = folder.store().await;
        let tables: Vec<String> = store
            .read(|connection| {
                Box::pin(async move {
                    let tables = sqlx::query_scalar(
                        "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c \
                         WHERE m.type = 'table' AND c.name = 'connection' ORDER BY m.name",
                    );
                    Ok(tables.fetch_all(connection).await?)
                })
            })
            .await
            .unwrap();
        assert!(tables.len() > KEPT.len(), "{tables:?}");
        for table in tables.iter().filter(|table| !KEPT.contains(&table.as_str())) {
            let statement = format!("DELETE FROM {table} WHERE connection = $1");
            assert!(FORGET.contains(&statement.as_str()), "{table} is neither in FORGET nor in KEPT");
        }
        store.write(|tx| Box::pin(async move { forget_connection(tx, "newsletter").await })).await.unwrap();
    }
}
