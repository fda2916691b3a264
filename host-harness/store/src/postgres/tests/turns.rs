//! Several processes on one database: what holds by SQLite's single writer holds by turns of the writers.

mod appended;
mod without_turns;

use std::time::Duration;

use futures::future::BoxFuture;
use host_model::{
    contract::manifest::Limit,
    digest::Digest,
    requests::{Action, Step, breaker::Breaker},
};
use tokio::{sync::oneshot, task::yield_now, time::timeout};

use super::*;
use crate::{
    audit::{self, Record},
    audit_chain,
    changes::{self, ChangeKind, NewChange},
    events::{self, NewEvent},
    grant::KeyReach,
    lane::Lane,
    limits, people,
    person::PersonId,
    queue,
    replica_id::ReplicaId,
    requests,
    testing::{connection_row, lease, master_key, name, new_request, sql, write},
};

/// After this time, a test whose condition does not come true fails.
const DEADLINE: Duration = Duration::from_secs(20);

/// Two processes with stores on one database.
struct Two {
    first: Store,
    second: Store,
    /// Looks at the server.
    watcher: Tx,
    _folder: Folder,
}

/// What became of two writes, each with the time limit of a test.
struct Race<T> {
    first: Result<T, StoreError>,
    second: Result<T, StoreError>,
}

impl Two {
    /// Opens the stores, on a database with other defaults for transactions than PostgreSQL's; `None` without a server.
    async fn open() -> Option<Self> {
        Some(Self::open_in(folder_on_server()?).await)
    }

    async fn open_in(folder: Folder) -> Self {
        let mut watcher = folder.beside().await;
        let defaults = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = ''repeatable read''', \
                          current_database()); \
                        EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); \
                        EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$";
        run(&mut watcher, defaults).await;
        Self { first: folder.store().await, second: folder.store().await, watcher, _folder: folder }
    }

    /// Pauses the write of the first process at the end of its transaction. Begins that of the second one, which then ends
    /// or waits for the first one. Runs `meanwhile`, and lets the first one commit.
    async fn race<T: Send + 'static>(
        &mut self,
        first: impl for<'c> FnOnce(&'c mut Tx) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
        second: impl for<'c> FnOnce(&'c mut Tx) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
        meanwhile: impl AsyncFnOnce(&Store),
    ) -> Race<T> {
        let (announce, held) = oneshot::channel();
        let (resume, released) = oneshot::channel::<()>();
        let store = self.first.clone();
        let paused = tokio::spawn(async move {
            let paused = store.write(move |tx| {
                Box::pin(async move {
                    let result = first(tx).await;
                    announce.send(()).unwrap();
                    released.await.unwrap();
                    result
                })
            });
            paused.await
        });
        held.await.unwrap();
        let store = self.second.clone();
        let other = tokio::spawn(async move { store.write(second).await });
        let waits = async {
            while !other.is_finished() && !self.is_somebody_waiting().await {
                yield_now().await;
            }
        };
        timeout(DEADLINE, waits).await.unwrap();
        meanwhile(&self.second).await;
        resume.send(()).unwrap();
        Race {
            first: timeout(DEADLINE, paused).await.unwrap().unwrap(),
            second: timeout(DEADLINE, other).await.unwrap().unwrap(),
        }
    }

    async fn is_somebody_waiting(&mut self) -> bool {
        let waiting = "SELECT COUNT(*) FROM pg_stat_activity \
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let waiting: i64 = sqlx::query_scalar(waiting).fetch_one(&mut self.watcher).await.unwrap();
        waiting > 0
    }
}

pub(super) async fn request(store: &Store, id: &'static str) {
    write(store, move |tx| {
        Box::pin(async move {
            let person = people::known_as(tx, "newsletter", &[name(1)]).await?;
            requests::insert(tx, &new_request(id, "newsletter", person, Action::Erasure)).await
        })
    })
    .await;
}

/// Returns the ids of the requests that are claimed.
fn claim(tx: &mut Tx) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
    Box::pin(async move {
        let lane = Lane {
            tenant: "acme".into(),
            connection: "newsletter".into(),
            action: Action::Erasure,
            step: Step::Act,
            breaker: Breaker::default(),
        };
        let claims =
            queue::claim(tx, &master_key().vault(), &lane, 10, &lease(10, 110), |_| Digest([9; 32])).await?;
        Ok(claims.into_iter().map(|claim| claim.id).collect())
    })
}

/// Claims the only request at both processes. Returns what each is given.
async fn claims(two: &mut Two) -> [Vec<String>; 2] {
    connection_row(&two.first, "acme", "newsletter").await;
    request(&two.first, "only").await;
    let race = two.race(claim, claim, async |_| {}).await;
    [race.first.unwrap(), race.second.unwrap()]
}

#[tokio::test]
async fn a_request_that_two_processes_claim_at_the_same_time_is_given_to_one() {
    let Some(mut two) = Two::open().await else { return };
    assert_eq!(claims(&mut two).await, [vec!["only".to_owned()], Vec::new()]);
}

/// Replays the request `earlier`, which has ended, and claims.
fn replay(tx: &mut Tx) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
    Box::pin(async move {
        requests::replay(tx, "earlier", 10).await?;
        claim(tx).await
    })
}

#[tokio::test]
async fn two_requests_of_one_person_do_not_run_at_the_same_time_when_the_earlier_one_is_replayed() {
    let Some(mut two) = Two::open().await else { return };
    connection_row(&two.first, "acme", "newsletter").await;
    request(&two.first, "earlier").await;
    sql(&two.first, "UPDATE requests SET state = 'failed', finished_at = 9").await;
    sql(&two.first, "DELETE FROM open_requests").await;
    request(&two.first, "later").await;
    let race = two.race(replay, claim, async |_| {}).await;
    assert_eq!((race.first.unwrap(), race.second.unwrap()), (vec!["earlier".to_owned()], Vec::new()));
}

/// Appends an event to the feed.
fn append_event<'c>(tx: &'c mut Tx, id: &'static str) -> BoxFuture<'c, Result<(), StoreError>> {
    Box::pin(async move {
        let event = NewEvent {
            id: id.to_owned(),
            tenant: "acme",
            connection: "newsletter",
            person: PersonId(1),
            news: "{}".to_owned(),
            sealed_identity: Vec::new(),
            received_at: 1,
        };
        events::append(tx, event).await
    })
}

/// Appends an event at both processes. Returns those that a reader of the feed sees who pages before the first one commits,
/// and afterwards from there on.
async fn events_seen(two: &mut Two) -> Vec<String> {
    let (mut cursor, mut seen) = (0, Vec::new());
    let mut page = async |store: &Store| {
        let after = cursor;
        let read = store
            .read(move |c| Box::pin(async move { events::after(c, &KeyReach::default(), after, 10).await }));
        for (seq, event) in read.await.unwrap() {
            cursor = seq;
            seen.push(event.unwrap().id);
        }
    };
    let race = two.race(
        |tx| append_event(tx, "paused"),
        |tx| append_event(tx, "quick"),
        async |store| page(store).await,
    );
    let race = race.await;
    race.first.unwrap();
    race.second.unwrap();
    page(&two.second).await;
    seen
}

#[tokio::test]
async fn a_reader_of_the_feed_misses_no_event_of_a_writer_that_was_paused_before_its_commit() {
    let Some(mut two) = Two::open().await else { return };
    assert_eq!(events_seen(&mut two).await, ["paused", "quick"]);
}

/// Records a change of the connection `name`.
fn change<'c>(tx: &'c mut Tx, name: &'static str) -> BoxFuture<'c, Result<(), StoreError>> {
    let (replica, kind) = (ReplicaId::named(name), ChangeKind::Connection);
    let change = NewChange { replica, applied: 0, kind, name: name.to_owned() };
    Box::pin(async move { change.record(tx).await })
}

/// Records a change at both processes. Returns those that a replica sees that looks before the first one commits, and
/// afterwards from there on.
async fn changes_seen(two: &mut Two) -> Vec<String> {
    let (mut applied, mut seen) = (0, Vec::new());
    let mut look = async |store: &Store| {
        let after = applied;
        let read = store.read(move |c| Box::pin(async move { changes::after(c, after).await }));
        for change in read.await.unwrap() {
            applied = change.number;
            seen.push(change.name);
        }
    };
    let race = two.race(|tx| change(tx, "paused"), |tx| change(tx, "quick"), async |store| look(store).await);
    let race = race.await;
    race.first.unwrap();
    race.second.unwrap();
    look(&two.second).await;
    seen
}

#[tokio::test]
async fn a_replica_misses_no_change_of_a_writer_that_was_paused_before_its_commit() {
    let Some(mut two) = Two::open().await else { return };
    assert_eq!(changes_seen(&mut two).await, ["paused", "quick"]);
}

/// Returns whether there was room in a limit of one request a day.
fn enter(tx: &mut Tx) -> BoxFuture<'_, Result<bool, StoreError>> {
    Box::pin(async move {
        let limit = Limit { name: "a day".into(), requests: 1, period_ms: Some(86_400_000) };
        Ok(limits::enter(tx, &[1; 32], &[limit], 1_000, Duration::ZERO).await.is_ok())
    })
}

/// Enters a request at both processes. Returns whether each had room.
async fn entries(two: &mut Two) -> [bool; 2] {
    let race = two.race(enter, enter, async |_| {}).await;
    [race.first.unwrap(), race.second.unwrap()]
}

#[tokio::test]
async fn the_last_place_of_a_limit_is_taken_by_one_of_two_processes() {
    let Some(mut two) = Two::open().await else { return };
    assert_eq!(entries(&mut two).await, [true, false]);
}

fn append_line(tx: &mut Tx) -> BoxFuture<'_, Result<(), StoreError>> {
    Box::pin(async move { audit::append(tx, &master_key().vault(), "acme", 17, &Record::of("done")).await })
}

#[tokio::test]
async fn an_audit_chain_to_which_two_processes_append_holds_and_has_both_lines() {
    let Some(mut two) = Two::open().await else { return };
    let race = two.race(append_line, append_line, async |_| {}).await;
    race.first.unwrap();
    race.second.unwrap();
    assert_eq!(chain(&two.second).await, (2, true));
}

/// Returns how many lines of the only audit chain hold, and whether all of them do.
async fn chain(store: &Store) -> (i64, bool) {
    let chains = store.read(|c| Box::pin(async move { audit_chain::verify(c, &master_key().vault()).await }));
    let chains = chains.await.unwrap();
    let [chain] = &chains[..] else { panic!("{} chains", chains.len()) };
    (chain.lines, chain.broken.is_none())
}

#[tokio::test]
async fn an_audit_chain_to_which_two_processes_append_all_the_time_holds_and_has_all_lines() {
    const EACH: i64 = 40;
    let Some(two) = Two::open().await else { return };
    let appends = (0..EACH).flat_map(|_| [&two.first, &two.second]).map(|store| store.write(append_line));
    for appended in futures::future::join_all(appends).await {
        appended.unwrap();
    }
    assert_eq!(chain(&two.second).await, (2 * EACH, true));
}

#[tokio::test]
async fn two_processes_that_begin_on_an_empty_database_create_its_tables_once() {
    let Some(folder) = folder_on_server() else { return };
    let address = folder.address().await;
    run(&mut folder.beside().await, "DROP SCHEMA public CASCADE; CREATE SCHEMA public").await;
    let key = master_key();
    let (first, second) = tokio::join!(Store::open_at(&address, &key), Store::open_at(&address, &key));
    mark(&first.unwrap(), "first").await.unwrap();
    assert_eq!(marks(&second.unwrap()).await, ["first"]);
}

#[tokio::test]
async fn a_write_is_on_disk_once_it_is_committed_whatever_the_servers_default_is() {
    let Some(two) = Two::open().await else { return };
    let setting = two.first.write(|tx| {
        Box::pin(async move {
            let setting = sqlx::query_scalar("SELECT current_setting('synchronous_commit')");
            Ok(setting.fetch_one(tx).await?)
        })
    });
    let setting: String = setting.await.unwrap();
    assert_eq!(setting, "on");
}
