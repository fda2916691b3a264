//! The words of the database that a connection leads to.

use crate::{
    database::Tx, dialect::Dialect, postgres::dialect::PostgresDialect, sqlite::dialect::SqliteDialect,
};

/// Returns the dialect of the database that `connection` leads to.
pub(crate) fn dialect(connection: &Tx) -> &'static dyn Dialect {
    match connection.backend_name() {
        "PostgreSQL" => &PostgresDialect,
        _ => &SqliteDialect,
    }
}
