//! A server whose machine vanishes: connections stay open, and nothing arrives any more. The time limits pass by the clock of the
//! runtime.

use tokio::{sync::oneshot, task::JoinHandle};

use super::*;
use crate::{DatabaseAddress, testing::master_key};

/// How much time passes at once, and how long the machine has for it: enough for some round trips.
const STEP: Duration = Duration::from_millis(500);
const STEP_TAKES: Duration = Duration::from_millis(20);

/// A store whose server can vanish.
struct Vanishing {
    folder: Folder,
    proxy: Proxy,
    store: Store,
}

impl Vanishing {
    /// Opens it; `None` without a server.
    async fn new() -> Option<Self> {
        let folder = folder_on_server()?;
        // Creates the database.
        folder.store().await.close().await;
        let database = folder.server().unwrap();
        let proxy = Proxy::start(database.host_and_port()).await;
        let address = DatabaseAddress::Server(database.by_way_of(proxy.port));
        let store = Store::open_at(&address, &master_key()).await.unwrap();
        Some(Self { folder, proxy, store })
    }

    /// Begins to write the mark `name`, and goes on when it is told to.
    async fn writing(&self, name: &'static str) -> (oneshot::Sender<()>, JoinHandle<Result<(), StoreError>>) {
        let (says, began) = oneshot::channel();
        let (resume, resumed) = oneshot::channel();
        let store = self.store.clone();
        let write = tokio::spawn(async move {
            let write = store.write(move |tx| {
                Box::pin(async move {
                    says.send(()).unwrap();
                    resumed.await.unwrap();
                    insert_mark(tx, name).await
                })
            });
            write.await
        });
        began.await.unwrap();
        (resume, write)
    }

    /// Begins to read, and goes on when it is told to.
    async fn reading(&self) -> (oneshot::Sender<()>, JoinHandle<Result<i64, StoreError>>) {
        let (says, began) = oneshot::channel();
        let (resume, resumed) = oneshot::channel();
        let store = self.store.clone();
        let read = tokio::spawn(async move {
            let read = store.read(move |c| {
                Box::pin(async move {
                    says.send(()).unwrap();
                    resumed.await.unwrap();
                    Ok(sqlx::query_scalar("SELECT COUNT(*) FROM marks").fetch_one(c).await?)
                })
            });
            read.await
        });
        began.await.unwrap();
        (resume, read)
    }

    /// Has the server vanish.
    fn vanish(&self) {
        self.proxy.lose(Loses::Everything);
    }

    /// Has the server answer new connections again, and checks that the store writes and reads what it should.
    async fn comes_back(&self, expected: &[&str]) {
        self.proxy.lose(Loses::Nothing);
        mark(&self.store, "back").await.unwrap();
        let mut all = vec!["back"];
        all.extend(expected);
        let reads = (0..2 * READERS).map(|_| marks(&self.store));
        for read in futures::future::join_all(reads).await {
            assert_eq!(read, all);
        }
    }
}

/// Returns the result of `task`, which ends before `bound` has passed.
async fn ends_within<T>(bound: Duration, task: JoinHandle<T>) -> T {
    let begun = Instant::now();
    while !task.is_finished() {
        assert!(begun.elapsed() < bound, "it waits for more than {bound:?}");
        tokio::time::pause();
        tokio::time::advance(STEP).await;
        tokio::time::resume();
        sleep(STEP_TAKES).await;
    }
    task.await.unwrap()
}

fn assert_unresponsive(error: &StoreError) {
    assert!(matches!(error, StoreError::Unresponsive(_)), "{error:?}");
}

#[tokio::test]
async fn a_write_that_begins_after_the_server_vanished_ends_with_an_error_and_later_ones_are_committed() {
    let Some(service) = Vanishing::new().await else { return };
    service.vanish();
    let store = service.store.clone();
    let write = tokio::spawn(async move { mark(&store, "lost").await });
    let ended = ends_within(patience::TURN + patience::CONNECT + 10 * STEP, write).await;
    assert_unresponsive(&ended.unwrap_err());
    service.comes_back(&[]).await;
}

#[tokio::test]
async fn a_write_during_which_the_server_vanishes_ends_with_an_error_and_is_not_committed() {
    let Some(service) = Vanishing::new().await else { return };
    let (resume, write) = service.writing("lost").await;
    service.vanish();
    resume.send(()).unwrap();
    let bound = patience::LOOK_INTERVAL + patience::ANSWER + 10 * STEP;
    assert_unresponsive(&ends_within(bound, write).await.unwrap_err());
    // The server rolls it back once it has heard nothing for ten seconds; until then, others wait for the lock.
    let mut beside = service.folder.beside().await;
    let ends = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
                WHERE datname = current_database() AND state = 'idle in transaction'";
    let ended: bool = sqlx::query_scalar(ends).fetch_one(&mut beside).await.unwrap();
    assert!(ended);
    service.comes_back(&[]).await;
}

#[tokio::test]
async fn a_commit_that_the_server_carried_out_before_it_vanished_counts_once_it_is_back() {
    let Some(service) = Vanishing::new().await else { return };
    service.proxy.lose(Loses::AnswersFromCommit);
    let store = service.store.clone();
    let write = tokio::spawn(async move { mark(&store, "committed").await });
    ends_within(patience::LOOK_INTERVAL + PATIENCE, write).await.unwrap();
    service.comes_back(&["committed"]).await;
}

#[tokio::test]
async fn a_commit_of_a_server_that_stays_away_is_said_to_be_unknown() {
    let Some(service) = Vanishing::new().await else { return };
    let (resume, write) = service.writing("unknown").await;
    service.proxy.lose(Loses::AnswersFromCommit);
    resume.send(()).unwrap();
    // It is lost with the commit.
    let is_lost = async || service.proxy.loses_nothing();
    test_support::eventually("the commit is lost", is_lost, |lost| *lost).await;
    service.vanish();
    let bound = patience::LOOK_INTERVAL + patience::ANSWER + PATIENCE + patience::ANSWER + 10 * STEP;
    let error = ends_within(bound, write).await.unwrap_err();
    assert!(matches!(error, StoreError::UnknownCommit), "{error:?}");
    service.comes_back(&["unknown"]).await;
}

#[tokio::test]
async fn a_transaction_that_takes_long_is_not_taken_for_lost() {
    let Some(service) = Vanishing::new().await else { return };
    let (resume, write) = service.writing("slow").await;
    for _ in 0..10 {
        tokio::time::pause();
        tokio::time::advance(patience::LOOK_INTERVAL).await;
        tokio::time::resume();
        sleep(10 * STEP_TAKES).await;
    }
    resume.send(()).unwrap();
    write.await.unwrap().unwrap();
    service.comes_back(&["slow"]).await;
}

#[tokio::test]
async fn reads_during_which_the_server_vanishes_end_with_an_error_and_leave_no_connection_in_use() {
    let Some(service) = Vanishing::new().await else { return };
    let mut reads = Vec::new();
    for _ in 0..READERS {
        reads.push(service.reading().await);
    }
    service.vanish();
    let begun = Instant::now();
    let mut ends = Vec::new();
    for (resume, read) in reads {
        resume.send(()).unwrap();
        ends.push(read);
    }
    for read in ends {
        let left = (patience::READ + 10 * STEP).saturating_sub(begun.elapsed());
        assert_unresponsive(&ends_within(left, read).await.unwrap_err());
    }
    service.comes_back(&[]).await;
}

#[tokio::test]
async fn a_read_that_begins_after_the_server_vanished_ends_with_an_error() {
    let Some(service) = Vanishing::new().await else { return };
    let store = service.store.clone();
    service.vanish();
    let read = tokio::spawn(async move { counted(&store).await });
    // Its connection was just used, so that it is not asked first.
    assert_unresponsive(&ends_within(patience::READ + 10 * STEP, read).await.unwrap_err());
    service.comes_back(&[]).await;
}

#[tokio::test]
async fn a_reader_that_is_cut_off_leaves_its_connection_to_no_one() {
    let Some(service) = Vanishing::new().await else { return };
    let mut reads = Vec::new();
    for _ in 0..READERS {
        reads.push(service.reading().await);
    }
    service.vanish();
    for (_resume, read) in reads {
        read.abort();
        assert!(read.await.unwrap_err().is_cancelled());
    }
    // What the store does about it, it does while the server is away.
    sleep(STEP_TAKES).await;
    service.comes_back(&[]).await;
}

async fn counted(store: &Store) -> Result<i64, StoreError> {
    let read = store.read(|c| {
        Box::pin(async move { Ok(sqlx::query_scalar("SELECT COUNT(*) FROM marks").fetch_one(c).await?) })
    });
    read.await
}
