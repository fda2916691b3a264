//! Records that several people shared before they were told apart: what an operator has to look at.

use crate::{database::Connection, error::StoreError, requests::one_of};

/// Ids of requests that are listed for a connection. More are counted.
const MAX_REQUESTS: i64 = 1_000;

/// A connection with people who once shared a record.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Merged {
    /// The connection's key.
    #[sqlx(rename = "key")]
    pub connection: String,
    /// Whose it is.
    pub tenant: String,
    /// The identifier kinds that its people are keyed by now, separated by blanks.
    pub identifying: String,
    /// When the last of them were split, in milliseconds since 1970 in UTC.
    pub split_at: i64,
    /// How many records several people shared.
    pub records: i64,
    /// How many people shared them.
    pub people: i64,
    /// How many requests were accepted for such a record before.
    #[sqlx(skip)]
    pub requests: i64,
    /// Their ids, newest first, at most 1,000.
    #[sqlx(skip)]
    pub request_ids: Vec<String>,
}

/// Every such connection of these tenants, or of all if `None`, in the order of their keys.
pub async fn merged(
    connection: &mut Connection,
    tenants: Option<&[String]>,
) -> Result<Vec<Merged>, StoreError> {
    let of_tenants =
        tenants.map_or_else(|| "TRUE".to_owned(), |tenants| one_of("c.tenant", 1, tenants.len()));
    let sql = format!(
        "SELECT c.key, c.tenant, COALESCE(c.identifying, '') AS identifying, COALESCE(MAX(p.split_at), 0) AS split_at, \
           COUNT(DISTINCT p.split_from) AS records, COUNT(*) AS people \
         FROM connections c JOIN people p ON p.connection = c.key \
         WHERE p.split_from IS NOT NULL AND {of_tenants} GROUP BY c.key, c.tenant, c.identifying ORDER BY c.key"
    );
    let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql));
    for tenant in tenants.unwrap_or_default() {
        query = query.bind(tenant);
    }
    let mut merged: Vec<Merged> = query.fetch_all(&mut *connection).await?;
    for one in &mut merged {
        (one.requests, one.request_ids) = requests(connection, one).await?;
    }
    Ok(merged)
}

/// How many requests were accepted for shared records, and their ids.
async fn requests(connection: &mut Connection, of: &Merged) -> Result<(i64, Vec<String>), StoreError> {
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
