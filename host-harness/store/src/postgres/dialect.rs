//! What PostgreSQL has words of its own for.

use futures::future::BoxFuture;

use crate::{
    database::Tx,
    dialect::{Dialect, SeenTransactions, ServerGauges},
    error::StoreError,
};

/// PostgreSQL.
pub(crate) struct PostgresDialect;

impl Dialect for PostgresDialect {
    fn clock(&self) -> &'static str {
        "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
    }

    fn keep_row(&self) -> &'static str {
        "FOR KEY SHARE"
    }

    fn skip_event_numbers<'a>(&self, tx: &'a mut Tx, count: i64) -> BoxFuture<'a, Result<(), StoreError>> {
        const SKIP: &str = "SELECT setval(pg_get_serial_sequence('events', 'seq'), \
                              nextval(pg_get_serial_sequence('events', 'seq')) + $1)";
        Box::pin(async move { Ok(sqlx::query(SKIP).bind(count).execute(tx).await.map(drop)?) })
    }

    fn server_gauges<'a>(&self, connection: &'a mut Tx) -> BoxFuture<'a, Result<ServerGauges, StoreError>> {
        // Without this one, which reads the view.
        const OLDEST: &str = "SELECT CAST(COALESCE(EXTRACT(EPOCH FROM clock_timestamp() - MIN(xact_start)), 0) AS BIGINT) \
                              FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        const DEAD: &str = "SELECT CAST(COALESCE(MAX(n_dead_tup), 0) AS BIGINT) FROM pg_stat_user_tables \
                            WHERE relname = 'open_requests' AND schemaname = current_schema()";
        Box::pin(async move {
            let oldest_transaction_seconds = sqlx::query_scalar(OLDEST).fetch_one(&mut *connection).await?;
            let dead_rows = sqlx::query_scalar(DEAD).fetch_one(connection).await?;
            Ok(ServerGauges { oldest_transaction_seconds, dead_rows })
        })
    }

    fn seen_transactions<'a>(
        &self,
        connection: &'a mut Tx,
    ) -> BoxFuture<'a, Result<SeenTransactions, StoreError>> {
        const SEES: &str = "SELECT CASE WHEN pg_has_role('pg_read_all_stats', 'USAGE') THEN 1 ELSE 0 END";
        Box::pin(async move {
            let sees: i32 = sqlx::query_scalar(SEES).fetch_one(connection).await?;
            Ok(if sees == 1 { SeenTransactions::All } else { SeenTransactions::Own })
        })
    }
}
