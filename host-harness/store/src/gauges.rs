//! Counts of the contents of the store, for metrics.
//! Tested in `api/src/tests/metrics.rs`.

use sqlx::{Row, any::AnyRow};

pub use crate::dialect::SeenTransactions;
use crate::{database::Tx, dialect::ServerGauges, dialects::dialect, error::StoreError, queue::NO_TIME};

/// A count with its labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gauge {
    /// The labels of the metric, by name.
    pub labels: Vec<(&'static str, String)>,
    /// The value of the metric.
    pub value: i64,
}

/// All counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Requests that have not ended, by tenant, connection, action and state.
    pub requests: Vec<Gauge>,
    /// Open alarms, by tenant and kind.
    pub alarms: Vec<Gauge>,
    /// What shows how the database bears the work.
    pub database: DatabaseGauges,
}

/// What shows how the database bears the work. Only a server knows some of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseGauges {
    /// The number of processes that serve the database.
    pub replicas: i64,
    /// The time from which the oldest due request is due, in milliseconds since the Unix epoch; `None` if none waits. One of a connection that
    /// is off, paused or parked does not count.
    pub next_due_at: Option<i64>,
    /// The age of the oldest transaction of the server, in seconds; `None` for a file.
    pub oldest_transaction_seconds: Option<i64>,
    /// The number of replaced rows of the table of open requests that are not removed yet; `None` for a file.
    pub dead_rows: Option<i64>,
}

/// Counts requests that have not ended and open alarms.
pub async fn gauges(connection: &mut Tx) -> Result<Gauges, StoreError> {
    let requests = sqlx::query(
        "SELECT tenant, connection, action AS operation, state AS status, COUNT(*) AS n FROM open_requests \
         GROUP BY tenant, connection, action, state ORDER BY tenant, connection, action, state",
    )
    .fetch_all(&mut *connection)
    .await?;
    let alarms = sqlx::query(
        "SELECT tenant, kind, COUNT(*) AS n FROM alarms WHERE cleared_at IS NULL \
         GROUP BY tenant, kind ORDER BY tenant, kind",
    )
    .fetch_all(&mut *connection)
    .await?;
    Ok(Gauges {
        database: of_database(connection).await?,
        requests: counted(&requests, &["tenant", "connection", "operation", "status"])?,
        alarms: counted(&alarms, &["tenant", "kind"])?,
    })
}

/// Returns what shows how the database bears the work.
pub async fn of_database(connection: &mut Tx) -> Result<DatabaseGauges, StoreError> {
    let replicas = sqlx::query_scalar("SELECT COUNT(*) FROM replicas").fetch_one(&mut *connection).await?;
    // One that an operator or the vendor holds back does not count; one that waits for something else than time has the
    // greatest time.
    let due = "SELECT MIN(next_at) FROM open_requests WHERE state = 'waiting' AND connection NOT IN \
                 (SELECT key FROM connections WHERE enabled = 0 OR parked_why IS NOT NULL OR paused_why IS NOT NULL)";
    let next_due_at: Option<i64> = sqlx::query_scalar(due).fetch_one(&mut *connection).await?;
    let next_due_at = next_due_at.filter(|at| *at < NO_TIME);
    let ServerGauges { oldest_transaction_seconds, dead_rows } =
        dialect(connection).server_gauges(connection).await?;
    Ok(DatabaseGauges { replicas, next_due_at, oldest_transaction_seconds, dead_rows })
}

/// Returns whether the gauge of the oldest transaction includes those of other roles.
pub async fn seen_transactions(connection: &mut Tx) -> Result<SeenTransactions, StoreError> {
    dialect(connection).seen_transactions(connection).await
}

fn counted(rows: &[AnyRow], labels: &[&'static str]) -> Result<Vec<Gauge>, StoreError> {
    let gauge = |row: &AnyRow| {
        let labels = labels.iter().map(|label| Ok((*label, row.try_get(*label)?)));
        Ok(Gauge { labels: labels.collect::<Result<_, StoreError>>()?, value: row.try_get("n")? })
    };
    rows.iter().map(gauge).collect()
}
