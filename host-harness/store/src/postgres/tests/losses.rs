//! Connections that are lost, and processes that stop in the middle of a write.

use tokio::sync::oneshot;

use super::*;
use crate::testing::master_key;

/// Begins to write the mark `name` after the statement `first`, and stops in the middle of the transaction. Returns the process id of the connection,
/// what lets the write continue, and its end.
async fn stopped(
    store: &Store,
    name: &'static str,
    first: &'static str,
) -> (i64, oneshot::Sender<()>, tokio::task::JoinHandle<Result<(), StoreError>>) {
    let (says, pid) = oneshot::channel();
    let (resume, released) = oneshot::channel();
    let store = store.clone();
    let write = tokio::spawn(async move {
        let write = store.write(move |tx| {
            Box::pin(async move {
                sqlx::query(first).execute(&mut *tx).await?;
                insert_mark(tx, name).await?;
                let pid: i64 =
                    sqlx::query_scalar("SELECT CAST(pg_backend_pid() AS BIGINT)").fetch_one(&mut *tx).await?;
                says.send(pid).unwrap();
                released.await.unwrap();
                sqlx::query("SELECT 1").execute(tx).await?;
                Ok(())
            })
        });
        write.await
    });
    (pid.await.unwrap(), resume, write)
}

#[tokio::test]
async fn a_writer_whose_connection_the_server_ends_reports_it_and_writes_again() {
    let Some(folder) = folder_on_server() else { return };
    let store = folder.store().await;
    let (pid, resume, write) = stopped(&store, "lost", "SELECT 1").await;
    let mut beside = folder.beside().await;
    end_connection(&mut beside, pid).await;
    resume.send(()).unwrap();
    let error = write.await.unwrap().unwrap_err();
    assert!(matches!(error, StoreError::Database(_)), "{error}");
    mark(&store, "later").await.unwrap();
    assert_eq!(marks(&store).await, ["later"]);
}

#[tokio::test]
async fn a_writer_whose_connection_ended_while_it_had_nothing_to_write_writes_on_another_one() {
    let Some(folder) = folder_on_server() else { return };
    let store = folder.store().await;
    let pid = store.write(|tx| {
        Box::pin(async move {
            let pid = sqlx::query_scalar("SELECT CAST(pg_backend_pid() AS BIGINT)");
            Ok(pid.fetch_one(tx).await?)
        })
    });
    end_connection(&mut folder.beside().await, pid.await.unwrap()).await;
    mark(&store, "later").await.unwrap();
    assert_eq!(marks(&store).await, ["later"]);
}

/// Ends the connection with this process id, and waits until it has ended.
async fn end_connection(beside: &mut Tx, pid: i64) {
    let ended = sqlx::query_scalar("SELECT pg_terminate_backend(CAST($1 AS INTEGER), 10000)").bind(pid);
    let ended: bool = ended.fetch_one(beside).await.unwrap();
    assert!(ended);
}

#[tokio::test]
async fn a_process_that_stops_in_the_middle_of_a_write_loses_its_turn_and_commits_nothing() {
    let Some(folder) = folder_on_server() else { return };
    let (frozen, other) = (folder.store().await, folder.store().await);
    let limit = frozen.write(|tx| {
        Box::pin(async move {
            let limit = sqlx::query_scalar("SELECT current_setting('idle_in_transaction_session_timeout')");
            Ok(limit.fetch_one(tx).await?)
        })
    });
    let limit: String = limit.await.unwrap();
    assert_eq!(limit, "10s");
    // So that the test does not last as long.
    let soon = "SET LOCAL idle_in_transaction_session_timeout = '200ms'";
    let (_, resume, write) = stopped(&frozen, "frozen", soon).await;
    mark(&other, "other").await.unwrap();
    resume.send(()).unwrap();
    write.await.unwrap().unwrap_err();
    assert_eq!(marks(&other).await, ["other"]);
    mark(&frozen, "awake").await.unwrap();
    assert_eq!(marks(&other).await, ["awake", "other"]);
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_counts_and_one_that_did_not_arrive_does_not() {
    let Some(folder) = folder_on_server() else { return };
    // Creates the database.
    folder.store().await.close().await;
    let database = folder.server().unwrap();
    let proxy = Proxy::start(database.host_and_port()).await;
    let address = crate::DatabaseAddress::Server(database.by_way_of(proxy.port));
    let store = Store::open_at(&address, &master_key()).await.unwrap();
    assert_commits_count(&store, &proxy).await;
}

#[tokio::test]
async fn a_text_with_a_nul_character_is_refused_and_the_rest_of_its_batch_is_kept() {
    let Some(folder) = folder_on_server() else { return };
    let store = folder.store().await;
    let (before, refused, after) =
        tokio::join!(mark(&store, "before"), mark(&store, "with\0nul"), mark(&store, "later"));
    before.unwrap();
    after.unwrap();
    let refused = refused.unwrap_err();
    assert!(matches!(refused, StoreError::NulCharacter), "{refused:?}");
    assert_eq!(marks(&store).await, ["before", "later"]);
}
