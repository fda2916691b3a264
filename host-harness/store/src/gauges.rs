//! What the store holds now, counted for whoever watches.

use sqlx::{Row, any::AnyRow};

use crate::{database::Connection, error::StoreError};

/// One count and what it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gauge {
    /// The labels of the metric, by name.
    pub labels: Vec<(&'static str, String)>,
    /// The value of the metric.
    pub value: i64,
}

/// Every count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Requests that are not through.
    pub requests: Vec<Gauge>,
    /// Alarms that nobody cleared.
    pub alarms: Vec<Gauge>,
}

/// Counts.
pub async fn gauges(connection: &mut Connection) -> Result<Gauges, StoreError> {
    let requests = sqlx::query(
        "SELECT tenant, connection, action AS operation, state AS status, COUNT(*) AS n FROM requests \
         WHERE finished_at IS NULL GROUP BY tenant, connection, action, state ORDER BY tenant, connection, action, state",
    )
    .fetch_all(&mut *connection)
    .await?;
    let alarms = sqlx::query(
        "SELECT tenant, kind, COUNT(*) AS n FROM alarms WHERE cleared_at IS NULL \
         GROUP BY tenant, kind ORDER BY tenant, kind",
    )
    .fetch_all(connection)
    .await?;
    Ok(Gauges {
        requests: counted(&requests, &["tenant", "connection", "operation", "status"])?,
        alarms: counted(&alarms, &["tenant", "kind"])?,
    })
}

fn counted(rows: &[AnyRow], labels: &[&'static str]) -> Result<Vec<Gauge>, StoreError> {
    let gauge = |row: &AnyRow| {
        let labels = labels.iter().map(|label| Ok((*label, row.try_get(*label)?)));
        Ok(Gauge { labels: labels.collect::<Result<_, StoreError>>()?, value: row.try_get("n")? })
    };
    rows.iter().map(gauge).collect()
}
