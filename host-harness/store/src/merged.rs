//! Records that several people shared before they were split, for an operator to review.
//! Tested in `src/rekey/tests.rs`.

use crate::{database::Tx, error::StoreError, grant::KeyReach};

/// Maximum number of request ids listed for a connection. Further requests are only counted.
const MAX_REQUESTS: i64 = 1_000;

/// A connection with people who once shared a record.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct MergedPeople {
    /// The connection's key.
    #[sqlx(rename = "key")]
    pub connection: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The identifier kinds that its people are currently keyed by, separated by spaces.
    pub identifying: String,
    /// When the most recent split happened, in milliseconds since the Unix epoch.
    pub split_at: i64,
    /// The number of records that several people shared.
    pub records: i64,
    /// The number of people who shared them.
    pub people: i64,
    /// The number of requests that were accepted for such a record before the split.
    #[sqlx(skip)]
    pub requests: i64,
    /// The ids of these requests, newest first, at most 1,000.
    #[sqlx(skip)]
    pub request_ids: Vec<String>,
}

/// Returns all such connections that belong to `reach`, ordered by key.
pub async fn merged(connection: &mut Tx, reach: &KeyReach) -> Result<Vec<MergedPeople>, StoreError> {
    let reached = reach.condition("c.tenant", "c.key", 1);
    let sql = format!(
        "SELECT c.key, c.tenant, COALESCE(c.identifying, '') AS identifying, COALESCE(MAX(p.split_at), 0) AS split_at, \
           COUNT(DISTINCT p.split_from) AS records, COUNT(*) AS people \
         FROM connections c JOIN people p ON p.connection = c.key \
         WHERE p.split_from IS NOT NULL AND {reached} GROUP BY c.key, c.tenant, c.identifying ORDER BY c.key"
    );
    let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql));
    for value in reach.values() {
        query = query.bind(value);
    }
    let mut merged: Vec<MergedPeople> = query.fetch_all(&mut *connection).await?;
    for one in &mut merged {
        (one.requests, one.request_ids) = requests(connection, one).await?;
    }
    Ok(merged)
}

/// Returns the number of requests that were accepted for shared records, and their ids.
async fn requests(connection: &mut Tx, of: &MergedPeople) -> Result<(i64, Vec<String>), StoreError> {
    const OF_SHARED: &str = "FROM requests r JOIN people p ON p.id = r.person \
                             WHERE r.connection = $1 AND p.split_from IS NOT NULL AND r.received_at <= p.split_at";
    let count = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT COUNT(*) {OF_SHARED}")))
        .bind(&of.connection)
        .fetch_one(&mut *connection)
        .await?;
    let ids = format!("SELECT r.id {OF_SHARED} ORDER BY r.seq DESC LIMIT $2");
    let ids = sqlx::query_scalar(sqlx::AssertSqlSafe(ids)).bind(&of.connection);
    Ok((count, ids.bind(MAX_REQUESTS).fetch_all(connection).await?))
}
