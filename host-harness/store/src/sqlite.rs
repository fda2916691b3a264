//! SQLite: one writer, and a few readers.

pub(crate) mod dialect;
pub(crate) mod schema;

use std::{io, path::Path, time::Duration};

use futures::future::BoxFuture;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sqlx::{AnyPool, Connection as _, Executor as _, SqlStr, any::AnyPoolOptions};

use self::schema::{BEGIN, SqliteSchema};
use crate::{
    database::{Database, ReadConnection, ReadLength, Tx, Work},
    error::StoreError,
    private_file::PrivateFile,
    replica_id::ReplicaId,
    schema::migrate,
    seal::Vault,
    unfinished::beside,
    writer::{WriteEngine, Writer},
};

/// The oldest supported version: older ones can corrupt a database in WAL mode (sqlite.org/changes.html, 3.51.3).
const MIN_VERSION: [u32; 3] = [3, 51, 3];

/// Set on every connection. `secure_delete` overwrites deleted data, so that a destroyed key cannot be recovered.
const PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; \
                       PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000";

/// Begins a transaction that reads.
const BEGIN_SNAPSHOT: SqlStr = SqlStr::from_static("BEGIN");

/// Number of readers: enough for the API and the workers. Each has its own thread and page cache.
const READERS: u32 = 4;

/// A SQLite database.
#[derive(Debug)]
pub(crate) struct Sqlite {
    writer: Writer,
    readers: AnyPool,
}

/// Writes to the SQLite database at a URL.
struct SqliteEngine {
    url: String,
}

impl Sqlite {
    /// Opens the database at `path`, creating it if it does not exist, and migrates it to this version's schema.
    pub(crate) async fn open(path: &Path, vault: &Vault) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        match std::fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && has_log(path) => {
                return Err(StoreError::LogWithoutDatabase);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => create(path, vault).await?,
            Ok(_) | Err(_) => {}
        }
        let writer = open_existing(path, vault).await?;
        let url = format!("{}?mode=rw", address(path));
        let readers = AnyPoolOptions::new()
            .max_connections(READERS)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    connection.execute(PRAGMAS).await?;
                    connection.execute("PRAGMA query_only = ON").await?;
                    Ok(())
                })
            })
            .connect(&url)
            .await?;
        Ok(Self { writer: Writer::start(SqliteEngine { url }, Some(writer)), readers })
    }
}

/// Connects to the database at `path`, which exists, and migrates it to this version's schema.
pub(crate) async fn open_existing(path: &Path, vault: &Vault) -> Result<Tx, StoreError> {
    sqlx::any::install_default_drivers();
    // SQLite reports what it cannot open, but takes an empty file for a new database.
    if std::fs::metadata(path).is_ok_and(|file| file.len() == 0) {
        return Err(StoreError::EmptyFile);
    }
    let mut connection = connected(&format!("{}?mode=rw", address(path))).await?;
    check_version(&mut connection).await?;
    migrate(&mut connection, vault, &SqliteSchema).await?;
    Ok(connection)
}

impl Database for Sqlite {
    fn is_shared(&self) -> bool {
        false
    }

    fn serve_as(&self, _replica: &ReplicaId) {
        // The lock on the file ends with the process.
    }

    fn notify(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }

    fn write(&self, work: Work) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.writer.write(work))
    }

    fn append(&self, work: Work) -> BoxFuture<'_, Result<(), StoreError>> {
        // A file has one writer.
        self.write(work)
    }

    fn reader(&self, _length: ReadLength) -> BoxFuture<'_, Result<ReadConnection, StoreError>> {
        Box::pin(async move { Ok(ReadConnection::new(self.readers.acquire().await?, BEGIN_SNAPSHOT)) })
    }

    fn max_read(&self, _length: ReadLength) -> Option<Duration> {
        // The file is read in this process: there is no one else who could be gone.
        None
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
        Box::pin(async move {
            self.readers.close().await;
            self.writer.close().await;
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
    migrate(&mut connection, vault, &SqliteSchema).await?;
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

impl WriteEngine for SqliteEngine {
    fn begin(&self) -> SqlStr {
        BEGIN
    }

    fn connect(&self) -> BoxFuture<'_, Result<Tx, StoreError>> {
        Box::pin(connected(&self.url))
    }

    fn transaction_id<'a>(&'a self, _tx: &'a mut Tx) -> BoxFuture<'a, Result<String, StoreError>> {
        Box::pin(async { Ok(String::new()) })
    }

    fn is_committed<'a>(&'a self, _id: &'a str) -> BoxFuture<'a, Result<bool, StoreError>> {
        // A commit in the same process is always answered: one that fails is rolled back.
        Box::pin(async { Ok(false) })
    }

    fn max_turn_wait(&self) -> Option<Duration> {
        None
    }

    fn loss<'a>(&'a self, _id: &'a str) -> BoxFuture<'a, StoreError> {
        // The transaction is one of this process.
        Box::pin(std::future::pending())
    }

    fn tidy<'a>(&'a self, connection: &'a mut Tx) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            // Deleted data is overwritten in the database at once, but remains in the log until it is truncated. That fails
            // while a reader uses the log, and is then tried again.
            let _tried = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").await;
        })
    }
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
