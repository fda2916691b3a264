//! Alarms: conditions that require an operator's attention. An alarm stays open until it is cleared or its cause is
//! gone.

use uuid::Uuid;

use crate::{audit::ALL_TENANTS, columns::Column, database::Tx, error::StoreError};

/// Every kind of alarm.
pub const KINDS: [&str; 37] = [
    "api-key-not-authentic",
    "callback-fails",
    "connection-parked",
    "connection-unreadable",
    "consent-event-damaged",
    "consent-event-unidentified",
    "deliveries-lost",
    "deliveries-unread",
    "delivery-too-large",
    "erased-person-not-checked",
    "erased-person-still-there",
    "erasure-ledger-not-written",
    "forward-fails",
    "forward-skips",
    "outcome-contradicted",
    "people-not-keyed",
    "pinned-version-not-loaded",
    "plugin-awaits-approval",
    "plugin-not-loaded",
    "plugin-not-proven",
    "plugin-not-pulled",
    "plugin-not-signed",
    "plugin-release-paused",
    "plugin-release-refused",
    "plugin-release-rolled-back",
    "plugin-version-not-authentic",
    "plugin-version-not-drained",
    "replica-silent",
    "request-expired",
    "request-fails-unexpectedly",
    "request-late",
    "request-set-aside",
    "token-by-hand",
    "token-damaged",
    "token-no-room",
    "token-not-taken",
    "transaction-held-open",
];

/// An alarm to raise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm<'a> {
    /// The tenant that it belongs to.
    pub tenant: &'a str,
    /// The key of its connection; `None` if it is not about a single connection.
    pub connection: Option<&'a str>,
    /// What is wrong: one of [`KINDS`].
    pub kind: &'static str,
    /// The subject of the alarm, such as a request's id. There is at most one open alarm per kind and subject.
    pub about: &'a str,
    /// Details for an operator, free of personal data.
    pub detail: &'a str,
}

impl<'a> Alarm<'a> {
    /// Returns an alarm of the whole service, which belongs to no single tenant.
    pub fn of_service(kind: &'static str, about: &'a str, detail: &'a str) -> Self {
        Self { tenant: ALL_TENANTS, connection: None, kind, about, detail }
    }
}

/// A stored alarm. Times are in milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct StoredAlarm {
    /// Its id.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection; `None` if it is not about a single connection.
    pub connection: Option<String>,
    /// What is wrong, such as `request-late`.
    pub kind: String,
    /// The subject of the alarm, such as a request's id.
    pub about: String,
    /// Details for an operator, free of personal data.
    pub detail: String,
    /// When it was raised.
    pub raised_at: i64,
    /// When it was cleared; `None` while it is open.
    pub cleared_at: Option<i64>,
    /// Who cleared it: the name of a caller, or `the host` if the cause was gone; `None` while it is open.
    pub cleared_by: Option<String>,
}

const COLUMNS: &str = "id, tenant, connection, kind, about, detail, raised_at, cleared_at, cleared_by";

/// Raises `alarm`. If its tenant has an open alarm of the same kind about the same subject, that one has its details from now on,
/// and is not posted again.
pub async fn raise(tx: &mut Tx, at: i64, alarm: &Alarm<'_>) -> Result<(), StoreError> {
    debug_assert!(KINDS.contains(&alarm.kind), "{} is not in the list of kinds", alarm.kind);
    sqlx::query(
        "INSERT INTO alarms (id, tenant, connection, kind, about, detail, raised_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (kind, about, tenant) WHERE cleared_at IS NULL DO UPDATE \
         SET detail = excluded.detail WHERE alarms.detail <> excluded.detail",
    )
    .bind(Uuid::now_v7().to_string())
    .bind(alarm.tenant)
    .bind(alarm.connection)
    .bind(alarm.kind)
    .bind(alarm.about)
    .bind(alarm.detail)
    .bind(at)
    .execute(tx)
    .await?;
    Ok(())
}

/// Clears the open alarm `id` on behalf of `by`. Returns the alarm; `None` if there is none.
pub async fn clear(tx: &mut Tx, at: i64, id: &str, by: &str) -> Result<Option<StoredAlarm>, StoreError> {
    let sql = format!(
        "UPDATE alarms SET cleared_at = $2, cleared_by = $3 WHERE id = $1 AND cleared_at IS NULL RETURNING {COLUMNS}"
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id).bind(at).bind(by).fetch_optional(tx).await?)
}

/// Clears the open alarms of `kind` about `about` because their cause is gone, such as when a connection works again.
pub async fn is_over(tx: &mut Tx, at: i64, kind: &str, about: &str) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE alarms SET cleared_at = $3, cleared_by = 'the host' WHERE kind = $1 AND about = $2 AND cleared_at IS NULL",
    )
    .bind(kind)
    .bind(about)
    .bind(at)
    .execute(tx)
    .await?;
    Ok(())
}

/// Clears the open alarms about `connection`, which was deleted.
pub async fn are_over(tx: &mut Tx, at: i64, connection: &str) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE alarms SET cleared_at = $2, cleared_by = 'the host' WHERE connection = $1 AND cleared_at IS NULL",
    )
    .bind(connection)
    .bind(at)
    .execute(tx)
    .await?;
    Ok(())
}

/// Returns the open alarms of all tenants, oldest first.
pub async fn open(connection: &mut Tx) -> Result<Vec<StoredAlarm>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM alarms WHERE cleared_at IS NULL ORDER BY raised_at, id");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(connection).await?)
}

/// For how long an alarm that ended by itself before it could be posted is still posted, in milliseconds: long enough for
/// the first try, which follows within seconds.
const POSTED_AFTER_END_MS: i64 = 60_000;

/// Returns the oldest alarm that is due to be posted at `now`, and how often posting it has failed; `None` if none is due.
/// It is open, or has just ended by itself.
pub async fn to_post(connection: &mut Tx, now: i64) -> Result<Option<(StoredAlarm, u32)>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS}, post_attempts FROM alarms WHERE posted_at IS NULL AND post_next_at <= $1 \
           AND (cleared_at IS NULL OR cleared_by = 'the host' AND post_attempts = 0 AND cleared_at > $2) \
         ORDER BY raised_at, id LIMIT 1"
    );
    let waiting: Option<AlarmToPost> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(now)
        .bind(now - POSTED_AFTER_END_MS)
        .fetch_optional(connection)
        .await?;
    Ok(waiting.map(|waiting| (waiting.alarm, waiting.post_attempts)))
}

#[derive(sqlx::FromRow)]
struct AlarmToPost {
    #[sqlx(flatten)]
    alarm: StoredAlarm,
    #[sqlx(try_from = "Column<u32>")]
    post_attempts: u32,
}

/// Records that the alarm `id` was posted at `at`.
pub async fn record_posted(tx: &mut Tx, at: i64, id: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE alarms SET posted_at = $2 WHERE id = $1").bind(id).bind(at).execute(tx).await?;
    Ok(())
}

/// Records that posting the alarm `id` failed. Posting is retried at `next_at`.
pub async fn record_not_posted(tx: &mut Tx, next_at: i64, id: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE alarms SET post_next_at = $2, post_attempts = post_attempts + 1 WHERE id = $1")
        .bind(id)
        .bind(next_at)
        .execute(tx)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Folder, write};

    #[tokio::test]
    async fn an_alarm_stays_until_it_is_cleared_by_name_and_is_raised_once_with_its_last_details() {
        let folder = Folder::new();
        let store = folder.store().await;
        let alarm =
            Alarm { tenant: "acme", connection: None, kind: "request-late", about: "r-1", detail: "day 7" };
        let again = Alarm { detail: "day 14", ..alarm.clone() };
        let (listed, cleared, left) = write(&store, move |tx| {
            Box::pin(async move {
                raise(tx, 17, &alarm).await?;
                raise(tx, 18, &again).await?;
                let listed = open(tx).await?;
                let id = listed[0].id.clone();
                let cleared = clear(tx, 19, &id, "ops").await?;
                let twice = clear(tx, 20, &id, "another operator").await?;
                assert_eq!(twice, None);
                raise(tx, 21, &alarm).await?;
                Ok((listed, cleared, open(tx).await?))
            })
        })
        .await;
        assert_eq!(listed.len(), 1);
        assert_eq!((listed[0].detail.as_str(), listed[0].raised_at), ("day 14", 17));
        let cleared = cleared.unwrap();
        assert_eq!((cleared.cleared_at, cleared.cleared_by.as_deref()), (Some(19), Some("ops")));
        assert_eq!(left.iter().map(|raised| raised.raised_at).collect::<Vec<_>>(), [21]);
    }
}
