//! Counts of the contents of the store, for metrics.
//! Tested in `api/src/tests/metrics.rs`.

use sqlx::{Row, any::AnyRow};

use crate::{database::Tx, error::StoreError};

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
}

/// Counts requests that have not ended and open alarms.
pub async fn gauges(connection: &mut Tx) -> Result<Gauges, StoreError> {
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
