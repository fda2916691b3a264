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
    /// Those of them that this version, as its digest prints, read last; `None` for those that no version has read.
    LastReadBy(String, Option<String>),
}

/// What selects deliveries.
struct Selected<'a> {
    column: &'static str,
    value: &'a str,
    since: i64,
    /// The version that read them last, empty if none did; `None` for any.
    read_by: Option<&'a str>,
}

impl DeliverySelection {
    fn selected(&self) -> Selected<'_> {
        let of = |column, value| Selected { column, value, since: i64::MIN, read_by: None };
        match self {
            Self::One(id) => of("id", id),
            Self::OfConnection(connection) => of("connection", connection),
            Self::OfConnectionSince(connection, since) => {
                Selected { since: *since, ..of("connection", connection) }
            }
            Self::LastReadBy(connection, version) => Selected {
                read_by: Some(version.as_deref().unwrap_or_default()),
                ..of("connection", connection)
            },
        }
    }
}

/// Received since `$2`, and read last by `$3`; a version that is null is any.
const RECEIVED_AND_READ: &str =
    "received_at >= $2 AND (CAST($3 AS TEXT) IS NULL OR COALESCE(digest, '') = CAST($3 AS TEXT))";

/// Queues those deliveries of `which` that could not be read and are still kept, to be read again from `now` on.
/// Returns the connection of each.
pub async fn replay(tx: &mut Tx, which: &DeliverySelection, now: i64) -> Result<Vec<String>, StoreError> {
    let Selected { column, value, since, read_by } = which.selected();
    let sql = format!(
        "UPDATE deliveries SET state = $4, next_at = $5, failures = 0, ended_at = NULL \
         WHERE {column} = $1 AND {RECEIVED_AND_READ} AND {KEPT_UNREAD} RETURNING CAST(connection AS TEXT)"
    );
    let waiting = DeliveryState::Waiting.as_ref();
    let replayed = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(value).bind(since).bind(read_by);
    let replayed = replayed.bind(waiting).bind(now);
    Ok(replayed.fetch_all(tx).await?)
}

/// Returns how many deliveries [`replay`] would queue.
pub async fn replayable(connection: &mut Tx, which: &DeliverySelection) -> Result<i64, StoreError> {
    let Selected { column, value, since, read_by } = which.selected();
    let sql = format!(
        "SELECT COUNT(*) FROM deliveries WHERE {column} = $1 AND {RECEIVED_AND_READ} AND {KEPT_UNREAD}"
    );
    let count = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(value).bind(since).bind(read_by);
    Ok(count.fetch_one(connection).await?)
}
