//! Whether a name belongs to a person who was erased. Shared by `people` and `attributes`.
//! Tested in `service/src/consent/tests/erasures.rs`.

use crate::{database::Tx, error::StoreError, seal::PersonName};

/// Returns whether a person with one of `names` was erased at `connection`.
pub async fn is_erased(tx: &mut Tx, connection: &str, names: &[PersonName]) -> Result<bool, StoreError> {
    Ok(erased_since(tx, connection, names).await?.is_some())
}

/// Returns when a person with one of `names` was erased at `connection`, in milliseconds since the Unix epoch; `None`
/// if none was.
pub async fn erased_since(
    tx: &mut Tx,
    connection: &str,
    names: &[PersonName],
) -> Result<Option<i64>, StoreError> {
    for name in names {
        let erased: Option<Option<i64>> =
            sqlx::query_scalar("SELECT erased_at FROM names WHERE connection = $1 AND name = $2")
                .bind(connection)
                .bind(name.digest.to_vec())
                .fetch_optional(&mut *tx)
                .await?;
        if let Some(at) = erased.flatten() {
            return Ok(Some(at));
        }
    }
    Ok(None)
}
