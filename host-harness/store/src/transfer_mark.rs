//! The mark by which a database is not served while its rows are moved to another one, or after.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{database::Tx, error::StoreError, marks};

/// The name of the mark. It is not moved itself.
pub(crate) const TRANSFER: &str = "transfer";

/// The part of a database in a transfer. `id` is the same in both databases and never given to another transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "kebab-case")]
pub(crate) enum TransferMark {
    /// Its rows are being copied to the database `to`.
    Moving { id: String, to: String },
    /// All of its rows are in the database `to` since `at`.
    Moved { id: String, to: String, at: i64 },
    /// Rows of another database are being copied into it. Of each table, all up to a `rowid` of the other database have
    /// arrived.
    Arriving { id: String, after: BTreeMap<String, i64> },
}

/// Returns the mark; `None` for a database that takes part in no transfer.
pub(crate) async fn get(connection: &mut Tx) -> Result<Option<TransferMark>, StoreError> {
    let Some(mark) = marks::get(connection, TRANSFER).await? else { return Ok(None) };
    let unreadable = |error| StoreError::Unreadable(format!("the mark `{TRANSFER}`: {error}"));
    serde_json::from_slice(&mark).map(Some).map_err(unreadable)
}

/// Sets the mark.
pub(crate) async fn put(tx: &mut Tx, mark: &TransferMark) -> Result<(), StoreError> {
    let json = serde_json::to_vec(mark).map_err(|error| StoreError::Unreadable(error.to_string()))?;
    marks::put(tx, TRANSFER, json).await
}

/// Removes the mark.
pub(crate) async fn remove(tx: &mut Tx) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM marks WHERE name = $1").bind(TRANSFER).execute(tx).await?;
    Ok(())
}

/// Checks that the database takes part in no transfer.
pub(crate) async fn check_none(connection: &mut Tx) -> Result<(), StoreError> {
    match get(connection).await? {
        None => Ok(()),
        Some(TransferMark::Moving { to, .. }) => Err(StoreError::Moving { to }),
        Some(TransferMark::Moved { to, at, .. }) => Err(StoreError::Moved { to, at }),
        Some(TransferMark::Arriving { .. }) => Err(StoreError::TransferCutOff),
    }
}
