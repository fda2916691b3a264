//! The database of SQLite that is moved.

use std::path::Path;

use sqlx::{AssertSqlSafe, Connection as _, Transaction};

use super::{error::TransferError, tables::SharedTable};
use crate::{
    database::Tx,
    error::StoreError,
    master_mark,
    seal::Vault,
    sqlite::{open_existing, schema::BEGIN},
    unfinished::unfinished,
};

/// Opens the database at `path`, with this version's schema.
pub(super) async fn open(path: &Path, vault: &Vault) -> Result<Tx, TransferError> {
    if unfinished(path) {
        return Err(TransferError::Source(StoreError::RestoreCutOff));
    }
    if !path.exists() {
        return Err(TransferError::NoDatabase(path.to_owned()));
    }
    let mut connection = open_existing(path, vault).await.map_err(TransferError::Source)?;
    check_key(&mut connection, vault).await.map_err(TransferError::Source)?;
    Ok(connection)
}

/// Checks that the database was created with the master key of `vault`.
pub(super) async fn check_key(source: &mut Tx, vault: &Vault) -> Result<(), StoreError> {
    let mut tx = hold(source).await?;
    master_mark::check(&mut tx, vault).await?;
    Ok(tx.commit().await?)
}

/// Begins a transaction during which nothing else can write to the database.
pub(super) async fn hold(source: &mut Tx) -> Result<Transaction<'_, sqlx::Any>, StoreError> {
    Ok(source.begin_with(BEGIN).await?)
}

/// Returns the number of rows of a table that are moved, up to the `rowid` `last`.
pub(super) async fn count(source: &mut Tx, table: &SharedTable, last: i64) -> Result<u64, StoreError> {
    let sql = format!("SELECT COUNT(*) FROM {} WHERE rowid <= $1 AND {}", table.quoted(), table.moved_rows());
    let rows: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).bind(last).fetch_one(source).await?;
    Ok(u64::try_from(rows).unwrap_or_default())
}
