//! Deliveries as operators see them.

use serde::{Deserialize, Serialize};
use strum::{AsRefStr, Display, EnumString, VariantArray};

use crate::{
    columns::{Column, column, word},
    database::Connection,
    error::StoreError,
};

/// Where a delivery stands.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString, AsRefStr, VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum DeliveryState {
    /// To be read.
    Waiting,
    /// Read, and its events taken in.
    Read,
    /// Read, and no event in it.
    OfNoConcern,
    /// The vendor's, but not what its connector knows; kept, to be read again.
    Unreadable,
    /// Its readings came to nothing, too often or for too long; kept, to be read again.
    Stuck,
    /// What is stored of it is no delivery: it was changed, cut or sealed with another key. Read again by a replay.
    Damaged,
    /// Unproven when it came, and then found not to be the vendor's.
    Refused,
}

column!(DeliveryState: String, |stored| word("the word", &stored));

/// A delivery as it may be shown: nothing personal in it. Times are milliseconds since 1970 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct DeliveryView {
    /// Its place in the order received, for paging.
    pub seq: i64,
    /// Its id.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// Where it stands.
    #[sqlx(try_from = "Column<DeliveryState>")]
    pub state: DeliveryState,
    /// Whether its token, its signature or a reading shows that it is the vendor's.
    #[sqlx(try_from = "Column<bool>")]
    pub proven: bool,
    /// Whether its body is still kept, so that it can be read again.
    #[sqlx(try_from = "Column<bool>")]
    pub kept: bool,
    /// When it came.
    pub received_at: i64,
    /// When it is read next; `None` unless it waits.
    pub next_at: Option<i64>,
    /// Readings begun.
    #[sqlx(rename = "generation")]
    pub readings: i64,
    /// The digest of the plugin that read it last; `None` if none has yet.
    #[sqlx(rename = "digest")]
    pub plugin_digest: Option<String>,
    /// Why it is not read, for an operator; `None` if there is nothing to say.
    pub reason: Option<String>,
    /// How many events were in it.
    pub events: i64,
    /// When it was read or given up; `None` while it waits.
    pub ended_at: Option<i64>,
}

/// Which deliveries are listed.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only those of the connection of this key; `None` for all.
    pub connection: Option<String>,
    /// Only those that stand so; `None` for all.
    pub state: Option<DeliveryState>,
    /// Only those before this place in the order received, for paging; `None` for all.
    pub before: Option<i64>,
    /// At most so many.
    pub most: u32,
}

const COLUMNS: &str = "seq, id, tenant, connection, state, proven, sealed_delivery IS NOT NULL AS kept, received_at, \
                       CASE state WHEN 'waiting' THEN next_at END AS next_at, generation, digest, reason, events, ended_at";

/// The deliveries of `tenant` that `filter` lets through, newest first.
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
        .bind(filter.state.as_ref().map_or("", AsRef::as_ref))
        .bind(filter.before.unwrap_or(i64::MAX))
        .bind(i64::from(filter.most))
        .fetch_all(connection)
        .await?;
    Ok(views)
}

/// The delivery of that id; `None` if there is none.
pub async fn show(connection: &mut Connection, id: &str) -> Result<Option<DeliveryView>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM deliveries WHERE id = $1");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(connection).await?)
}
