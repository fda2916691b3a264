//! Whether a name is that of somebody who was erased. Below [`people`](crate::people) and
//! [`attributes`](crate::attributes), which both ask.

use crate::{database::Connection, error::StoreError, seal::PersonName};

/// Whether somebody with one of `names` was erased at `connection`.
pub async fn is_erased(
    tx: &mut Connection,
    connection: &str,
    names: &[PersonName],
) -> Result<bool, StoreError> {
    Ok(erased_since(tx, connection, names).await?.is_some())
}

/// Since when somebody with one of `names` is erased at `connection`, in milliseconds since 1970 in UTC; `None` if nobody is.
pub(crate) async fn erased_since(
    tx: &mut Connection,
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
