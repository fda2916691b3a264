mod dialects;
mod odd_rows;
mod portions;
mod snapshots;
mod turn;
mod words;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::Row as _;
use tokio::{
    sync::{Semaphore, oneshot},
    time::timeout,
};

use crate::{
    choices,
    commits::RESULT_VALIDITY,
    error::StoreError,
    handle::Store,
    queue,
    seal::MasterKey,
    testing::{Folder, master_key},
};
use host_model::secret::Secret;

async fn mark(store: &Store, name: &'static str, fails: bool) -> Result<(), StoreError> {
    store
        .write(move |tx| {
            Box::pin(async move {
                sqlx::query("INSERT INTO marks (name, value) VALUES ($1, $2)")
                    .bind(name)
                    .bind(b"x".to_vec())
                    .execute(tx)
                    .await?;
                if fails { Err(StoreError::Unreadable(name.to_owned())) } else { Ok(()) }
            })
        })
        .await
}

async fn marks(store: &Store) -> Vec<String> {
    let read = store.read(|connection| {
        Box::pin(async move {
            Ok(sqlx::query_scalar("SELECT name FROM marks WHERE name <> 'program' ORDER BY name")
                .fetch_all(connection)
                .await?)
        })
    });
    read.await.unwrap()
}

async fn pragma(store: &Store, name: &'static str) -> String {
    let read = store.read(move |connection| {
        Box::pin(async move {
            let value: String = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
                "SELECT CAST({name} AS TEXT) FROM pragma_{name}"
            )))
            .fetch_one(connection)
            .await?;
            Ok(value)
        })
    });
    read.await.unwrap()
}

#[tokio::test]
async fn the_log_of_a_lost_database_is_not_applied_to_a_new_one() {
    let folder = Folder::new();
    let database = folder.file("host.db");
    std::fs::write(folder.file("host.db-wal"), "frames").unwrap();
    let refused = Store::open(&database, &master_key()).await.unwrap_err();
    assert!(matches!(refused, StoreError::LogWithoutDatabase), "{refused}");
    assert!(!database.exists());
}

#[tokio::test]
async fn the_database_syncs_each_commit_and_overwrites_what_is_deleted() {
    let folder = Folder::new();
    let store = folder.file_store().await;
    assert_eq!(pragma(&store, "journal_mode").await, "wal");
    assert_eq!(pragma(&store, "synchronous").await, "2");
    assert_eq!(pragma(&store, "secure_delete").await, "1");
}

#[tokio::test]
async fn what_fails_undoes_itself_alone_and_the_rest_of_its_batch_is_kept() {
    let folder = Folder::new();
    let store = Arc::new(folder.store().await);
    let (a, b, c) = tokio::join!(mark(&store, "a", false), mark(&store, "b", true), mark(&store, "c", false));
    assert!(a.is_ok() && c.is_ok());
    assert_eq!(b.unwrap_err().to_string(), StoreError::Unreadable("b".into()).to_string());
    assert_eq!(marks(&store).await, ["a", "c", "master-key"]);
}

/// Why work on the marks failed.
#[derive(Debug)]
enum NotMarked {
    Refused,
    Store(StoreError),
}

impl From<StoreError> for NotMarked {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Writes a mark, then returns the result of `end`.
async fn try_mark(
    store: &Store,
    name: &'static str,
    end: impl FnOnce() -> Result<(), NotMarked> + Send + 'static,
) -> Result<(), NotMarked> {
    store
        .try_write(move |tx| {
            Box::pin(async move {
                sqlx::query("INSERT INTO marks (name, value) VALUES ($1, $2)")
                    .bind(name)
                    .bind(b"x".to_vec())
                    .execute(tx)
                    .await
                    .map_err(StoreError::from)?;
                end()
            })
        })
        .await
}

#[tokio::test]
async fn what_was_written_before_a_refusal_is_not_there_and_the_rest_of_its_batch_is_kept() {
    let folder = Folder::new();
    let store = folder.store().await;
    let (done, refused, beside) = tokio::join!(
        try_mark(&store, "done", || Ok(())),
        try_mark(&store, "refused", || Err(NotMarked::Refused)),
        mark(&store, "beside", false),
    );
    assert!(done.is_ok() && beside.is_ok());
    assert!(matches!(refused, Err(NotMarked::Refused)), "{refused:?}");
    assert_eq!(marks(&store).await, ["beside", "done", "master-key"]);
}

#[tokio::test]
async fn a_failure_of_the_store_is_an_error_of_work_that_may_refuse() {
    let folder = Folder::new();
    let store = folder.store().await;
    let twice = try_mark(&store, "master-key", || Ok(())).await;
    assert!(matches!(twice, Err(NotMarked::Store(StoreError::Database(_)))), "{twice:?}");
    store.close().await;
    let late = try_mark(&store, "late", || Ok(())).await;
    assert!(matches!(late, Err(NotMarked::Store(StoreError::Closed))), "{late:?}");
}

/// Limits the database to `more` pages beyond its current size.
async fn grow_to(store: &Store, more: i64) {
    let limited = store.write(move |tx| {
        Box::pin(async move {
            let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut *tx).await?;
            let limit = format!("PRAGMA max_page_count = {}", pages + more);
            sqlx::query(sqlx::AssertSqlSafe(limit)).execute(tx).await?;
            Ok(())
        })
    });
    limited.await.unwrap();
}

async fn mark_large(store: &Store, name: &'static str) -> Result<(), StoreError> {
    let large = store.write(move |tx| {
        Box::pin(async move {
            let new = sqlx::query("INSERT INTO marks (name, value) VALUES ($1, $2)");
            Ok(new.bind(name).bind(vec![7; 1 << 20]).execute(tx).await.map(drop)?)
        })
    });
    large.await
}

#[tokio::test]
async fn a_full_disk_fails_every_write_of_its_batch_and_writes_succeed_once_there_is_room() {
    let folder = Folder::new();
    let store = folder.file_store().await;
    grow_to(&store, 8).await;
    let (a, large, c) =
        tokio::join!(mark(&store, "a", false), mark_large(&store, "large"), mark(&store, "c", false));
    for refused in [a, large, c] {
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("database or disk is full"), "{refused}");
    }
    // The limit applied only to that connection, so there is room again.
    mark(&store, "later", false).await.unwrap();
    mark_large(&store, "large").await.unwrap();
    assert_eq!(marks(&store).await, ["large", "later", "master-key"]);
}

#[tokio::test]
async fn after_a_failed_commit_the_store_does_not_answer_until_one_succeeds() {
    let folder = Folder::new();
    let store = folder.file_store().await;
    store.answers().await.unwrap();
    grow_to(&store, 8).await;
    mark_large(&store, "large").await.unwrap_err();
    let refused = store.answers().await.unwrap_err().to_string();
    assert!(refused.contains("database or disk is full"), "{refused}");
    // The limit applied only to that connection, so there is room again.
    let again = async { while store.answers().await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(20), again).await.unwrap();
}

#[tokio::test]
async fn a_stalled_disk_is_reported_in_time_and_all_callers_share_one_probe_write() {
    let folder = Folder::new();
    let store = folder.store().await;
    let gate = Arc::new(Semaphore::new(0));
    let (stalls, stalled) = oneshot::channel();
    let held = tokio::spawn({
        let (store, gate) = (store.clone(), Arc::clone(&gate));
        async move {
            let stall = store.write(move |_| {
                Box::pin(async move {
                    stalls.send(()).unwrap();
                    gate.acquire().await.map(drop).map_err(|_| StoreError::Closed)
                })
            });
            stall.await
        }
    });
    stalled.await.unwrap();
    let late = store.answers().await.unwrap_err();
    assert!(matches!(late, StoreError::Busy(_)), "{late}");
    // The failure is known by now, so no caller waits that long again.
    let begun = Instant::now();
    store.answers().await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(3));
    tokio::time::sleep(RESULT_VALIDITY).await;
    for _ in 0..3 {
        timeout(Duration::from_millis(50), store.answers()).await.unwrap_err();
    }

    gate.add_permits(1);
    held.await.unwrap().unwrap();
    // Queued behind all other writes.
    mark(&store, "later", false).await.unwrap();
    assert_eq!(asked(&store).await, [0]);
    store.answers().await.unwrap();
}

/// Returns the value written by the last trial commit. Each trial commit flips it.
async fn asked(store: &Store) -> Vec<u8> {
    let value = store.read(|connection| {
        Box::pin(async move {
            let asked = sqlx::query_scalar("SELECT value FROM marks WHERE name = 'asked'");
            Ok(asked.fetch_one(connection).await?)
        })
    });
    value.await.unwrap()
}

#[tokio::test]
async fn asking_again_and_again_whether_the_store_answers_writes_little() {
    let folder = Folder::new();
    let store = folder.store().await;
    // On a busy machine, the second call may come too late.
    for _ in 0..20 {
        let begun = Instant::now();
        store.answers().await.unwrap();
        let written = asked(&store).await;
        store.answers().await.unwrap();
        if begun.elapsed() < RESULT_VALIDITY {
            assert_eq!(asked(&store).await, written);
            return;
        }
    }
    panic!("the machine is too slow");
}

#[tokio::test]
async fn a_full_disk_is_reported_by_work_that_may_refuse_too() {
    let folder = Folder::new();
    let store = folder.file_store().await;
    grow_to(&store, 8).await;
    let large = store.try_write::<(), NotMarked>(|tx| {
        Box::pin(async move {
            let new = sqlx::query("INSERT INTO marks (name, value) VALUES ('large', $1)");
            Ok(new.bind(vec![7; 1 << 20]).execute(tx).await.map(drop).map_err(StoreError::from)?)
        })
    });
    let (a, large) = tokio::join!(mark(&store, "a", false), large);
    let Err(NotMarked::Store(large)) = large else { panic!("{large:?}") };
    for refused in [a.unwrap_err(), large] {
        assert!(refused.to_string().contains("disk is full"), "{refused}");
    }
    mark(&store, "later", false).await.unwrap();
    assert_eq!(marks(&store).await, ["later", "master-key"]);
}

/// Returns the steps of SQLite's query plan for `sql`.
async fn plan(store: &Store, sql: &'static str) -> Vec<String> {
    let steps = store.read(move |connection| {
        Box::pin(async move {
            let explain = format!("EXPLAIN QUERY PLAN {sql}");
            let steps = sqlx::query(sqlx::AssertSqlSafe(explain)).fetch_all(connection).await?;
            Ok(steps.iter().map(|step| step.get("detail")).collect())
        })
    });
    steps.await.unwrap()
}

#[tokio::test]
async fn what_is_asked_again_and_again_goes_through_no_table() {
    let folder = Folder::new();
    let store = folder.file_store().await;
    for sql in [queue::DUE_LANES, queue::CLAIM, choices::PRUNE] {
        let steps = plan(&store, sql).await;
        assert!(steps.iter().any(|step| step.starts_with("SEARCH ")), "{steps:?}");
        let scans = steps.iter().filter(|step| step.starts_with("SCAN "));
        // Scans of the few values that the query itself lists are allowed.
        let scans: Vec<_> = scans
            .filter(|step| !["SCAN w", "SCAN l", "SCAN CONSTANT ROW"].contains(&step.as_str()))
            .collect();
        assert!(scans.is_empty(), "{scans:?} in {sql}");
    }
    let steps = plan(&store, queue::DUE_LANES).await;
    assert!(
        steps.iter().any(|step| step.contains("(connection>?)")),
        "from connection to connection: {steps:?}"
    );
    let steps = plan(&store, queue::CLAIM).await;
    assert!(steps.iter().any(|step| step.contains("COVERING INDEX open_requests_in_order")), "{steps:?}");
    assert!(
        !steps.iter().any(|step| step.contains("ORDER BY")),
        "due requests must not be sorted: {steps:?}"
    );
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let folder = Folder::new();
    let store = folder.store().await;
    mark(&store, "a", false).await.unwrap();
    store.close().await;
    assert!(matches!(mark(&store, "late", false).await, Err(StoreError::Closed)));
    assert_eq!(marks(&folder.store().await).await, ["a", "master-key"]);
}

#[tokio::test]
async fn another_master_key_is_refused() {
    let folder = Folder::new();
    folder.store().await.close().await;
    let other = MasterKey::read(&Secret::new("f".repeat(64)).unwrap()).unwrap();
    let refused = Store::open_at(&folder.address().await, &other).await.unwrap_err();
    assert!(matches!(refused, StoreError::WrongMasterKey), "{refused}");
}

#[tokio::test]
async fn a_backup_is_a_database_with_everything_in_it() {
    let folder = Folder::new();
    let store = folder.file_store().await;
    mark(&store, "a", false).await.unwrap();
    store.back_up(&folder.file("copy.db")).await.unwrap();
    mark(&store, "later", false).await.unwrap();
    let copy = Store::open(&folder.file("copy.db"), &master_key()).await.unwrap();
    assert_eq!(marks(&copy).await, ["a", "master-key"]);
}

#[tokio::test]
async fn a_path_may_hold_what_ends_one_in_an_address() {
    let folder = Folder::new();
    let path = folder.file("a host? #1%.db");
    Store::open(&path, &master_key()).await.unwrap().close().await;
    assert!(path.exists());
}

#[tokio::test]
async fn a_tenants_hashes_of_people_outlive_the_process() {
    let folder = Folder::new();
    let ada = host_model::contract::Identifier::new("email", "ada@example.com");
    let store = folder.store().await;
    let name = store.person_key("acme").await.unwrap().name(&ada);
    assert_ne!(store.person_key("other").await.unwrap().name(&ada), name);
    store.close().await;
    assert_eq!(folder.store().await.person_key("acme").await.unwrap().name(&ada), name);
}
