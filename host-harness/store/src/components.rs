//! Components published through the API, and the one that each plugin runs.
//! Tested in `api/src/tests/plugins.rs`.

use sha2::{Digest as _, Sha256};
use sqlx::{FromRow as _, Row as _, any::AnyRow};

use crate::{
    columns::{Column, column},
    database::Tx,
    error::StoreError,
    mac::{RowMac, RowMessage},
    seal::Vault,
};
use host_model::digest::Digest;

/// The component that a plugin runs because it was published through the API.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Publication {
    /// The plugin's name.
    pub plugin: String,
    /// The component that the plugin runs.
    #[sqlx(try_from = "Column<Digest>")]
    pub digest: Digest,
    /// The component that ran before; `None` if none did.
    #[sqlx(try_from = "Column<Option<Digest>>")]
    pub before: Option<Digest>,
    /// The conditions under which the component loads, as JSON; `None` for the defaults.
    pub conditions: Option<String>,
    /// Those of the component that ran before.
    pub conditions_before: Option<String>,
    /// When it was published, in milliseconds since the Unix epoch.
    pub published_at: i64,
}

impl Publication {
    fn message(&self, vault: &Vault) -> RowMessage {
        vault
            .row("publication")
            .text(&self.plugin)
            .bytes(&self.digest.0)
            .optional(self.before.as_ref().map(|before| before.0.as_slice()))
            .optional(self.conditions.as_deref().map(str::as_bytes))
            .optional(self.conditions_before.as_deref().map(str::as_bytes))
            .number(self.published_at)
    }
}

/// What a plugin's row contains.
#[derive(Debug)]
pub struct PluginRow {
    /// The plugin's name.
    pub plugin: String,
    /// The publication; an error for a row that cannot be read, or was changed or inserted from outside
    /// ([`StoreError::NotAuthentic`]). The plugin must not run then.
    pub publication: Result<Publication, StoreError>,
}

#[derive(sqlx::FromRow)]
struct StoredPublication {
    #[sqlx(flatten)]
    publication: Publication,
    #[sqlx(try_from = "Column<Option<RowMac>>")]
    mac: Option<RowMac>,
}

column!(Digest: Vec<u8>, |bytes| {
    let bytes = bytes.try_into();
    bytes.map(Digest).map_err(|_| StoreError::Unreadable("a component's digest".to_owned()))
});
column!(Option<Digest>: Option<Vec<u8>>, |bytes| bytes.map(Digest::from_column).transpose());

/// Returns the row of every published plugin, ordered by the plugin's name.
pub async fn publications(connection: &mut Tx, vault: &Vault) -> Result<Vec<PluginRow>, StoreError> {
    let rows = sqlx::query(STORED).fetch_all(connection).await?;
    rows.iter()
        .map(|row| Ok(PluginRow { plugin: row.try_get("plugin")?, publication: authentic(vault, row) }))
        .collect()
}

/// Returns the names of the published plugins.
pub async fn published_plugins(connection: &mut Tx) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar("SELECT plugin FROM publications ORDER BY plugin").fetch_all(connection).await?)
}

const STORED: &str = "SELECT plugin, digest, before, conditions, conditions_before, published_at, mac FROM publications \
                      ORDER BY plugin";

fn authentic(vault: &Vault, row: &AnyRow) -> Result<Publication, StoreError> {
    let StoredPublication { publication, mac } = StoredPublication::from_row(row)?;
    if publication.message(vault).matches(mac.as_ref()) {
        return Ok(publication);
    }
    Err(StoreError::NotAuthentic(format!("the publication of plugin {}", publication.plugin)))
}

/// Adds the MACs to the publications of version 0.1.0. Returns the plugins' names.
pub(crate) async fn authenticate_all(tx: &mut Tx, vault: &Vault) -> Result<Vec<String>, StoreError> {
    let mut plugins = Vec::new();
    let stored: Vec<StoredPublication> = sqlx::query_as(STORED).fetch_all(&mut *tx).await?;
    for StoredPublication { publication, .. } in stored {
        let RowMac(mac) = publication.message(vault).mac();
        let add = sqlx::query("UPDATE publications SET mac = $2 WHERE plugin = $1");
        add.bind(&publication.plugin).bind(mac).execute(&mut *tx).await?;
        plugins.push(publication.plugin);
    }
    Ok(plugins)
}

/// Returns the bytes of the component with this digest; `None` if it is not stored. Returns
/// [`StoreError::ComponentChanged`] if the stored bytes have another digest.
pub async fn component(connection: &mut Tx, digest: Digest) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT bytes FROM components WHERE digest = $1";
    let bytes: Option<Vec<u8>> =
        sqlx::query_scalar(sql).bind(digest.0.to_vec()).fetch_optional(connection).await?;
    match bytes {
        Some(bytes) if Sha256::digest(&bytes).as_slice() != digest.0 => {
            Err(StoreError::ComponentChanged(digest))
        }
        bytes => Ok(bytes),
    }
}

/// Stores a component. Bytes that are already stored under its digest are replaced, since they may be damaged.
pub async fn insert(tx: &mut Tx, digest: Digest, bytes: Vec<u8>) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO components (digest, bytes) VALUES ($1, $2) ON CONFLICT (digest) DO UPDATE SET bytes = excluded.bytes",
    )
    .bind(digest.0.to_vec())
    .bind(bytes)
    .execute(tx)
    .await?;
    Ok(())
}

/// Records `publication` as what its plugin runs from now on.
pub async fn publish(tx: &mut Tx, vault: &Vault, publication: &Publication) -> Result<(), StoreError> {
    let RowMac(mac) = publication.message(vault).mac();
    sqlx::query(
        "INSERT INTO publications (plugin, digest, before, published_at, conditions, conditions_before, mac) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (plugin) DO UPDATE \
         SET digest = $2, before = $3, published_at = $4, conditions = $5, conditions_before = $6, mac = $7",
    )
    .bind(&publication.plugin)
    .bind(publication.digest.0.to_vec())
    .bind(publication.before.map(|digest| digest.0.to_vec()))
    .bind(publication.published_at)
    .bind(&publication.conditions)
    .bind(&publication.conditions_before)
    .bind(mac)
    .execute(tx)
    .await?;
    Ok(())
}
