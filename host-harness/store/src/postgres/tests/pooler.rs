//! Stores by way of a pooler, which gives each transaction any of its connections to the server.

use std::{pin::pin, time::Duration};

use futures::future::{BoxFuture, join_all, select};
use sqlx::Row as _;
use tokio::{sync::watch, time::timeout};

use super::*;
use crate::{
    DatabaseAddress,
    audit::{self, Record},
    audit_chain,
    testing::{master_key, pooler::Pooler, server::connected},
};

/// After this time, a test whose condition does not come true fails.
const DEADLINE: Duration = Duration::from_mins(1);

/// More clients than the pooler has connections for them, so that they are given each other's.
const CLIENTS: usize = 4;

/// A database that is reached by way of a pooler.
struct PooledDatabase {
    folder: Folder,
    pooler: Pooler,
}

impl PooledDatabase {
    /// Creates a database; `None` without a server or a pooler.
    async fn new() -> Option<Self> {
        let (pooler, folder) = (Pooler::new()?, folder_on_server()?);
        // Creates the database.
        folder.address().await;
        Some(Self { folder, pooler })
    }

    fn address(&self) -> DatabaseAddress {
        DatabaseAddress::Server(self.pooler.address(self.folder.server().unwrap()))
    }

    async fn open(&self) -> Result<Store, StoreError> {
        Store::open_at(&self.address(), &master_key()).await
    }

    async fn clients(&self) -> Vec<Store> {
        join_all((0..CLIENTS).map(|_| self.open())).await.into_iter().map(Result::unwrap).collect()
    }
}

fn append_line(tx: &mut Tx) -> BoxFuture<'_, Result<(), StoreError>> {
    Box::pin(async move { audit::append(tx, &master_key().vault(), "acme", 17, &Record::of("done")).await })
}

/// Inserts the mark with this number.
async fn number(store: &Store, number: usize) -> Result<(), StoreError> {
    let insert = sqlx::query("INSERT INTO marks (name, value) VALUES ($1, '')").bind(format!("{number:06}"));
    store.write(|tx| Box::pin(async move { Ok(insert.execute(tx).await.map(drop)?) })).await
}

#[tokio::test]
async fn processes_that_begin_on_an_empty_database_by_way_of_a_pooler_create_its_tables_once() {
    let Some(pooled) = PooledDatabase::new().await else { return };
    run(&mut pooled.folder.beside().await, "DROP SCHEMA public CASCADE; CREATE SCHEMA public").await;
    assert!(!Store::is_at(&pooled.address()).await.unwrap());
    let clients = pooled.clients().await;
    assert!(Store::is_at(&pooled.address()).await.unwrap());
    clients[0].serve_as("first".to_owned()).await.unwrap();
    mark(&clients[0], "first").await.unwrap();
    assert_eq!(marks(&clients[1]).await, ["first"]);
}

#[tokio::test]
async fn clients_that_are_given_each_others_connections_read_and_write_at_the_same_time() {
    const EACH: usize = 25;
    let Some(pooled) = PooledDatabase::new().await else { return };
    let clients = pooled.clients().await;
    let work = clients.iter().enumerate().map(|(client, store)| async move {
        for written in 1..=EACH {
            number(store, client * EACH + written).await.unwrap();
            let lines =
                store.read(|c| Box::pin(async move { audit_chain::verify(c, &master_key().vault()).await }));
            let (lines, marks) = tokio::join!(lines, marks(store));
            assert!(lines.unwrap().is_empty() && marks.len() >= written);
        }
    });
    timeout(DEADLINE, join_all(work)).await.unwrap();
    assert_eq!(marks(&clients[0]).await.len(), CLIENTS * EACH);
}

#[tokio::test]
async fn an_audit_chain_to_which_clients_append_in_turns_by_way_of_a_pooler_holds() {
    const EACH: usize = 30;
    let Some(pooled) = PooledDatabase::new().await else { return };
    let clients = pooled.clients().await;
    let appends = (0..EACH).flat_map(|_| &clients).map(|store| store.write(append_line));
    for appended in timeout(DEADLINE, join_all(appends)).await.unwrap() {
        appended.unwrap();
    }
    let chains =
        clients[0].read(|c| Box::pin(async move { audit_chain::verify(c, &master_key().vault()).await }));
    let chains = chains.await.unwrap();
    let lines: Vec<_> = chains.iter().map(|chain| (chain.lines, chain.broken.is_none())).collect();
    assert_eq!(lines, [(i64::try_from(CLIENTS * EACH).unwrap(), true)]);
}

#[tokio::test]
async fn a_read_by_way_of_a_pooler_sees_one_state_of_the_database() {
    let Some(pooled) = PooledDatabase::new().await else { return };
    let store = pooled.open().await.unwrap();
    let writer = store.clone();
    let counted = store.read(move |c| {
        Box::pin(async move {
            let count = "SELECT COUNT(*) FROM marks WHERE name IN ('during')";
            let before: i64 = sqlx::query_scalar(count).fetch_one(&mut *c).await?;
            mark(&writer, "during").await?;
            let after: i64 = sqlx::query_scalar(count).fetch_one(&mut *c).await?;
            Ok((before, after))
        })
    });
    assert_eq!(counted.await.unwrap(), (0, 0));
    assert_eq!(marks(&store).await, ["during"]);
}

#[tokio::test]
async fn nothing_of_a_transaction_stays_on_the_connection_that_it_was_given() {
    let Some(pooled) = PooledDatabase::new().await else { return };
    let store = pooled.open().await.unwrap();
    mark(&store, "written").await.unwrap();
    assert_eq!(marks(&store).await, ["written"]);
    // Another client, which is given the same connection. It begins no transaction, which has settings of its own.
    let DatabaseAddress::Server(address) = pooled.address() else { panic!("no server") };
    let settings = "SELECT COUNT(*) FROM pg_settings WHERE source = 'session' AND name NOT IN ('client_encoding', \
                    'DateStyle', 'TimeZone', 'application_name', 'extra_float_digits', 'transaction_isolation', \
                    'transaction_read_only', 'transaction_deferrable', 'standard_conforming_strings')";
    let settings = sqlx::raw_sql(settings).fetch_one(&mut connected(&address).await).await.unwrap();
    assert_eq!(settings.get::<i64, _>(0), 0);
    let locks = "SELECT COUNT(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
                 WHERE d.datname = current_database() AND l.locktype = 'advisory'";
    let locks: i64 = sqlx::query_scalar(locks).fetch_one(&mut pooled.folder.beside().await).await.unwrap();
    assert_eq!(locks, 0);
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_before_a_pooler_counts_and_one_that_did_not_arrive_does_not() {
    let Some(pooled) = PooledDatabase::new().await else { return };
    let proxy = Proxy::start(pooled.pooler.host_and_port()).await;
    let pooled = PooledDatabase { pooler: pooled.pooler.by_way_of(proxy.port), ..pooled };
    let store = pooled.open().await.unwrap();
    assert_commits_count(&store, &proxy).await;
}

/// What became of the writes of all clients.
#[derive(Default)]
struct Writes {
    acknowledged: watch::Sender<Vec<String>>,
    failed: watch::Sender<usize>,
}

impl Writes {
    /// Writes one mark after another.
    async fn write_on(&self, store: &Store, client: usize) {
        for next in (client..).step_by(CLIENTS) {
            match number(store, next).await {
                Ok(()) => self.acknowledged.send_modify(|names| names.push(format!("{next:06}"))),
                Err(error) => {
                    assert!(matches!(error, StoreError::Database(_)), "{error}");
                    self.failed.send_modify(|count| *count += 1);
                }
            }
        }
    }

    /// Returns once `count` more writes are acknowledged.
    async fn acknowledge(&self, count: usize) {
        let wanted = self.acknowledged.borrow().len() + count;
        self.acknowledged.subscribe().wait_for(|names| names.len() >= wanted).await.unwrap();
    }

    /// Returns once `count` more writes have failed.
    async fn fail(&self, count: usize) {
        let wanted = *self.failed.borrow() + count;
        self.failed.subscribe().wait_for(|failed| *failed >= wanted).await.unwrap();
    }
}

#[tokio::test]
async fn a_pooler_that_stops_and_starts_again_costs_clear_errors_and_no_write_that_was_acknowledged() {
    const RESTARTS: usize = 5;
    let Some(pooled) = PooledDatabase::new().await else { return };
    let mut proxy = Proxy::start(pooled.pooler.host_and_port()).await;
    let pooled = PooledDatabase { pooler: pooled.pooler.by_way_of(proxy.port), ..pooled };
    let clients = pooled.clients().await;
    let writes = Writes::default();
    let writing = join_all(clients.iter().enumerate().map(|(client, store)| writes.write_on(store, client)));
    let restarts = async {
        for _ in 0..RESTARTS {
            writes.acknowledge(5 * CLIENTS).await;
            proxy.stop().await;
            writes.fail(2 * CLIENTS).await;
            proxy.resume().await;
        }
        writes.acknowledge(CLIENTS).await;
    };
    timeout(DEADLINE, select(pin!(writing), pin!(restarts))).await.unwrap();
    for (place, store) in clients.iter().enumerate() {
        number(store, 900_000 + place).await.unwrap();
    }
    let stored = marks(&clients[0]).await;
    let acknowledged = writes.acknowledged.borrow();
    let lost: Vec<_> = acknowledged.iter().filter(|name| !stored.contains(name)).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

#[tokio::test]
async fn a_write_after_the_server_ended_the_poolers_connections_is_made() {
    let Some(pooled) = PooledDatabase::new().await else { return };
    let store = pooled.open().await.unwrap();
    mark(&store, "before").await.unwrap();
    let end = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let ended: Vec<bool> =
        sqlx::query_scalar(end).fetch_all(&mut pooled.folder.beside().await).await.unwrap();
    assert!(!ended.is_empty() && ended.iter().all(|ended| *ended), "{ended:?}");
    mark(&store, "later").await.unwrap();
    assert_eq!(marks(&store).await, ["before", "later"]);
}
