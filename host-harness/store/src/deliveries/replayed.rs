//! Deliveries that could not be read, and are read again.
//! Tested in `service/src/webhooks/receive/tests.rs`.

use super::{kept::KEPT_UNREAD, shown::DeliveryState};
use crate::{database::Tx, error::StoreError};

/// Selects the deliveries to read again.
#[derive(Clone, Debug)]
pub enum DeliverySelection {
    /// The delivery with this id.
    One(String),
    /// All deliveries that could not be read, of the connection with this key.
    OfConnection(String),
    /// Those of them that were received at this time or later, in milliseconds since the Unix epoch.
    OfConnectionSince(String, i64),
}

impl DeliverySelection {
    /// Returns the column that selects them, its value, and the time since which they were received.
    fn parts(&self) -> (&'static str, &str, i64) {
        match self {
            Self::One(id) => ("id", id, i64::MIN),
            Self::OfConnection(connection) => ("connection", connection, i64::MIN),
            Self::OfConnectionSince(connection, since) => ("connection", connection, *since),
        }
    }
}

/// Queues those deliveries of `which` that could not be read and are still kept, to be read again from `now` on.
/// Returns the connection of each.
pub async fn replay(tx: &mut Tx, which: &DeliverySelection, now: i64) -> Result<Vec<String>, StoreError> {
    let (column, value, since) = which.parts();
    let sql = format!(
        "UPDATE deliveries SET state = $4, next_at = $3, failures = 0, ended_at = NULL \
         WHERE {column} = $1 AND received_at >= $2 AND {KEPT_UNREAD} RETURNING CAST(connection AS TEXT)"
    );
    let waiting = DeliveryState::Waiting.as_ref();
    let replayed =
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(value).bind(since).bind(now).bind(waiting);
    Ok(replayed.fetch_all(tx).await?)
}

/// Returns how many deliveries [`replay`] would queue.
pub async fn replayable(connection: &mut Tx, which: &DeliverySelection) -> Result<i64, StoreError> {
    let (column, value, since) = which.parts();
    let sql = format!(
        "SELECT COUNT(*) FROM deliveries WHERE {column} = $1 AND received_at >= $2 AND {KEPT_UNREAD}"
    );
    let count = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(value).bind(since);
    Ok(count.fetch_one(connection).await?)
}
