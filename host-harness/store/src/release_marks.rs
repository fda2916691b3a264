//! The newest revision of each plugin that was ever admitted.
//! Tested in `src/release_marks/tests.rs`.

use host_model::digest::Digest;
use host_trust::{HighWaterMark, Revision};
use sqlx::{FromRow as _, Row as _};

use crate::{
    columns::{Column, column},
    database::Tx,
    error::StoreError,
    mac::{RowMac, RowMessage},
    seal::Vault,
};

column!(Revision: i64, |number| {
    let revision = u64::try_from(number).ok().and_then(|number| Revision::try_from(number).ok());
    revision.ok_or_else(|| StoreError::Unreadable(format!("{number} is not the revision of a release")))
});

#[derive(sqlx::FromRow)]
struct StoredMark {
    plugin: String,
    #[sqlx(try_from = "Column<Revision>")]
    revision: Revision,
    #[sqlx(try_from = "Column<Digest>")]
    digest: Digest,
    #[sqlx(try_from = "Column<Option<RowMac>>")]
    mac: Option<RowMac>,
}

/// A plugin's mark. Nothing is admitted after one that cannot be relied on.
#[derive(Debug)]
pub struct ReleaseMark {
    /// The plugin's name.
    pub plugin: String,
    /// The mark; an error for a row that was changed or inserted from outside ([`StoreError::NotAuthentic`]).
    pub mark: Result<HighWaterMark, StoreError>,
}

fn message(vault: &Vault, plugin: &str, mark: HighWaterMark) -> RowMessage {
    let HighWaterMark { revision, digest } = mark;
    vault.row("release-mark").text(plugin).bytes(&u64::from(revision).to_be_bytes()).bytes(&digest.0)
}

/// Returns the mark of `plugin`; `None` if no release of it was admitted.
pub async fn find(
    connection: &mut Tx,
    vault: &Vault,
    plugin: &str,
) -> Result<Option<HighWaterMark>, StoreError> {
    let sql = "SELECT plugin, revision, digest, mac FROM release_marks WHERE plugin = $1";
    let found: Option<StoredMark> = sqlx::query_as(sql).bind(plugin).fetch_optional(connection).await?;
    found.map(|found| authentic(vault, &found)).transpose()
}

/// Returns every mark, by plugin.
pub async fn all(connection: &mut Tx, vault: &Vault) -> Result<Vec<ReleaseMark>, StoreError> {
    let sql = "SELECT plugin, revision, digest, mac FROM release_marks ORDER BY plugin";
    let rows = sqlx::query(sql).fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            let stored = StoredMark::from_row(row).map_err(StoreError::from);
            let mark = stored.and_then(|stored| authentic(vault, &stored));
            Ok(ReleaseMark { plugin: row.try_get("plugin")?, mark })
        })
        .collect()
}

fn authentic(vault: &Vault, found: &StoredMark) -> Result<HighWaterMark, StoreError> {
    let mark = HighWaterMark { revision: found.revision, digest: found.digest };
    if message(vault, &found.plugin, mark).matches(found.mac.as_ref()) {
        return Ok(mark);
    }
    Err(StoreError::NotAuthentic(format!("the newest admitted revision of plugin {}", found.plugin)))
}

/// Stores the mark of `plugin`. The caller has compared it with the one before in the same transaction.
pub async fn put(tx: &mut Tx, vault: &Vault, plugin: &str, mark: HighWaterMark) -> Result<(), StoreError> {
    let RowMac(mac) = message(vault, plugin, mark).mac();
    let put = "INSERT INTO release_marks (plugin, revision, digest, mac) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (plugin) DO UPDATE SET revision = $2, digest = $3, mac = $4";
    sqlx::query(put)
        .bind(plugin)
        // At most 2^53 - 1.
        .bind(i64::try_from(u64::from(mark.revision)).unwrap_or(i64::MAX))
        .bind(mark.digest.0.to_vec())
        .bind(mac)
        .execute(tx)
        .await?;
    Ok(())
}

/// Deletes the mark of `plugin`, as if no release of it had been admitted.
pub async fn forget(tx: &mut Tx, plugin: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM release_marks WHERE plugin = $1").bind(plugin).execute(tx).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
