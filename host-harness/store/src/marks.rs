//! Single values that the host keeps about itself, by name.

use crate::{database::Tx, error::StoreError};

/// Returns the value of the mark `name`; `None` if it has none.
pub(crate) async fn get(connection: &mut Tx, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let value = sqlx::query_scalar("SELECT value FROM marks WHERE name = $1").bind(name);
    Ok(value.fetch_optional(connection).await?)
}

/// Sets the value of the mark `name`.
pub(crate) async fn put(tx: &mut Tx, name: &str, value: Vec<u8>) -> Result<(), StoreError> {
    let sql = "INSERT INTO marks (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    sqlx::query(sql).bind(name).bind(value).execute(tx).await?;
    Ok(())
}
