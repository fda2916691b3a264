//! What the server says of itself, and the limits of time of transactions.

use std::time::Duration;

use tokio::{task::yield_now, time::timeout};

use super::{turns::request, *};
use crate::{
    gauges::{DatabaseGauges, of_database},
    testing::connection_row,
};

const DEADLINE: Duration = Duration::from_secs(20);

/// Returns the gauges as soon as `condition` holds for them.
async fn gauges_once(store: &Store, condition: impl Fn(&DatabaseGauges) -> bool) -> DatabaseGauges {
    let found = async {
        loop {
            let gauges = store.read(|c| Box::pin(of_database(c))).await.unwrap();
            if condition(&gauges) {
                return gauges;
            }
            yield_now().await;
        }
    };
    timeout(DEADLINE, found).await.unwrap()
}

#[tokio::test]
async fn a_transaction_that_another_session_holds_open_has_its_age_until_it_ends() {
    let Some(folder) = folder_on_server() else { return };
    let store = folder.store().await;
    let is_old = |gauges: &DatabaseGauges| gauges.oldest_transaction_seconds > Some(0);
    assert!(!is_old(&gauges_once(&store, |_| true).await));
    let mut other = folder.beside().await;
    let held = other.begin().await.unwrap();
    gauges_once(&store, is_old).await;
    held.rollback().await.unwrap();
    gauges_once(&store, |gauges| gauges.oldest_transaction_seconds == Some(0)).await;
}

#[tokio::test]
async fn replaced_rows_of_open_requests_are_counted() {
    let Some(folder) = folder_on_server() else { return };
    let store = folder.store().await;
    connection_row(&store, "acme", "newsletter").await;
    request(&store, "only").await;
    assert_eq!(gauges_once(&store, |_| true).await.dead_rows, Some(0));
    // In one transaction, before whose end no row is removed; the session reports what it did when it ends.
    let mut other = folder.beside().await;
    let replace = "UPDATE open_requests SET lease_until = 1; UPDATE open_requests SET lease_until = 2; \
                   UPDATE open_requests SET lease_until = 3";
    run(&mut other, replace).await;
    other.close().await.unwrap();
    gauges_once(&store, |gauges| gauges.dead_rows == Some(3)).await;
}

#[tokio::test]
async fn a_transaction_has_limits_of_time_for_a_statement_and_between_two() {
    const LIMITS: &str =
        "SELECT current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout')";
    let Some(folder) = folder_on_server() else { return };
    let store = folder.store().await;
    let write = store.write(|tx| Box::pin(async move { Ok(sqlx::query_as(LIMITS).fetch_one(tx).await?) }));
    let limits: (String, String) = write.await.unwrap();
    assert_eq!(limits, ("30s".to_owned(), "10s".to_owned()));
    let read = store.read(|c| Box::pin(async move { Ok(sqlx::query_as(LIMITS).fetch_one(c).await?) }));
    let limits: (String, String) = read.await.unwrap();
    assert_eq!(limits, ("1min".to_owned(), "1min".to_owned()));
    let everything =
        store.read_everything(|c| Box::pin(async move { Ok(sqlx::query_as(LIMITS).fetch_one(c).await?) }));
    let limits: (String, String) = everything.await.unwrap();
    assert_eq!(limits, ("10min".to_owned(), "1min".to_owned()));
}
