//! Watches the database for what slows replicas down: a transaction that is held open keeps dead rows from being removed.

use std::{sync::Arc, time::Duration};

use host_harness::clock::Clock;
use host_store::{
    Store, StoreError,
    alarms::{self, Alarm},
    gauges::{self, SeenTransactions},
};
use tokio_util::sync::CancellationToken;

use crate::tasks::pause;

/// How often to look.
const INTERVAL: Duration = Duration::from_mins(1);

/// The age of a transaction that raises the alarm, in seconds. The service's own take milliseconds, a dump takes minutes; from
/// about here on, claims become slower with each minute.
const MAX_TRANSACTION_SECONDS: i64 = 900;

const HELD_OPEN: &str = "transaction-held-open";

/// Raises the alarm while a transaction is too old, until `stop` is cancelled.
pub(crate) async fn run(store: Store, clock: Arc<dyn Clock>, stop: CancellationToken) {
    if !store.is_shared() {
        return stop.cancelled().await;
    }
    let seen = store.read(|connection| Box::pin(gauges::seen_transactions(connection))).await;
    if matches!(seen, Ok(SeenTransactions::Own)) {
        tracing::warn!(
            next = "GRANT pg_read_all_stats TO the role of the service",
            "transactions of other roles that are held open are not seen"
        );
    }
    while !stop.is_cancelled() {
        if let Err(error) = look(&store, clock.date_ms()).await {
            tracing::error!(%error, "the database cannot be watched");
        }
        pause(&*clock, INTERVAL, &stop).await;
    }
}

async fn look(store: &Store, at: i64) -> Result<(), StoreError> {
    let gauges = store.read(|connection| Box::pin(gauges::of_database(connection))).await?;
    report(store, at, gauges.oldest_transaction_seconds.unwrap_or_default()).await
}

/// Raises the alarm about a transaction of this age, or ends it.
pub(crate) async fn report(store: &Store, at: i64, seconds: i64) -> Result<(), StoreError> {
    let reported = store.write(move |tx| {
        Box::pin(async move {
            if seconds < MAX_TRANSACTION_SECONDS {
                return alarms::is_over(tx, at, HELD_OPEN, HELD_OPEN).await;
            }
            let detail = format!(
                    "a transaction of the PostgreSQL server is {} minutes old: rows that were replaced since cannot be removed, \
                     and claiming work becomes slower; find it in pg_stat_activity by xact_start",
                    seconds / 60
                );
 let alarm = Alarm::of_service(HELD_OPEN, HELD_OPEN, &detail);
 alarms::raise(tx, at, &alarm).await
        })
    });
    reported.await
}

#[cfg(test)]
mod tests {
    use host_store::testing::Folder;

    use super::*;

    #[tokio::test]
    async fn a_transaction_that_is_held_open_raises_an_alarm_until_it_ends() {
        let folder = Folder::new();
        let store = folder.store().await;
        let open = async || store.read(|c| Box::pin(alarms::open(c))).await.unwrap().len();
        report(&store, 1, MAX_TRANSACTION_SECONDS - 1).await.unwrap();
        assert_eq!(open().await, 0);
        report(&store, 2, MAX_TRANSACTION_SECONDS).await.unwrap();
        report(&store, 3, MAX_TRANSACTION_SECONDS + 60).await.unwrap();
        assert_eq!(open().await, 1);
        look(&store, 4).await.unwrap();
        assert_eq!(open().await, 0, "neither a file nor an idle server has such a transaction");
    }
}
