//! Errors of the store.

use std::{sync::Arc, time::Duration};

use host_model::digest::Digest;
use sqlx::error::DatabaseError;

/// PostgreSQL's code for bytes that are no character of the database's encoding. Every other text from Rust is UTF-8.
const CHARACTER_NOT_IN_REPERTOIRE: &str = "22021";

/// A sealed value could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a sealed value cannot be opened: it was changed, moved or truncated, or sealed with a different key"
)]
pub struct Unsealable;

/// An error of the store. The operation had no effect.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, is full, or rejected the operation.
    #[error("database error: {0}")]
    Database(Arc<sqlx::Error>),
    /// The database could not be migrated to this version's schema.
    #[error("the database cannot be migrated to this version: {0}")]
    Migration(Arc<sqlx::migrate::MigrateError>),
    /// The database has the schema of a newer version.
    #[error(
        "the database has schema {found}, written by connector-host {written_by}; this is connector-host {}, which \
         supports schema {known} and older: start the newer version, or restore a backup written by this one",
        env!("CARGO_PKG_VERSION")
    )]
    NewerDatabase {
        /// The schema version of the database.
        found: i64,
        /// The version of the program that last wrote the database.
        written_by: String,
        /// The newest schema version that this program supports.
        known: i64,
    },
    /// The database has tables, indexes, triggers or views that its schema does not define, or lacks some.
    #[error(
        "the database was changed from outside: {}. Look at each with `sqlite3 FILE .schema` or `psql -c '\\d'`, and undo it or \
         restore a backup. A PostgreSQL service has a database or schema of its own",
        differences(foreign, missing)
    )]
    ForeignSchema {
        /// What it has and its schema does not define, each as its kind and name.
        foreign: Vec<String>,
        /// What its schema defines and it lacks, each as its kind and name.
        missing: Vec<String>,
    },
    /// The file has no content. A database is never empty, so it is not taken for a new one.
    #[error(
        "the file is empty, which a database never is: a copy may have been cut off, or the disk was full. Restore a \
         backup with --replace, or delete the file if the service has never run"
    )]
    EmptyFile,
    /// There is a write-ahead log, but not the database that it belongs to.
    #[error(
        "the database is missing, but its write-ahead log (the same name with -wal) is there: put the database back beside \
         it, or restore a backup. To begin anew, move the log away first"
    )]
    LogWithoutDatabase,
    /// The SQLite library has a known bug that can corrupt a database.
    #[error("SQLite {found} can corrupt a database (fixed in 3.51.3): build with 3.51.3 or newer")]
    OldLibrary {
        /// The version of the library.
        found: String,
    },
    /// The database was sealed with a different master key.
    #[error("the master key is not the one that this database was created with")]
    WrongMasterKey,
    /// A sealed value cannot be opened: it was changed, moved or truncated.
    #[error(transparent)]
    Unsealable(#[from] Unsealable),
    /// A row was changed or inserted by something other than this program with this master key.
    #[error("{0} was changed or inserted in the database from outside: it has no valid authentication code")]
    NotAuthentic(String),
    /// The stored bytes of a component do not match its digest.
    #[error("the stored bytes of component {0} were damaged or replaced: they do not match its digest")]
    ComponentChanged(Digest),
    /// The database contains a value that this version cannot read.
    #[error("the database contains a value that this version does not understand: {0}")]
    Unreadable(String),
    /// The people of the connection are not yet keyed by the identifier kinds that its plugin declares as identifying.
    #[error(
        "the people of connection {0} are not yet keyed by what identifies them: this happens once its plugin loads"
    )]
    NotKeyed(String),
    /// A restore was interrupted, so the database may be half replaced.
    #[error("a restore of this database was interrupted: run it again with --replace")]
    RestoreCutOff,
    /// A transfer of another database into this one has not ended, so that rows are missing.
    #[error(
        "a transfer of another database into this one has not ended: run `connector-host migrate` again, which continues \
         it. If it was abandoned, drop this database and create it anew"
    )]
    TransferCutOff,
    /// Replicas of an older version serve a database whose schema is older, too.
    #[error(
        "this version changes the database, which replicas of an older one serve: {}. Stop them all, then try again. One that was \
         killed counts for another {} seconds",
        replicas.join(", "),
        presumed_alive.as_secs()
    )]
    ServedByOlder {
        /// Their names.
        replicas: Vec<String>,
        /// How long one that was killed counts as running.
        presumed_alive: Duration,
    },
    /// A transfer of this database to another one was begun and has not ended.
    #[error(
        "a transfer of this database to {to} was begun and has not ended: finish it with `connector-host migrate`, or \
         abandon it with `connector-host migrate --abandon` to use this database again"
    )]
    Moving {
        /// The address of the other database, without its password.
        to: String,
    },
    /// This database was moved to another one.
    #[error(
        "this database was moved to {to} at {}: set `database` to that address. What was written since is only there",
        date(*at)
    )]
    Moved {
        /// The address of the other database, without its password.
        to: String,
        /// When it was moved.
        at: i64,
    },
    /// The connection was lost while a commit was not answered, and the server does not know what became of it.
    #[error(
        "the connection to the database was lost during a commit, and whether it was committed is not known: look, then repeat what is missing"
    )]
    UnknownCommit,
    /// The replica gave no sign of life for a while, and the others have taken over its work.
    #[error(
        "this replica gave no sign of life for a while, and others have taken over its work: it writes nothing more and \
         has to be started again"
    )]
    TakenOver,
    /// The database does not contain what this replica had committed.
    #[error(
        "the database lost commits of this replica: it was restored, or a standby that was behind serves in its place. This \
         replica writes nothing more and has to be started again; see \"A standby takes over\" in the guide"
    )]
    SetBack,
    /// Another replica has changed the same, and this one has decided without that.
    #[error("another replica changed the same a moment ago: look at it, then try again")]
    ChangedMeanwhile,
    /// Another replica has taken over the duties that exist once.
    #[error("another replica leads now: this one has left the duty to it")]
    LeadLost,
    /// A backup of PostgreSQL is taken with its own programs.
    #[error("a PostgreSQL database is backed up with its own programs, such as pg_dump or pg_basebackup")]
    BackedUpByServer,
    /// A text contains the character NUL, which PostgreSQL cannot store.
    #[error("a text contains the character U+0000, which the database cannot store")]
    NulCharacter,
    /// The writes queued ahead of it take too long.
    #[error("the database did not commit within {} seconds", .0.as_secs())]
    Busy(Duration),
    /// The database's server did not respond for this long.
    #[error("the database did not respond within {} seconds", .0.as_secs())]
    Unresponsive(Duration),
    /// The writer has ended.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Returns whether a write that failed with this may succeed later: the database cannot be reached, or others use it.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Database(_) => !self.is_about_one_row(),
            Self::Busy(_) | Self::Unresponsive(_) | Self::UnknownCommit | Self::ChangedMeanwhile => true,
            _ => false,
        }
    }

    /// Returns whether only a value that was read or is to be stored is at fault, so that the rest of the database can still be
    /// used.
    pub fn is_about_one_row(&self) -> bool {
        match self {
            Self::Unsealable(_)
            | Self::Unreadable(_)
            | Self::NotAuthentic(_)
            | Self::ComponentChanged(_)
            | Self::NulCharacter => true,
            // A value of another type than its column's, such as text in place of a number in a file.
            Self::Database(error) => {
                matches!(**error, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_))
            }
            _ => false,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    /// Unwraps the error of a column's own type, which sqlx wraps when it decodes a derived row.
    fn from(error: sqlx::Error) -> Self {
        let error = match error {
            sqlx::Error::ColumnDecode { index, source } => match source.downcast::<Self>() {
                Ok(refused) => return *refused,
                Err(source) => sqlx::Error::ColumnDecode { index, source },
            },
            sqlx::Error::Database(refused) if is_about_nul(&*refused) => return Self::NulCharacter,
            other => other,
        };
        Self::Database(Arc::new(error))
    }
}

/// Returns whether PostgreSQL refused a value because of a NUL character in it.
fn is_about_nul(refused: &dyn DatabaseError) -> bool {
    refused.code().is_some_and(|code| code == CHARACTER_NOT_IN_REPERTOIRE)
        && refused.message().ends_with(": 0x00")
}

/// Returns a time in milliseconds since the Unix epoch as a date.
fn date(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at).map_or_else(|_| format!("{at} ms"), |date| date.to_string())
}

fn differences(foreign: &[String], missing: &[String]) -> String {
    let named = |what: &str, objects: &[String]| {
        (!objects.is_empty()).then(|| format!("{what} {}", objects.join(", ")))
    };
    let differences =
        [named("no version of this program creates", foreign), named("missing or changed are", missing)];
    differences.into_iter().flatten().collect::<Vec<_>>().join("; ")
}
