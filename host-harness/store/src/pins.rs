//! Pins: the version of a plugin that serves a connection, or all connections of a tenant, whichever version the plugin
//! runs.
//! Tested in `src/pins/tests.rs`.

use host_model::digest::Digest;

use crate::{
    columns::{Column, column},
    database::Tx,
    error::StoreError,
    mac::{RowMac, RowMessage},
    row_change::RowChange,
    seal::Vault,
};

/// What a pin is about. A connection's own pin has precedence over that of its tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PinScope {
    /// All connections of the tenant that use the plugin, also those that are created later.
    Tenant,
    /// The connection with this key.
    Connection(String),
}

impl PinScope {
    /// Returns the key of the connection; `None` for a tenant.
    pub fn connection(&self) -> Option<&str> {
        match self {
            Self::Tenant => None,
            Self::Connection(key) => Some(key),
        }
    }

    fn column(&self) -> &str {
        self.connection().unwrap_or_default()
    }
}

column!(PinScope: String, |key| Ok(if key.is_empty() { PinScope::Tenant } else { PinScope::Connection(key) }));

/// A digest whose row may have been changed from outside. One that cannot be read becomes one that no component has, which
/// the row's code does not match, so that the pin can still be shown and removed.
struct PinnedDigest(Digest);

column!(PinnedDigest: Vec<u8>, |bytes| Ok(Self(bytes.try_into().map_or(Digest([0; 32]), Digest))));

impl From<Column<PinnedDigest>> for Digest {
    fn from(Column(PinnedDigest(digest)): Column<PinnedDigest>) -> Self {
        digest
    }
}

/// A pin. Times are in milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Pin {
    /// The plugin's name.
    pub plugin: String,
    /// The tenant.
    pub tenant: String,
    /// Which connections of the tenant.
    #[sqlx(rename = "connection", try_from = "Column<PinScope>")]
    pub scope: PinScope,
    /// The version.
    #[sqlx(try_from = "Column<PinnedDigest>")]
    pub digest: Digest,
    /// Who pinned them: the name of a caller.
    pub pinned_by: String,
    /// When.
    pub pinned_at: i64,
    /// What the operator wrote about it.
    pub note: Option<String>,
}

impl Pin {
    /// Returns whether the pin is about the connection `key` of `tenant`.
    pub fn includes(&self, tenant: &str, key: &str) -> bool {
        self.tenant == tenant && self.scope.connection().is_none_or(|pinned| pinned == key)
    }

    fn message(&self, vault: &Vault) -> RowMessage {
        vault
            .row("pin")
            .text(&self.plugin)
            .text(&self.tenant)
            .optional(self.scope.connection().map(str::as_bytes))
            .bytes(&self.digest.0)
    }
}

/// A pin as it is stored.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct StoredPin {
    /// The pin.
    #[sqlx(flatten)]
    pub pin: Pin,
    #[sqlx(try_from = "Column<Option<RowMac>>")]
    mac: Option<RowMac>,
}

impl StoredPin {
    /// Returns whether the row was written by this program. The connections of one that was not are not served.
    pub fn is_authentic(&self, vault: &Vault) -> bool {
        self.pin.message(vault).matches(self.mac.as_ref())
    }
}

const STORED: &str = "SELECT plugin, tenant, connection, digest, pinned_by, pinned_at, note, mac FROM pins";

/// Returns every pin, by plugin, tenant and connection.
pub async fn all(connection: &mut Tx) -> Result<Vec<StoredPin>, StoreError> {
    let sql = format!("{STORED} ORDER BY plugin, tenant, connection");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(connection).await?)
}

/// Returns the pins of `plugin`, by tenant and connection.
pub async fn of_plugin(connection: &mut Tx, plugin: &str) -> Result<Vec<StoredPin>, StoreError> {
    let sql = format!("{STORED} WHERE plugin = $1 ORDER BY tenant, connection");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(plugin).fetch_all(connection).await?)
}

/// Returns the pin that decides about the connection `key` of `tenant` while it uses `plugin`; `None` if it is not
/// pinned.
pub async fn deciding(
    connection: &mut Tx,
    plugin: &str,
    tenant: &str,
    key: &str,
) -> Result<Option<StoredPin>, StoreError> {
    let sql = format!(
        "{STORED} WHERE plugin = $1 AND tenant = $2 AND connection IN ($3, '') ORDER BY connection DESC LIMIT 1"
    );
    let found = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(plugin).bind(tenant).bind(key);
    Ok(found.fetch_optional(connection).await?)
}

/// Stores `pin`. It replaces the one for the same connections.
pub async fn put(tx: &mut Tx, vault: &Vault, pin: &Pin) -> Result<(), StoreError> {
    let RowMac(mac) = pin.message(vault).mac();
    sqlx::query(
        "INSERT INTO pins (plugin, tenant, connection, digest, pinned_by, pinned_at, note, mac) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (plugin, tenant, connection) DO UPDATE \
         SET digest = $4, pinned_by = $5, pinned_at = $6, note = $7, mac = $8",
    )
    .bind(&pin.plugin)
    .bind(&pin.tenant)
    .bind(pin.scope.column())
    .bind(pin.digest.0.to_vec())
    .bind(&pin.pinned_by)
    .bind(pin.pinned_at)
    .bind(pin.note.as_deref())
    .bind(mac)
    .execute(tx)
    .await?;
    Ok(())
}

/// Removes the pin of `plugin` for these connections of `tenant`.
pub async fn remove(
    tx: &mut Tx,
    plugin: &str,
    tenant: &str,
    scope: &PinScope,
) -> Result<RowChange, StoreError> {
    let removed = sqlx::query("DELETE FROM pins WHERE plugin = $1 AND tenant = $2 AND connection = $3")
        .bind(plugin)
        .bind(tenant)
        .bind(scope.column())
        .execute(tx)
        .await?;
    Ok(RowChange::of(removed.rows_affected()))
}

/// Removes the own pins of the connection with this key to versions of other plugins than `plugin`. Returns them.
pub async fn remove_from_others(tx: &mut Tx, connection: &str, plugin: &str) -> Result<Vec<Pin>, StoreError> {
    let sql = "DELETE FROM pins WHERE connection = $1 AND plugin <> $2 \
               RETURNING plugin, tenant, connection, digest, pinned_by, pinned_at, note";
    Ok(sqlx::query_as(sql).bind(connection).bind(plugin).fetch_all(tx).await?)
}

#[cfg(test)]
mod tests;
