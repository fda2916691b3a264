//! What has arrived at a connection, in brief.
//! Tested in `api/src/tests/webhook_setup.rs`.

use super::kept::KEPT_UNREAD;
use crate::{database::Tx, error::StoreError};

/// What has arrived at a connection, as far as it is kept. Times are in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliverySummary {
    /// When the last delivery that is proven to be the vendor's was received; `None` if there is none.
    pub last_received_at: Option<i64>,
    /// When the last delivery with an event was received; `None` if there is none.
    pub last_choice_at: Option<i64>,
    /// The number of deliveries that could not be read, and can be read again.
    pub unread: i64,
}

/// Returns what has arrived at the connection with the key `to` of `tenant`.
pub async fn summary(connection: &mut Tx, tenant: &str, to: &str) -> Result<DeliverySummary, StoreError> {
    const LAST: &str = "SELECT received_at FROM deliveries WHERE tenant = $1 AND connection = $2 AND proven = 1 ORDER BY seq DESC LIMIT 1";
    const LAST_CHOICE: &str = "SELECT received_at FROM deliveries WHERE tenant = $1 AND connection = $2 AND events > 0 ORDER BY seq DESC LIMIT 1";
    let last_received_at =
        sqlx::query_scalar(LAST).bind(tenant).bind(to).fetch_optional(&mut *connection).await?;
    let last_choice_at =
        sqlx::query_scalar(LAST_CHOICE).bind(tenant).bind(to).fetch_optional(&mut *connection).await?;
    let unread = format!("SELECT COUNT(*) FROM deliveries WHERE connection = $1 AND {KEPT_UNREAD}");
    let unread = sqlx::query_scalar(sqlx::AssertSqlSafe(unread)).bind(to).fetch_one(connection).await?;
    Ok(DeliverySummary { last_received_at, last_choice_at, unread })
}
