//! What SQLite has words of its own for.

use std::future::ready;

use futures::future::BoxFuture;

use crate::{
    database::Tx,
    dialect::{Dialect, SeenTransactions, ServerGauges},
    error::StoreError,
};

/// SQLite.
pub(crate) struct SqliteDialect;

impl Dialect for SqliteDialect {
    fn clock(&self) -> &'static str {
        "CAST(unixepoch('subsec') * 1000 AS INTEGER)"
    }

    fn keep_row(&self) -> &'static str {
        // No other transaction writes.
        ""
    }

    fn skip_event_numbers<'a>(&self, tx: &'a mut Tx, count: i64) -> BoxFuture<'a, Result<(), StoreError>> {
        const BEGUN: &str = "INSERT INTO sqlite_sequence (name, seq) SELECT 'events', 0 \
                             WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'events')";
        const SKIP: &str = "UPDATE sqlite_sequence SET seq = seq + $1 WHERE name = 'events'";
        Box::pin(async move {
            sqlx::query(BEGUN).execute(&mut *tx).await?;
            Ok(sqlx::query(SKIP).bind(count).execute(tx).await.map(drop)?)
        })
    }

    fn server_gauges<'a>(&self, _connection: &'a mut Tx) -> BoxFuture<'a, Result<ServerGauges, StoreError>> {
        Box::pin(ready(Ok(ServerGauges::default())))
    }

    fn seen_transactions<'a>(
        &self,
        _connection: &'a mut Tx,
    ) -> BoxFuture<'a, Result<SeenTransactions, StoreError>> {
        Box::pin(ready(Ok(SeenTransactions::All)))
    }
}
