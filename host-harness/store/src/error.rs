//! Why the store did not do what it was asked to do.

use std::{sync::Arc, time::Duration};

/// A sealed value that does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value cannot be opened: it was changed, moved, cut, or sealed with another key")]
pub struct Unsealable;

/// Why the store did not do what was asked. Nothing of it was done.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, is full, or refused.
    #[error("database error: {0}")]
    Database(Arc<sqlx::Error>),
    /// Its tables cannot be brought to what this version needs.
    #[error("the database cannot be brought to this version: {0}")]
    Migration(Arc<sqlx::migrate::MigrateError>),
    /// A newer program has brought its tables further.
    #[error(
        "the database has schema {found}, written by connector-host {written_by}; this is connector-host {}, which knows \
         schema {known} and older: start the newer program, or restore a backup that this one wrote",
        env!("CARGO_PKG_VERSION")
    )]
    NewerDatabase {
        /// Its schema.
        found: i64,
        /// The version of the program that wrote it last.
        written_by: String,
        /// The newest schema that this program knows.
        known: i64,
    },
    /// The SQLite library has a known fault.
    #[error("SQLite {found} can corrupt a database (fixed in 3.51.3); this build needs a newer one")]
    OldLibrary {
        /// Its version.
        found: String,
    },
    /// The database is sealed with another master key.
    #[error("the master key is not the one that this database was made with")]
    WrongMasterKey,
    /// A sealed value that cannot be opened: it was changed, moved or cut.
    #[error(transparent)]
    Unsealable(#[from] Unsealable),
    /// A value that this version did not write.
    #[error("the database holds what this version does not understand: {0}")]
    Unreadable(String),
    /// The people of the connection are not keyed by the identifiers that its plugin says identify them.
    #[error(
        "the people of connection {0} are not keyed by what identifies them now: they are once its plugin loads"
    )]
    NotKeyed(String),
    /// A restore was cut off: half of the database is another one's.
    #[error("a restore of this database was cut off: do it again, with --replace")]
    RestoreCutOff,
    /// What is written before it takes too long.
    #[error("the database did not commit within {} seconds", .0.as_secs())]
    Busy(Duration),
    /// The writer has ended.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether only what was read is broken: the rest of the database can be used.
    pub fn is_about_one_row(&self) -> bool {
        matches!(self, Self::Unsealable(_) | Self::Unreadable(_))
    }
}

impl From<sqlx::Error> for StoreError {
    /// What a column's own type refused comes out as it was: sqlx wraps it up on its way through a derived row.
    fn from(error: sqlx::Error) -> Self {
        let error = match error {
            sqlx::Error::ColumnDecode { index, source } => match source.downcast::<Self>() {
                Ok(refused) => return *refused,
                Err(source) => sqlx::Error::ColumnDecode { index, source },
            },
            other => other,
        };
        Self::Database(Arc::new(error))
    }
}
