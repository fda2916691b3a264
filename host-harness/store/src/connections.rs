//! Connections in the database: those made by the API and by the configuration file, and their status.

use std::collections::BTreeSet;

use crate::{
    columns::Column,
    database::Tx,
    error::StoreError,
    grant::KeyReach,
    mac::{RowMac, RowMessage},
    pauses::Pause,
    row_change::RowChange,
    seal::Vault,
};
use host_model::{contract::manifest::Identifying, duties::Duty};

/// A stored connection.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct StoredConnection {
    /// Its key, unique across tenants.
    pub key: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The name of its plugin.
    pub plugin: String,
    /// The configuration file that owns it; `None` if the API does.
    pub file: Option<String>,
    /// Whether it is enabled. A disabled connection does nothing.
    #[sqlx(try_from = "Column<bool>")]
    pub enabled: bool,
    /// A JSON list of its duties: see [`duties_in`].
    pub actions: String,
    /// The key of the system that it belongs to, for data uses; `None` if it belongs to none.
    pub system: Option<String>,
    /// JSON: its settings, webhook address, policy and limits.
    pub settings: String,
    /// Its secret settings and tokens, sealed with the master key.
    pub sealed_secrets: Vec<u8>,
    /// The MAC over all of the above; `None` if it has none.
    #[sqlx(try_from = "Column<Option<RowMac>>")]
    pub mac: Option<RowMac>,
    /// Its status.
    #[sqlx(flatten, try_from = "ConnectionStatusColumns")]
    pub standing: ConnectionStatus,
}

impl StoredConnection {
    /// Begins the message of everything that its owner has configured: where its secrets may be sent depends on it.
    fn message(&self, vault: &Vault) -> RowMessage {
        vault
            .row("connection")
            .text(&self.key)
            .text(&self.tenant)
            .text(&self.plugin)
            .optional(self.file.as_deref().map(str::as_bytes))
            .number(i64::from(self.enabled))
            .text(&self.actions)
            .optional(self.system.as_deref().map(str::as_bytes))
            .text(&self.settings)
            .bytes(&self.sealed_secrets)
    }

    /// Returns the connection with its MAC.
    #[must_use]
    pub fn authenticated(self, vault: &Vault) -> Self {
        Self { mac: Some(self.message(vault).mac()), ..self }
    }

    /// Whether this program stored the connection as it is.
    pub fn is_authentic(&self, vault: &Vault) -> bool {
        self.message(vault).matches(self.mac.as_ref())
    }
}

/// Adds the MACs to the connections of version 0.1.0. Returns how many there are.
pub(crate) async fn authenticate_all(tx: &mut Tx, vault: &Vault) -> Result<usize, StoreError> {
    let all = all(&mut *tx).await?;
    for stored in &all {
        let RowMac(mac) = stored.message(vault).mac();
        let add = sqlx::query("UPDATE connections SET mac = $2 WHERE key = $1");
        add.bind(&stored.key).bind(mac).execute(&mut *tx).await?;
    }
    Ok(all.len())
}

/// The status of a connection, which its owner does not write. Times are in milliseconds since the Unix epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionStatus {
    /// Why it is parked until an operator resumes it, and since when; `None` if it is not parked.
    pub parked: Option<(String, i64)>,
    /// The operator's pause; `None` if it is not paused.
    pub paused: Option<Pause>,
    /// Until when its circuit breaker is open; 0 if it is closed. Once that time has passed, one attempt tries whether the
    /// vendor is back.
    pub open_until: i64,
    /// When it was last tested, and whether all checks passed; `None` if it has never been tested.
    pub tested: Option<(i64, bool)>,
    /// When it was created.
    pub created_at: i64,
    /// When it was last changed.
    pub changed_at: i64,
}

#[derive(sqlx::FromRow)]
struct ConnectionStatusColumns {
    parked_why: Option<String>,
    parked_at: Option<i64>,
    paused_why: Option<String>,
    paused_by: Option<String>,
    paused_at: Option<i64>,
    open_until: i64,
    tested_at: Option<i64>,
    test_passed: Option<i64>,
    created_at: i64,
    changed_at: i64,
}

impl From<ConnectionStatusColumns> for ConnectionStatus {
    fn from(row: ConnectionStatusColumns) -> Self {
        let paused = row.paused_why.map(|why| Pause {
            why,
            by: row.paused_by.unwrap_or_default(),
            at: row.paused_at.unwrap_or_default(),
        });
        Self {
            parked: row.parked_why.map(|why| (why, row.parked_at.unwrap_or_default())),
            paused,
            open_until: row.open_until,
            tested: row.tested_at.map(|at| (at, row.test_passed == Some(1))),
            created_at: row.created_at,
            changed_at: row.changed_at,
        }
    }
}

const COLUMNS: &str = "key, tenant, plugin, file, enabled, actions, system, settings, sealed_secrets, mac, parked_why, \
                       parked_at, paused_why, paused_by, paused_at, open_until, tested_at, test_passed, created_at, changed_at";

/// Returns every connection, ordered by key.
pub async fn all(connection: &mut Tx) -> Result<Vec<StoredConnection>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM connections ORDER BY key");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(connection).await?)
}

/// Selects the connections to list: those that match every field.
#[derive(Clone, Debug, Default)]
pub struct ConnectionFilter {
    /// Only those that belong to this.
    pub reach: KeyReach,
    /// Only those of this tenant; `None` for all.
    pub tenant: Option<String>,
    /// Only those that use this plugin; `None` for all.
    pub plugin: Option<String>,
    /// Only those whose key sorts after this one, for paging; `None` for all.
    pub after: Option<String>,
}

/// Returns the connections that match `filter`, ordered by key.
pub async fn matching(tx: &mut Tx, filter: &ConnectionFilter) -> Result<Vec<StoredConnection>, StoreError> {
    let reached = filter.reach.condition("tenant", "key", 4);
    let sql = format!(
        "SELECT {COLUMNS} FROM connections WHERE ($1 IS NULL OR tenant = $1) AND ($2 IS NULL OR plugin = $2) \
           AND ($3 IS NULL OR key > $3) AND {reached} ORDER BY key"
    );
    let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(filter.tenant.as_deref())
        .bind(filter.plugin.as_deref())
        .bind(filter.after.as_deref());
    for value in filter.reach.values() {
        query = query.bind(value);
    }
    Ok(query.fetch_all(tx).await?)
}

/// Returns the connection with this key; `None` if there is none.
pub async fn find(connection: &mut Tx, key: &str) -> Result<Option<StoredConnection>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM connections WHERE key = $1");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(key).fetch_optional(connection).await?)
}

/// Returns whether the connection with this key is enabled, and its duties; `None` if there is no such connection.
pub async fn duties(tx: &mut Tx, key: &str) -> Result<Option<(bool, BTreeSet<Duty>)>, StoreError> {
    let sql = "SELECT enabled, actions FROM connections WHERE key = $1";
    let row: Option<(i64, String)> = sqlx::query_as(sql).bind(key).fetch_optional(tx).await?;
    row.map(|(enabled, actions)| Ok((enabled != 0, duties_in(&actions)?))).transpose()
}

/// Parses the duties in a connection's JSON list of actions.
pub fn duties_in(actions: &str) -> Result<BTreeSet<Duty>, StoreError> {
    serde_json::from_str(actions)
        .map_err(|error| StoreError::Unreadable(format!("a connection's actions: {error}")))
}

/// Returns the tenant of the connection with this key; `None` if there is no such connection.
pub async fn tenant(connection: &mut Tx, key: &str) -> Result<Option<String>, StoreError> {
    let sql = "SELECT tenant FROM connections WHERE key = $1";
    Ok(sqlx::query_scalar(sql).bind(key).fetch_optional(connection).await?)
}

/// Returns the identifier kinds by which the connection's people are keyed; `None` until its plugin has declared them,
/// or if there is no such connection.
pub async fn keyed_by(tx: &mut Tx, key: &str) -> Result<Option<Identifying>, StoreError> {
    let sql = "SELECT identifying FROM connections WHERE key = $1";
    let words: Option<Option<String>> = sqlx::query_scalar(sql).bind(key).fetch_optional(tx).await?;
    Ok(words.flatten().map(|words| Identifying::from(words.as_str())))
}

/// Like [`keyed_by`], but returns [`StoreError::NotKeyed`] if the people are not keyed, since no person can be found
/// then.
pub async fn identifying(tx: &mut Tx, key: &str) -> Result<Identifying, StoreError> {
    keyed_by(tx, key).await?.ok_or_else(|| StoreError::NotKeyed(key.to_owned()))
}

/// Returns the tenant and key of each connection whose people are not keyed.
pub async fn not_keyed(tx: &mut Tx) -> Result<Vec<(String, String)>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT tenant, key FROM connections c WHERE identifying IS NULL \
           AND EXISTS (SELECT 1 FROM people p WHERE p.connection = c.key) ORDER BY key",
    )
    .fetch_all(tx)
    .await?;
    Ok(rows)
}

/// Records that the connection's people have been keyed by `identifying` since `at`.
pub async fn key_by(tx: &mut Tx, key: &str, identifying: &Identifying, at: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE connections SET identifying = $2, rekeyed_at = $3 WHERE key = $1")
        .bind(key)
        .bind(identifying.to_string())
        .bind(at)
        .execute(tx)
        .await?;
    Ok(())
}

/// Stores `new` at `at`, replacing the connection with the same key if there is one. The status of a replaced
/// connection is kept.
pub async fn put(tx: &mut Tx, at: i64, new: &StoredConnection) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO connections \
           (key, tenant, plugin, file, enabled, actions, system, settings, sealed_secrets, created_at, changed_at, mac) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11) \
         ON CONFLICT (key) DO UPDATE SET plugin = $3, file = $4, enabled = $5, actions = $6, system = $7, settings = $8, \
           sealed_secrets = $9, changed_at = $10, mac = $11",
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
    .bind(new.mac.as_ref().map(|RowMac(mac)| mac.clone()))
    .execute(tx)
    .await?;
    Ok(())
}

/// The result of a test of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestResult {
    /// Every check passed.
    Passed,
    /// A check failed.
    Failed,
}

/// Records the result of a test of the connection at `at`.
pub async fn record_test(tx: &mut Tx, key: &str, at: i64, result: TestResult) -> Result<(), StoreError> {
    sqlx::query("UPDATE connections SET tested_at = $2, test_passed = $3 WHERE key = $1")
        .bind(key)
        .bind(at)
        .bind(i64::from(result == TestResult::Passed))
        .execute(tx)
        .await?;
    Ok(())
}

/// Resumes a connection if it is parked.
pub async fn resume(tx: &mut Tx, key: &str) -> Result<RowChange, StoreError> {
    let resumed = sqlx::query(
        "UPDATE connections SET parked_why = NULL, parked_at = NULL, outcomes = '', open_until = 0 \
         WHERE key = $1 AND parked_why IS NOT NULL",
    )
    .bind(key)
    .execute(tx)
    .await?;
    Ok(RowChange::of(resumed.rows_affected()))
}

/// Returns how many of the connection's requests have not ended.
pub async fn unfinished(connection: &mut Tx, key: &str) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(*) FROM open_requests WHERE connection = $1";
    Ok(sqlx::query_scalar(sql).bind(key).fetch_one(connection).await?)
}

/// Ends the connection's unfinished requests as failed, since nothing carries them out any more, and returns how many
/// there were. An attempt in progress loses its claim. The people in all of its requests can no longer be read, not
/// even in those kept for a replay.
pub async fn abandon(tx: &mut Tx, key: &str, at: i64) -> Result<u64, StoreError> {
    const DESTROY: [&str; 2] = [
        "DELETE FROM request_keys WHERE request IN (SELECT seq FROM requests WHERE connection = $1)",
        "UPDATE requests SET sealed_details = NULL WHERE connection = $1 AND sealed_details IS NOT NULL",
    ];
    for statement in DESTROY {
        sqlx::query(statement).bind(key).execute(&mut *tx).await?;
    }
    let ended = sqlx::query(
        "UPDATE requests SET state = 'failed', finished_at = $2, \
           (step, generation, reason) = (SELECT step, generation, \
             CASE WHEN generation = 0 THEN 'its connection was deleted before anything was sent' \
               ELSE 'its connection was deleted before it ended; the vendor may have acted: check there' END \
             FROM open_requests o WHERE o.seq = requests.seq) \
         WHERE seq IN (SELECT seq FROM open_requests WHERE connection = $1)",
    )
    .bind(key)
    .bind(at)
    .execute(&mut *tx)
    .await?;
    sqlx::query("DELETE FROM open_requests WHERE connection = $1").bind(key).execute(tx).await?;
    Ok(ended.rows_affected())
}

/// The statements that delete a connection's rows, in order: the connection first, so that what is being appended about it is
/// waited for, and deleted too.
const FORGET: [&str; 19] = [
    "DELETE FROM connections WHERE key = $1",
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
    "DELETE FROM open_requests WHERE connection = $1",
    "DELETE FROM gates WHERE connection = $1",
    "DELETE FROM captured_secrets WHERE connection = $1",
    "DELETE FROM secret_exchanges WHERE connection = $1",
    "DELETE FROM pins WHERE connection = $1",
];

/// Deletes the connection and everything that is only about it. Ended requests, alarms and the audit chain are kept.
pub async fn forget_connection(tx: &mut Tx, key: &str) -> Result<(), StoreError> {
    for statement in FORGET {
        sqlx::query(statement).bind(key).execute(&mut *tx).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Folder, columns};

    /// The tables that outlive a connection: proof of what was done, free of personal data once a request has ended.
    const KEPT: [&str; 5] = ["alarms", "bulk_act_requests", "callbacks", "release_counts", "requests"];

    #[tokio::test]
    async fn every_table_with_a_connections_rows_is_forgotten_with_it_or_kept_on_purpose() {
        let folder = Folder::new();
        let store = folder.store().await;
        let tables = columns(&store).await.into_iter().filter(|(_, column)| column == "connection");
        let tables: Vec<String> = tables.map(|(table, _)| table).collect();
        assert!(tables.len() > KEPT.len(), "{tables:?}");
        for table in tables.iter().filter(|table| !KEPT.contains(&table.as_str())) {
            let statement = format!("DELETE FROM {table} WHERE connection = $1");
            assert!(FORGET.contains(&statement.as_str()), "{table} is neither in FORGET nor in KEPT");
        }
        store.write(|tx| Box::pin(async move { forget_connection(tx, "newsletter").await })).await.unwrap();
    }
}
