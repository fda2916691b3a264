//! Deliveries whose bodies are kept: those that can be read again, and those that a version is compared on before it serves.

use sqlx::FromRow;

use crate::{columns::Column, database::Tx, error::StoreError};

/// Could not be read, and can be read again.
pub(super) const KEPT_UNREAD: &str =
    "state IN ('unreadable', 'stuck', 'damaged') AND sealed_delivery IS NOT NULL";

/// A delivery as it is stored.
#[derive(Clone, FromRow)]
pub struct KeptDelivery {
    /// Its id.
    pub id: String,
    /// Whether it carried an accepted token.
    #[sqlx(try_from = "Column<bool>")]
    pub accepted: bool,
    /// Its method, address, headers and body, sealed; `None` if they are no longer kept.
    #[sqlx(rename = "sealed_delivery")]
    pub sealed: Option<Vec<u8>>,
}

/// Returns the positions of the last deliveries of `tenant` to the connection with the key `to`, the newest first, at
/// most `most`.
pub async fn latest(connection: &mut Tx, tenant: &str, to: &str, most: i64) -> Result<Vec<i64>, StoreError> {
    let latest = sqlx::query_scalar(
        "SELECT seq FROM deliveries WHERE tenant = $1 AND connection = $2 ORDER BY seq DESC LIMIT $3",
    );
    Ok(latest.bind(tenant).bind(to).bind(most).fetch_all(connection).await?)
}

/// Returns the delivery at that position; `None` if it was deleted. Fails if its row cannot be read.
pub async fn kept(connection: &mut Tx, seq: i64) -> Result<Option<KeptDelivery>, StoreError> {
    let kept = sqlx::query_as("SELECT id, accepted, sealed_delivery FROM deliveries WHERE seq = $1");
    Ok(kept.bind(seq).fetch_optional(connection).await?)
}
