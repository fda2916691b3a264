//! PostgreSQL: one writer in each process, one that only appends, and a few readers.
//!
//! Processes write in turn: a transaction that writes holds a lock of the whole database until it ends. So what holds by
//! SQLite's single writer holds for several processes too: a claim sees every claim before it, numbers are committed in
//! their order, a limit is counted and entered by one process at a time, and an audit chain does not fork. What is only
//! appended needs no turn: nothing is decided by what else is written at the same time.

pub(crate) mod dialect;
pub(crate) mod listener;
mod patience;
pub(crate) mod route;
pub(crate) mod schema;

use std::{
    io::ErrorKind,
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures::future::BoxFuture;
use sqlx::{AnyPool, Connection as _, Executor as _, SqlStr, any::AnyPoolOptions};
use tokio::time::{Instant, sleep, timeout};

use self::{listener::NOTIFY, patience::within, route::Route, schema::PostgresSchema};
use crate::{
    address::PostgresAddress,
    database::{Database, ReadConnection, ReadLength, Tx, Work},
    error::StoreError,
    replica_id::ReplicaId,
    schema::{found, migrate},
    seal::Vault,
    writer::{WriteEngine, Writer},
};

/// The number of readers: enough for the API and the workers, which wait for the network in between.
const READERS: u32 = 8;

/// How long a process asks what became of a commit that was not answered: longer than a server takes to start again.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a server says about a transaction that has not ended.
const IN_PROGRESS: &str = "in progress";

/// A connection that was used within this time answers, or its loss is reported to those who read.
const JUST_USED: Duration = Duration::from_secs(1);

/// The pause between two attempts to ask.
const PAUSE: Duration = Duration::from_millis(200);

/// A PostgreSQL database.
pub(crate) struct Postgres {
    writer: Writer,
    appender: Writer,
    readers: AnyPool,
    route: Route,
    replica: Arc<OnceLock<ReplicaId>>,
}

/// Writes to the PostgreSQL database at a URL, which contains the password.
#[derive(Clone)]
struct PostgresEngine {
    url: String,
    route: Route,
    /// What begins a transaction.
    begin: SqlStr,
    /// The replica whose removal ends the right to write, once the process serves.
    replica: Arc<OnceLock<ReplicaId>>,
}

impl Postgres {
    /// Returns whether the database at `address` has a schema of this program.
    pub(crate) async fn is_migrated(address: &PostgresAddress) -> Result<bool, StoreError> {
        sqlx::any::install_default_drivers();
        let mut connection = connected(&address.with_password()).await?;
        let mut snapshot = connection.begin_with(address.route().begin_snapshot(ReadLength::Part)).await?;
        let found = found::<PostgresSchema>(&mut snapshot).await?;
        snapshot.rollback().await?;
        connection.close().await?;
        Ok(found.is_some())
    }

    /// Connects to the database at `address`, and migrates it to this version's schema.
    pub(crate) async fn open(address: &PostgresAddress, vault: &Vault) -> Result<Self, StoreError> {
        let writer = connect(address, vault).await?;
        let (url, route) = (address.with_password(), address.route());
        let readers = AnyPoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(patience::READER)
            // Instead of the pool's own test, which has no time limit.
            .test_before_acquire(false)
            .before_acquire(|connection, used| Box::pin(is_alive(connection, used.idle_for)))
            .connect(&url)
            .await?;
        let replica = Arc::default();
        let engine = PostgresEngine { url, route, begin: route.begin_write(), replica: Arc::clone(&replica) };
        let appending = PostgresEngine { begin: route.begin_append(), ..engine.clone() };
        let (writer, appender) = (Writer::start(engine, Some(writer)), Writer::start(appending, None));
        Ok(Self { writer, appender, readers, route, replica })
    }
}

/// Connects to the database at `address`, and migrates it to this version's schema.
pub(crate) async fn connect(address: &PostgresAddress, vault: &Vault) -> Result<Tx, StoreError> {
    sqlx::any::install_default_drivers();
    let mut connection = connected(&address.with_password()).await?;
    migrate(&mut connection, vault, &PostgresSchema(address.route())).await?;
    Ok(connection)
}

/// Connects to the database at `url`.
async fn connected(url: &str) -> Result<Tx, StoreError> {
    within(patience::CONNECT, Tx::connect(url)).await
}

/// Returns whether the other end of a connection still answers. One that was just used is not asked: a server takes longer to
/// start again.
async fn is_alive(connection: &mut Tx, idle_for: Duration) -> Result<bool, sqlx::Error> {
    if idle_for < JUST_USED {
        return Ok(true);
    }
    let answered = timeout(patience::ANSWER, connection.ping()).await;
    answered.unwrap_or_else(|_| Err(sqlx::Error::Io(ErrorKind::TimedOut.into()))).map(|()| true)
}

impl Database for Postgres {
    fn is_shared(&self) -> bool {
        true
    }

    fn serve_as(&self, replica: &ReplicaId) {
        // A process serves as one replica until it ends.
        let _served_before = self.replica.set(replica.clone());
    }

    fn notify(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        // Without a prepared statement, since a pooler may be in between.
        Box::pin(async move {
            let mut connection = self.readers.acquire().await?;
            let sent = within(patience::ANSWER, connection.execute(sqlx::raw_sql(NOTIFY))).await;
            if sent.is_err() {
                connection.close_on_drop();
            }
            sent.map(drop)
        })
    }

    fn write(&self, work: Work) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.writer.write(work))
    }

    fn append(&self, work: Work) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.appender.write(work))
    }

    fn reader(&self, length: ReadLength) -> BoxFuture<'_, Result<ReadConnection, StoreError>> {
        Box::pin(async move {
            let connection = self.readers.acquire().await.map_err(|error| match error {
                sqlx::Error::PoolTimedOut => StoreError::Unresponsive(patience::READER),
                error => error.into(),
            })?;
            Ok(ReadConnection::new(connection, self.route.begin_snapshot(length)))
        })
    }

    fn max_read(&self, length: ReadLength) -> Option<Duration> {
        Some(match length {
            ReadLength::Part => patience::READ,
            ReadLength::Everything => patience::LONG_READ,
        })
    }

    fn back_up<'a>(&'a self, _to: &'a Path) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async { Err(StoreError::BackedUpByServer) })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // It waits for those that read, and for the other ends of their connections.
            let _closed = timeout(patience::ANSWER, self.readers.close()).await;
            self.appender.close().await;
            self.writer.close().await;
        })
    }
}

impl WriteEngine for PostgresEngine {
    fn begin(&self) -> SqlStr {
        self.begin.clone()
    }

    fn connect(&self) -> BoxFuture<'_, Result<Tx, StoreError>> {
        Box::pin(connected(&self.url))
    }

    fn transaction_id<'a>(&'a self, tx: &'a mut Tx) -> BoxFuture<'a, Result<String, StoreError>> {
        Box::pin(async move {
            let id = match self.replica.get() {
                None => sqlx::query_scalar("SELECT CAST(pg_current_xact_id() AS TEXT)"),
                Some(replica) => sqlx::query_scalar(
                    "SELECT CAST(pg_current_xact_id() AS TEXT) FROM replicas WHERE id = $1",
                )
                .bind(replica.as_str()),
            };
            within(patience::TURN, id.fetch_optional(tx)).await?.ok_or(StoreError::TakenOver)
        })
    }

    fn max_turn_wait(&self) -> Option<Duration> {
        Some(patience::TURN)
    }

    fn loss<'a>(&'a self, id: &'a str) -> BoxFuture<'a, StoreError> {
        Box::pin(async move {
            loop {
                sleep(patience::LOOK_INTERVAL).await;
                match self.status(id).await {
                    Ok(Some(status)) if status == IN_PROGRESS => {}
                    Ok(_) => return StoreError::Unresponsive(patience::LOOK_INTERVAL),
                    // The server answers, if only that it has no room for a connection.
                    Err(StoreError::Database(error)) if matches!(*error, sqlx::Error::Database(_)) => {}
                    Err(error) => return error,
                }
            }
        })
    }

    fn is_committed<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let end = Instant::now() + PATIENCE;
            loop {
                match self.status(id).await {
                    Ok(Some(status)) if status == "committed" => return Ok(true),
                    Ok(Some(status)) if status == "aborted" => return Ok(false),
                    Ok(_) | Err(_) if Instant::now() >= end => return Err(StoreError::UnknownCommit),
                    // Still in progress, or the server does not respond yet.
                    Ok(_) | Err(_) => sleep(PAUSE).await,
                }
            }
        })
    }

    fn tidy<'a>(&'a self, _connection: &'a mut Tx) -> BoxFuture<'a, ()> {
        // Autovacuum does.
        Box::pin(async {})
    }
}

impl PostgresEngine {
    /// Returns the server's word for what became of the transaction with the id `id`; `None` if it has forgotten.
    async fn status(&self, id: &str) -> Result<Option<String>, StoreError> {
        within(patience::ANSWER, self.ask_status(id)).await
    }

    async fn ask_status(&self, id: &str) -> Result<Option<String>, StoreError> {
        let mut connection = self.connect().await?;
        let mut snapshot = connection.begin_with(self.route.begin_snapshot(ReadLength::Part)).await?;
        let status = sqlx::query_scalar("SELECT pg_xact_status(CAST($1 AS xid8))").bind(id);
        let status = status.fetch_one(&mut *snapshot).await?;
        snapshot.rollback().await?;
        connection.close().await?;
        Ok(status)
    }
}

#[cfg(test)]
mod tests;
