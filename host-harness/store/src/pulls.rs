//! What each plugin in a registry was pulled as, and why the last pull failed.
//! Tested in `src/pulls/tests.rs`.

use host_model::digest::Digest;
use sqlx::{FromRow as _, Row as _};

use crate::{
    columns::Column,
    database::Tx,
    error::StoreError,
    mac::{RowMac, RowMessage},
    seal::Vault,
};

/// What a plugin was pulled as. It is authenticated, since a start pulls that again if its component is lost.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Pull {
    /// The plugin's name.
    pub plugin: String,
    /// The reference, as configured at that time.
    pub reference: String,
    /// The digest of the manifest that the reference led to.
    #[sqlx(try_from = "Column<Digest>")]
    pub manifest: Digest,
    /// The digest of the component, which served.
    #[sqlx(try_from = "Column<Digest>")]
    pub component: Digest,
    /// When it was pulled, in milliseconds since the Unix epoch.
    pub pulled_at: i64,
}

impl Pull {
    fn message(&self, vault: &Vault) -> RowMessage {
        let Self { plugin, reference, manifest, component, pulled_at } = self;
        let row = vault.row("pull").text(plugin).text(reference);
        row.bytes(&manifest.0).bytes(&component.0).number(*pulled_at)
    }
}

/// The pull of a plugin, as it is stored.
#[derive(Debug)]
pub struct PluginPull {
    /// The plugin's name.
    pub plugin: String,
    /// The pull; an error for a row that was changed or inserted from outside ([`StoreError::NotAuthentic`]).
    pub pulled: Result<Pull, StoreError>,
}

/// Why the last pull of a plugin failed. Times are in milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct PullFailure {
    /// The plugin's name.
    pub plugin: String,
    /// The reference, as configured at that time.
    pub reference: String,
    /// How often it failed in a row.
    #[sqlx(try_from = "Column<u32>")]
    pub failures: u32,
    /// When it failed last.
    pub failed_at: i64,
    /// Why.
    pub problem: String,
    /// When it is tried again; `None` if an operator has to.
    pub again_at: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct StoredPull {
    #[sqlx(flatten)]
    pull: Pull,
    #[sqlx(try_from = "Column<Option<RowMac>>")]
    mac: Option<RowMac>,
}

/// Returns every pull, by plugin.
pub async fn all(connection: &mut Tx, vault: &Vault) -> Result<Vec<PluginPull>, StoreError> {
    let sql = "SELECT plugin, reference, manifest, component, pulled_at, mac FROM pulls ORDER BY plugin";
    let rows = sqlx::query(sql).fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            let stored = StoredPull::from_row(row).map_err(StoreError::from);
            let pulled = stored.and_then(|stored| authentic(vault, stored));
            Ok(PluginPull { plugin: row.try_get("plugin")?, pulled })
        })
        .collect()
}

fn authentic(vault: &Vault, StoredPull { pull, mac }: StoredPull) -> Result<Pull, StoreError> {
    if pull.message(vault).matches(mac.as_ref()) {
        return Ok(pull);
    }
    Err(StoreError::NotAuthentic(format!("the pull of plugin {}", pull.plugin)))
}

/// Returns the failure of every plugin whose last pull failed, by plugin.
pub async fn failures(connection: &mut Tx) -> Result<Vec<PullFailure>, StoreError> {
    let sql =
        "SELECT plugin, reference, failures, failed_at, problem, again_at FROM pull_failures ORDER BY plugin";
    Ok(sqlx::query_as(sql).fetch_all(connection).await?)
}

/// Stores what a plugin was pulled as, which ends its failures.
pub async fn put(tx: &mut Tx, vault: &Vault, pull: &Pull) -> Result<(), StoreError> {
    let RowMac(mac) = pull.message(vault).mac();
    let put = "INSERT INTO pulls (plugin, reference, manifest, component, pulled_at, mac) VALUES ($1, $2, $3, $4, $5, $6) \
               ON CONFLICT (plugin) DO UPDATE SET reference = $2, manifest = $3, component = $4, pulled_at = $5, mac = $6";
    sqlx::query(put)
        .bind(&pull.plugin)
        .bind(&pull.reference)
        .bind(pull.manifest.0.to_vec())
        .bind(pull.component.0.to_vec())
        .bind(pull.pulled_at)
        .bind(mac)
        .execute(&mut *tx)
        .await?;
    forget_failures(tx, &pull.plugin).await
}

/// Stores why a pull failed.
pub async fn fail(tx: &mut Tx, failure: &PullFailure) -> Result<(), StoreError> {
    let put = "INSERT INTO pull_failures (plugin, reference, failures, failed_at, problem, again_at) \
               VALUES ($1, $2, $3, $4, $5, $6) \
               ON CONFLICT (plugin) DO UPDATE SET reference = $2, failures = $3, failed_at = $4, problem = $5, again_at = $6";
    sqlx::query(put)
        .bind(&failure.plugin)
        .bind(&failure.reference)
        .bind(i64::from(failure.failures))
        .bind(failure.failed_at)
        .bind(&failure.problem)
        .bind(failure.again_at)
        .execute(tx)
        .await?;
    Ok(())
}

/// Deletes what is stored of the failures of a plugin.
pub async fn forget_failures(tx: &mut Tx, plugin: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM pull_failures WHERE plugin = $1").bind(plugin).execute(tx).await?;
    Ok(())
}

/// Deletes what a plugin was pulled as, once it is not in a registry any more.
pub async fn forget(tx: &mut Tx, plugin: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM pulls WHERE plugin = $1").bind(plugin).execute(&mut *tx).await?;
    forget_failures(tx, plugin).await
}

#[cfg(test)]
mod tests;
