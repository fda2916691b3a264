//! Why a database was not moved.

use std::{fmt, path::PathBuf};

use crate::error::StoreError;

/// Why a database was not moved. Neither of the two databases can be served if the transfer was begun.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// There is no database to move.
    #[error("{} does not exist: expected the SQLite database to move", .0.display())]
    NoDatabase(PathBuf),
    /// The database to move could not be used, for example because it was moved already.
    #[error("the database to move: {0}")]
    Source(#[source] StoreError),
    /// The database that it is moved to could not be used.
    #[error("the database to move to: {0}")]
    Target(#[source] StoreError),
    /// The two databases are not configured with the same master key.
    #[error(
        "the master key of the database to move to is not that of the database to move: configure both with the same \
         one, since what is sealed stays as it is"
    )]
    OtherMasterKey,
    /// Values that PostgreSQL cannot store. Nothing was begun.
    #[error(
        "PostgreSQL cannot store these values (at most {UNSTORABLE_LISTED} are listed): {}. Replace each, such as with \
         `sqlite3 FILE \"UPDATE table SET column = replace(column, char(0), '') WHERE rowid = N\"`, and try again",
        list(.0)
    )]
    Unstorable(Vec<UnstorableCell>),
    /// The database to move to has rows of its own. Nothing was begun.
    #[error(
        "the database to move to is not empty: it has rows in {}. Move to a new database, or drop it and create it anew",
        .0.join(", ")
    )]
    NotEmpty(Vec<String>),
    /// A transfer that is not this one was begun into the database to move to.
    #[error(
        "another transfer into the database to move to was begun, or this one was abandoned in between: drop that \
         database, create it anew, and try again"
    )]
    OtherTransfer,
    /// Another process wrote to one of the databases meanwhile.
    #[error(
        "another process changed one of the databases during the transfer: end every service and transfer that uses \
         them, and try again"
    )]
    Interfered,
    /// The two databases do not have the same tables and columns.
    #[error("the two databases have different tables or columns, which is an error of this program: {0}")]
    SchemasDiffer(String),
    /// A table did not arrive as it is in the database to move.
    #[error(
        "the table {table} has {source_rows} rows in the database to move and {target_rows} in the other one, or rows \
         that differ: abandon the transfer, drop the database to move to, create it anew, and try again"
    )]
    Differs {
        /// The table.
        table: String,
        /// The number of its rows in the database to move.
        source_rows: i64,
        /// The number of its rows in the database to move to.
        target_rows: i64,
    },
    /// The audit chains did not arrive as they are in the database to move.
    #[error(
        "the audit chains of the two databases differ: abandon the transfer, drop the database to move to, create it \
         anew, and try again"
    )]
    ChainsDiffer,
    /// No transfer of the database was begun, so that there is nothing to abandon.
    #[error("no transfer of this database was begun: there is nothing to abandon")]
    NotBegun,
}

/// The maximum number of values in [`TransferError::Unstorable`].
pub(super) const UNSTORABLE_LISTED: i64 = 50;

/// A value that PostgreSQL cannot store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnstorableCell {
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// The row's `rowid` in SQLite.
    pub row: i64,
    /// Why it cannot be stored.
    pub reason: UnstorableReason,
}

/// Why PostgreSQL cannot store a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
pub enum UnstorableReason {
    /// It is a text with the character NUL.
    #[strum(to_string = "contains the character U+0000")]
    Nul,
    /// It has another type than its column.
    #[strum(to_string = "has another type than its column")]
    OtherType,
    /// It is missing.
    #[strum(to_string = "is NULL")]
    Missing,
}

impl fmt::Display for UnstorableCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, column, row, reason } = self;
        write!(f, "{table}.{column} in row {row} {reason}")
    }
}

fn list(cells: &[UnstorableCell]) -> String {
    cells.iter().map(UnstorableCell::to_string).collect::<Vec<_>>().join("; ")
}
