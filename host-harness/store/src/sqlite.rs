//! SQLite: one writer that commits what has gathered while it was busy, and a few readers beside it.
//!
//! `synchronous = FULL` costs an fsync a commit. Whatever waits when a commit ends goes into the next one together, each
//! piece under a savepoint of its own, so that one that fails undoes itself alone.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use parking_lot::Mutex;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sqlx::{AnyPool, Connection as _, Executor as _, any::AnyPoolOptions, pool::PoolConnection};
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{
    database::{Act, Connection, Database, Undo, Work},
    error::StoreError,
    schema,
};

/// Older versions can corrupt a database in WAL mode: sqlite.org/changes.html, 3.51.3.
const OLDEST: [u32; 3] = [3, 51, 3];

/// For every connection. `secure_delete` overwrites what is deleted: a destroyed key is to be gone.
const PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; \
                       PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000";

/// So much goes into one commit: enough that its fsync no longer counts, and a failed commit loses little time.
const LARGEST_BATCH: usize = 256;

/// What was deleted is overwritten in the database at once, and leaves the log when that is emptied: this often, while
/// anything is written.
const EMPTY_LOG: Duration = Duration::from_mins(1);

/// Writes that wait. More wait in their callers.
const QUEUE: usize = 4_096;

/// Enough for the API beside the workers; each has a thread and a page cache.
const READERS: u32 = 4;

/// A SQLite database.
#[derive(Debug)]
pub(crate) struct Sqlite {
    queue: Mutex<Option<mpsc::Sender<Work>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    readers: AnyPool,
}

impl Sqlite {
    /// Opens the file at `path`, made if there is none, and brings its tables to this version.
    pub(crate) async fn open(path: &Path) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let url = address(path);
        let mut writer = connected(&format!("{url}?mode=rwc")).await?;
        check_version(&mut writer).await?;
        schema::migrate(&mut writer).await?;
        let readers = AnyPoolOptions::new()
            .max_connections(READERS)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    connection.execute(PRAGMAS).await?;
                    connection.execute("PRAGMA query_only = ON").await?;
                    Ok(())
                })
            })
            .connect(&format!("{url}?mode=rw"))
            .await?;
        let (queue, waiting) = mpsc::channel(QUEUE);
        let writer = Writer { url: format!("{url}?mode=rw"), connection: Some(writer) };
        let writer = tokio::spawn(writer.write_all(waiting));
        Ok(Self { queue: Mutex::new(Some(queue)), writer: Mutex::new(Some(writer)), readers })
    }
}

impl Database for Sqlite {
    fn write(&self, work: Work) -> BoxFuture<'_, Result<(), StoreError>> {
        let queue = self.queue.lock().clone();
        Box::pin(async move {
            let queue = queue.ok_or(StoreError::Closed)?;
            queue.send(work).await.map_err(|_| StoreError::Closed)
        })
    }

    fn reader(&self) -> BoxFuture<'_, Result<PoolConnection<sqlx::Any>, StoreError>> {
        Box::pin(async move { Ok(self.readers.acquire().await?) })
    }

    fn back_up<'a>(&'a self, to: &'a Path) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let mut reader = self.readers.acquire().await?;
            reader.execute("PRAGMA query_only = OFF").await?;
            let copied = sqlx::query("VACUUM INTO $1")
                .bind(to.to_string_lossy().into_owned())
                .execute(&mut *reader)
                .await;
            reader.execute("PRAGMA query_only = ON").await?;
            copied?;
            Ok(())
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        let writer = self.writer.lock().take();
        drop(self.queue.lock().take());
        Box::pin(async move {
            self.readers.close().await;
            if let Some(writer) = writer {
                // It ends with its queue, and fails only if the runtime ends first.
                let _ended = writer.await;
            }
        })
    }
}

/// What may stand in an address as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');

/// Percent-encoded, since a path may hold what ends one in an address.
pub(crate) fn address(path: &Path) -> String {
    format!("sqlite:{}", utf8_percent_encode(&path.to_string_lossy(), PLAIN))
}

async fn check_version(connection: &mut Connection) -> Result<(), StoreError> {
    new_enough(sqlx::query_scalar("SELECT sqlite_version()").fetch_one(connection).await?)
}

fn new_enough(found: String) -> Result<(), StoreError> {
    let version: Vec<u32> = found.split('.').map_while(|part| part.parse().ok()).collect();
    if version.as_slice() < OLDEST.as_slice() { Err(StoreError::OldLibrary { found }) } else { Ok(()) }
}

async fn connected(url: &str) -> Result<Connection, StoreError> {
    let mut connection = Connection::connect(url).await?;
    connection.execute(PRAGMAS).await?;
    Ok(connection)
}

/// The one that writes.
struct Writer {
    url: String,
    /// None after a commit that failed.
    connection: Option<Connection>,
}

impl Writer {
    /// Commits what waits, again and again, until nobody can ask any more.
    async fn write_all(mut self, mut waiting: mpsc::Receiver<Work>) {
        let mut batch = Vec::new();
        let mut emptied_at = Instant::now();
        while waiting.recv_many(&mut batch, LARGEST_BATCH).await > 0 {
            let (acts, told): (Vec<_>, Vec<_>) = batch.drain(..).map(|work| (work.act, work.told)).unzip();
            let written = self.write(acts).await;
            for told in told {
                // The caller may have gone.
                let _gone = told.send(written.clone());
            }
            if emptied_at.elapsed() >= EMPTY_LOG
                && let Some(connection) = &mut self.connection
            {
                emptied_at = Instant::now();
                // Refused while somebody reads what is in it: the next time will do.
                let _tried = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").await;
            }
        }
        if let Some(mut connection) = self.connection {
            // What was deleted leaves the log too.
            let _tried = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").await;
            let _closed = connection.close().await;
        }
    }

    /// After a failure, such as a full disk, SQLite may have ended the transaction by itself or not: the next batch goes
    /// through another connection, which knows where it stands.
    async fn write(&mut self, acts: Vec<Act>) -> Result<(), StoreError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => connected(&self.url).await?,
        };
        let committed = commit(&mut connection, acts).await;
        if committed.is_ok() {
            self.connection = Some(connection);
        } else {
            let _closed = connection.close().await;
        }
        committed
    }
}

/// Does each of `acts` and commits all that did not fail.
async fn commit(connection: &mut Connection, acts: Vec<Act>) -> Result<(), StoreError> {
    // Taken at once: a transaction that begins with reading may not be able to write later.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    for act in acts {
        let mut piece = transaction.begin().await?;
        match act(&mut piece).await {
            Ok(()) => piece.commit().await?,
            // If not even that can be undone, what failed first is the cause.
            Err(Undo { cause }) => {
                piece.rollback().await.map_err(|error| cause.unwrap_or_else(|| ended_by_itself(&error)))?;
            }
        }
    }
    Ok(transaction.commit().await?)
}

/// Why there is no savepoint to go back to: after some failures SQLite has undone the whole transaction already.
fn ended_by_itself(error: &sqlx::Error) -> StoreError {
    let why =
        format!("the database ended the transaction by itself, as it does if the disk is full: {error}");
    sqlx::Error::Io(std::io::Error::other(why)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_can_corrupt_a_database_is_refused_by_its_version() {
        for old in ["3.51.2", "3.9.0", "3.51", "2.99.9", ""] {
            let refused = new_enough(old.to_owned()).unwrap_err();
            assert!(matches!(&refused, StoreError::OldLibrary { found } if found == old), "{refused}");
        }
        for new in ["3.51.3", "3.52.0", "3.100.0", "4.0.0"] {
            assert!(new_enough(new.to_owned()).is_ok(), "{new}");
        }
    }
}
