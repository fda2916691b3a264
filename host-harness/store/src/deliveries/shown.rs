//! Deliveries as operators see them.

use serde::{Deserialize, Serialize};

use crate::{
    columns::{Column, column},
    database::Connection,
    error::StoreError,
};
use host_model::words::words;

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryState {
    /// To be read.
    Waiting,
    /// Read, and its events taken in.
    Read,
    /// Read, and no event in it.
    OfNoConcern,
    /// The vendor's, but not what its connector knows; kept, to be read again.
    Unreadable,
    /// Its readings came to nothing, too often or for too long; read again as long as it is kept.
    Stuck,
    /// What is stored of it is no delivery: it was changed, cut or sealed with another key. Read again by a replay.
    Damaged,
    /// Unproven when it came, and then found not to be the vendor's.
    Refused,
}

words!(DeliveryState {
    Waiting = "waiting",
    Read = "read",
    OfNoConcern = "of-no-concern",
    Unreadable = "unreadable",
    Stuck = "stuck",
    Damaged = "damaged",
    Refused = "refused",
});
column!(DeliveryState: String, |word| Ok(DeliveryState::from_word(&word)?));

/// A delivery as everybody may see it: nothing personal in it. Times are milliseconds since 1970 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct DeliveryView {
    /// Its place in the order received, for paging.
    pub seq: i64,
    /// Its own.
    pub id: String,
    /// Whose.
    pub tenant: String,
    /// To which connection.
    pub connection: String,
    /// Where it stands.
    #[sqlx(try_from = "Column<DeliveryState>")]
    pub state: DeliveryState,
    /// Whether it is shown to be the vendor's.
    #[sqlx(try_from = "Column<bool>")]
    pub proven: bool,
    /// Whether its body is still kept, so that it can be read again.
    #[sqlx(try_from = "Column<bool>")]
    pub kept: bool,
    /// When it came.
    pub received_at: i64,
    /// When it is read next, where it waits.
    pub next_at: Option<i64>,
    /// Readings begun.
    #[sqlx(rename = "generation")]
    pub readings: i64,
    /// The plugin that read it last.
    #[sqlx(rename = "digest")]
    pub plugin_digest: Option<String>,
    /// Why it is not read.
    pub reason: Option<String>,
    /// How many events were in it.
    pub events: i64,
    /// When it was read or given up.
    pub ended_at: Option<i64>,
}

/// Which deliveries are listed.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The key of its connection, if any.
    pub connection: Option<String>,
    /// Where it stands, if any.
    pub state: Option<DeliveryState>,
    /// Older than the one of this place in the order.
    pub before: Option<i64>,
    /// The maximum number of results.
    pub most: u32,
}

const COLUMNS: &str = "seq, id, tenant, connection, state, proven, sealed_delivery IS NOT NULL AS kept, received_at, \
                       CASE state WHEN 'waiting' THEN next_at END AS next_at, generation, digest, reason, events, ended_at";

/// Deliveries of `tenant`, newest first.
pub async fn list(
    connection: &mut Connection,
    tenant: &str,
    filter: &Filter,
) -> Result<Vec<DeliveryView>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM deliveries WHERE tenant = $1 AND ($2 = '' OR connection = $2) AND ($3 = '' OR state = $3) \
           AND seq < $4 ORDER BY seq DESC LIMIT $5"
    );
    let views = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(tenant)
        .bind(filter.connection.as_deref().unwrap_or_default())
        .bind(filter.state.map_or("", DeliveryState::word))
        .bind(filter.before.unwrap_or(i64::MAX))
        .bind(i64::from(filter.most))
        .fetch_all(connection)
        .await?;
    Ok(views)
}

/// The delivery of that id.
pub async fn show(connection: &mut Connection, id: &str) -> Result<Option<DeliveryView>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM deliveries WHERE id = $1");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(connection).await?)
}
