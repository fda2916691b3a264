//! Connections that an operator has paused: nothing is sent to their vendor, what arrives is still stored and read.
//! Tested in `api/src/tests/paused_connections.rs`.

use crate::{database::Tx, error::StoreError, row_change::RowChange};

/// An operator's pause of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Why, in the operator's words.
    pub why: String,
    /// The name of the API key that paused it.
    pub by: String,
    /// When, in milliseconds since the Unix epoch.
    pub at: i64,
}

/// Pauses the connection with this key. A pause that has begun keeps its reason.
pub async fn begin(tx: &mut Tx, key: &str, pause: &Pause) -> Result<RowChange, StoreError> {
    let paused = sqlx::query(
        "UPDATE connections SET paused_why = $2, paused_by = $3, paused_at = $4 WHERE key = $1 AND paused_why IS NULL",
    )
    .bind(key)
    .bind(&pause.why)
    .bind(&pause.by)
    .bind(pause.at)
    .execute(tx)
    .await?;
    Ok(RowChange::of(paused.rows_affected()))
}

/// Ends the pause of the connection with this key, if it is paused.
pub async fn end(tx: &mut Tx, key: &str) -> Result<RowChange, StoreError> {
    let resumed = sqlx::query(
        "UPDATE connections SET paused_why = NULL, paused_by = NULL, paused_at = NULL \
         WHERE key = $1 AND paused_why IS NOT NULL",
    )
    .bind(key)
    .execute(tx)
    .await?;
    Ok(RowChange::of(resumed.rows_affected()))
}
