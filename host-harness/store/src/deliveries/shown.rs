//! Deliveries as shown to operators.
//! Tested in `service/src/webhooks/receive/tests.rs`.

use serde::{Deserialize, Serialize};
use strum::{AsRefStr, Display, EnumString, VariantArray};

use super::kept::KEPT_UNREAD;
use crate::{
    columns::{Column, column, word},
    database::Tx,
    error::StoreError,
};

/// The state of a delivery.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString, AsRefStr, VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum DeliveryState {
    /// Waiting to be read.
    Waiting,
    /// Read, and its events were recorded.
    Read,
    /// Read, but contained no event.
    OfNoConcern,
    /// From the vendor, but in a form unknown to its connector; kept, to be read again.
    Unreadable,
    /// Reading it failed too often or for too long; kept, to be read again.
    Stuck,
    /// Its stored data was changed, truncated or sealed with a different key. A replay reads it again.
    Damaged,
    /// Unproven when received, and then found not to be from the vendor.
    Refused,
}

column!(DeliveryState: String, |stored| word("the word", &stored));

/// A delivery as shown to operators, without personal data. Times are in milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct DeliveryView {
    /// Its position in the order received, for paging.
    pub seq: i64,
    /// Its id.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// Its state.
    #[sqlx(try_from = "Column<DeliveryState>")]
    pub state: DeliveryState,
    /// Whether its token, its signature or a reading proves that it is from the vendor.
    #[sqlx(try_from = "Column<bool>")]
    pub proven: bool,
    /// Whether its body is still kept, so that it can be read again.
    #[sqlx(try_from = "Column<bool>")]
    pub kept: bool,
    /// When it was received.
    pub received_at: i64,
    /// When it is read next; `None` unless it is waiting.
    pub next_at: Option<i64>,
    /// The number of readings started.
    #[sqlx(rename = "generation")]
    pub readings: i64,
    /// The digest of the plugin that read it last; `None` if none has.
    #[sqlx(rename = "digest")]
    pub plugin_digest: Option<String>,
    /// Why it has not been read, for an operator; `None` if no reason is recorded.
    pub reason: Option<String>,
    /// The number of events in it.
    pub events: i64,
    /// When it was read or given up; `None` while it is waiting.
    pub ended_at: Option<i64>,
}

/// Selects the deliveries to list.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// Only those of the connection with this key; `None` for all.
    pub connection: Option<String>,
    /// Only those in this state; `None` for all.
    pub state: Option<DeliveryState>,
    /// Only those that could not be read and are still kept, or all.
    pub readings: ReadingFilter,
    /// Only those before this position in the order received, for paging; `None` for all.
    pub before: Option<i64>,
    /// The maximum number of deliveries.
    pub most: u32,
}

/// Whether deliveries could be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadingFilter {
    /// All deliveries.
    #[default]
    Any,
    /// Those that could not be read, and can be read again.
    Unread,
}

const COLUMNS: &str = "seq, id, tenant, connection, state, proven, \
                       CASE WHEN sealed_delivery IS NULL THEN 0 ELSE 1 END AS kept, received_at, \
                       CASE state WHEN 'waiting' THEN next_at END AS next_at, generation, digest, reason, events, ended_at";

/// Lists the deliveries of `tenant` that match `filter`, newest first.
pub async fn list(
    connection: &mut Tx,
    tenant: &str,
    filter: &DeliveryFilter,
) -> Result<Vec<DeliveryView>, StoreError> {
    let unread = match filter.readings {
        ReadingFilter::Any => String::new(),
        ReadingFilter::Unread => format!(" AND {KEPT_UNREAD}"),
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM deliveries WHERE tenant = $1 AND ($2 = '' OR connection = $2) AND ($3 = '' OR state = $3) \
           AND seq < $4{unread} ORDER BY seq DESC LIMIT $5"
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

/// Returns the delivery with this id; `None` if there is none.
pub async fn show(connection: &mut Tx, id: &str) -> Result<Option<DeliveryView>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM deliveries WHERE id = $1");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(connection).await?)
}
