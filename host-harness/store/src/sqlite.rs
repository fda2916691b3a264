//! SQLite: one writer, which commits in batches, and a few readers.
//!
//! `synchronous = FULL` costs one fsync per commit. All writes that are waiting when a commit ends go into the next
//! one, each under its own savepoint, so that a write that fails is rolled back alone.

use std::{
    io,
    path::Path,
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use parking_lot::Mutex;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sqlx::{AnyPool, Connection as _, Executor as _, Transaction, any::AnyPoolOptions};
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{
    database::{Act, Database, Rollback, Tx, Work},
    error::StoreError,
    private_file::PrivateFile,
    schema,
    seal::Vault,
    unfinished::beside,
};

/// The oldest supported version: older ones can corrupt a database in WAL mode (sqlite.org/changes.html, 3.51.3).
const MIN_VERSION: [u32; 3] = [3, 51, 3];

/// Set on every connection. `secure_delete` overwrites deleted data, so that a destroyed key cannot be recovered.
const PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; \
                       PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000";

/// Maximum number of writes in one commit: large enough that the cost of the fsync is negligible, small enough that a
/// failed commit wastes little time.
const MAX_BATCH: usize = 256;

/// How often the write-ahead log is truncated while there are writes. Deleted data is overwritten in the database at
/// once, but remains in the log until then.
const TRUNCATE_INTERVAL: Duration = Duration::from_mins(1);

/// Capacity of the write queue. Callers wait while it is full.
const QUEUE_CAPACITY: usize = 4_096;

/// Number of readers: enough for the API and the workers. Each has its own thread and page cache.
const READERS: u32 = 4;

/// A SQLite database.
#[derive(Debug)]
pub(crate) struct Sqlite {
    queue: Mutex<Option<mpsc::Sender<Work>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    readers: AnyPool,
}

impl Sqlite {
    /// Opens the database at `path`, creating it if it does not exist, and migrates it to this version's schema.
    pub(crate) async fn open(path: &Path, vault: &Vault) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        match std::fs::metadata(path) {
            Ok(file) if file.len() == 0 => return Err(StoreError::EmptyFile),
            Err(error) if error.kind() == io::ErrorKind::NotFound && has_log(path) => {
                return Err(StoreError::LogWithoutDatabase);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => create(path, vault).await?,
            // SQLite reports what it cannot open.
            Ok(_) | Err(_) => {}
        }
        let url = address(path);
        let mut writer = connected(&format!("{url}?mode=rw")).await?;
        check_version(&mut writer).await?;
        schema::migrate(&mut writer, vault).await?;
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
        let (queue, waiting) = mpsc::channel(QUEUE_CAPACITY);
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

    fn snapshot(&self) -> BoxFuture<'_, Result<Transaction<'static, sqlx::Any>, StoreError>> {
        Box::pin(async move { Ok(self.readers.begin().await?) })
    }

    fn back_up<'a>(&'a self, to: &'a Path) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let copy = PrivateFile::new(to).map_err(sqlx::Error::Io)?;
            let mut reader = self.readers.acquire().await?;
            reader.execute("PRAGMA query_only = OFF").await?;
            let copied = sqlx::query("VACUUM INTO $1")
                .bind(copy.path().to_string_lossy().into_owned())
                .execute(&mut *reader)
                .await;
            reader.execute("PRAGMA query_only = ON").await?;
            copied?;
            Ok(copy.keep().map_err(sqlx::Error::Io)?)
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        let writer = self.writer.lock().take();
        drop(self.queue.lock().take());
        Box::pin(async move {
            self.readers.close().await;
            if let Some(writer) = writer {
                // The writer ends when its queue is closed. Joining it fails only if the runtime shuts down first.
                let _ended = writer.await;
            }
        })
    }
}

/// Returns whether there is a write-ahead log with content for a database at `path`. SQLite would apply it to a new
/// database there.
fn has_log(path: &Path) -> bool {
    std::fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0)
}

/// Creates the database. It appears at `path` once it has its tables, so that an interruption leaves none that is empty.
async fn create(path: &Path, vault: &Vault) -> Result<(), StoreError> {
    let new = PrivateFile::new(path).map_err(sqlx::Error::Io)?;
    let mut connection = connected(&format!("{}?mode=rw", address(new.path()))).await?;
    schema::migrate(&mut connection, vault).await?;
    // Closing the only connection moves the write-ahead log into the file.
    connection.close().await?;
    match new.keep() {
        // Another process was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        kept => Ok(kept.map_err(sqlx::Error::Io)?),
    }
}

/// The characters to percent-encode in a database URL.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');

/// Returns the URL of the database at `path`, percent-encoded because a path may contain characters that would end it
/// in a URL.
pub(crate) fn address(path: &Path) -> String {
    format!("sqlite:{}", utf8_percent_encode(&path.to_string_lossy(), PLAIN))
}

async fn check_version(connection: &mut Tx) -> Result<(), StoreError> {
    new_enough(sqlx::query_scalar("SELECT sqlite_version()").fetch_one(connection).await?)
}

fn new_enough(found: String) -> Result<(), StoreError> {
    let version: Vec<u32> = found.split('.').map_while(|part| part.parse().ok()).collect();
    if version.as_slice() < MIN_VERSION.as_slice() { Err(StoreError::OldLibrary { found }) } else { Ok(()) }
}

async fn connected(url: &str) -> Result<Tx, StoreError> {
    let mut connection = Tx::connect(url).await?;
    connection.execute(PRAGMAS).await?;
    Ok(connection)
}

/// The task that writes.
struct Writer {
    url: String,
    /// `None` after a failed commit.
    connection: Option<Tx>,
}

impl Writer {
    /// Commits queued writes until all senders are dropped.
    async fn write_all(mut self, mut waiting: mpsc::Receiver<Work>) {
        let mut batch = Vec::new();
        let mut emptied_at = Instant::now();
        while waiting.recv_many(&mut batch, MAX_BATCH).await > 0 {
            let (acts, told): (Vec<_>, Vec<_>) = batch.drain(..).map(|work| (work.act, work.told)).unzip();
            let written = self.write(acts).await;
            for told in told {
                // The caller may have been dropped.
                let _gone = told.send(written.clone());
            }
            if emptied_at.elapsed() >= TRUNCATE_INTERVAL
                && let Some(connection) = &mut self.connection
            {
                emptied_at = Instant::now();
                // Fails while a reader uses the log, and is then tried again at the next interval.
                let _tried = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").await;
            }
        }
        if let Some(mut connection) = self.connection {
            // Removes deleted data from the log, too.
            let _tried = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").await;
            let _closed = connection.close().await;
        }
    }

    /// Commits a batch. After a failure such as a full disk, SQLite may or may not have rolled back the transaction, so
    /// the next batch uses a new connection, whose state is known.
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

/// Runs each of `acts` and commits all that did not fail.
async fn commit(connection: &mut Tx, acts: Vec<Act>) -> Result<(), StoreError> {
    // Takes the write lock at once: a transaction that starts with a read may be unable to write later.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    for act in acts {
        let mut piece = transaction.begin().await?;
        match act(&mut piece).await {
            Ok(()) => piece.commit().await?,
            // If the rollback fails as well, the first failure is reported as the cause.
            Err(Rollback { cause }) => {
                piece.rollback().await.map_err(|error| cause.unwrap_or_else(|| transaction_lost(&error)))?;
            }
        }
    }
    Ok(transaction.commit().await?)
}

/// The error for a savepoint that no longer exists: after some failures, SQLite has already rolled back the whole
/// transaction.
fn transaction_lost(error: &sqlx::Error) -> StoreError {
    let why = format!(
        "the database rolled back the transaction on its own, as it does when the disk is full: {error}"
    );
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
