//! Alarms.

use host_store::alarms::StoredAlarm;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The open alarms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Alarms {
    /// Oldest first.
    pub alarms: Vec<Alarm>,
}

/// An alarm. Times are milliseconds since 1970 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Alarm {
    /// The alarm's id.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection; null if it does not concern a single connection.
    pub connection: Option<String>,
    /// What is wrong, such as `request-late`. The operator's guide lists the kinds.
    pub kind: String,
    /// The subject of the alarm, such as a request's id.
    pub about: String,
    /// Explanation for an operator; contains no personal data.
    pub detail: String,
    /// When it was raised.
    pub raised_at: i64,
    /// When it was cleared; null while it is open.
    pub cleared_at: Option<i64>,
    /// Who cleared it: an API key, or `the host` if the cause has ended by itself; null while it is open.
    pub cleared_by: Option<String>,
}

impl From<StoredAlarm> for Alarm {
    fn from(raised: StoredAlarm) -> Self {
        let StoredAlarm { id, tenant, connection, kind, about, detail, raised_at, cleared_at, cleared_by } =
            raised;
        Self { id, tenant, connection, kind, about, detail, raised_at, cleared_at, cleared_by }
    }
}

/// How an alarm is cleared.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Clearing {
    /// What was done about it; must not contain personal data.
    #[schema(max_length = 500)]
    pub note: Option<String>,
}
