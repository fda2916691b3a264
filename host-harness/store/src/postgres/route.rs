//! How transactions begin on PostgreSQL, whether it is reached directly or by way of a pooler.

use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

/// Begins a transaction that writes: with the lock, which the end of the transaction releases, and on disk once it is
/// committed, even if the server's default is otherwise. Each statement sees what was committed before it, so that those
/// after the lock see what its last holder wrote. A process that stops in the middle of it, such as one that is
/// frozen, loses its connection after ten seconds and with it the lock: it may hold up the others for a moment only.
/// Transactions take milliseconds. Nothing is set for longer than the transaction, so a pooler may be in between.
const WRITE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
                     SET LOCAL idle_in_transaction_session_timeout = '10s'; SET LOCAL statement_timeout = '30s'; \
                     SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'; \
                     SELECT pg_advisory_xact_lock(1668247139, hashtext(current_schema()))";

/// Begins a transaction that appends: like [`WRITE`], without the lock.
const APPEND: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
                      SET LOCAL idle_in_transaction_session_timeout = '10s'; SET LOCAL statement_timeout = '30s'; \
                      SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'";

/// Begins a transaction that reads everything before it writes: like [`WRITE`], with statements that may take long.
const WRITE_LONG: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
                          SET LOCAL idle_in_transaction_session_timeout = '1min'; SET LOCAL statement_timeout = 0; \
                          SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'; \
                          SELECT pg_advisory_xact_lock(1668247139, hashtext(current_schema()))";

/// Begins a transaction that migrates. Without the limits of time of other transactions: a migration may take long.
const MIGRATION: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
                         SELECT pg_advisory_xact_lock(1668247139, hashtext(current_schema()))";

/// Begins a transaction that reads. One that is frozen within it would keep replaced rows from being removed; the longest
/// statement verifies an audit chain.
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
                        SET LOCAL idle_in_transaction_session_timeout = '1min'; SET LOCAL statement_timeout = '10min'";

/// Removes what the statements of a pooler's other clients left behind on the connection that this transaction was given.
/// The driver names its statements by number even if it does not keep them, so that two clients use the same names.
const CLEAN: &str = "DEALLOCATE ALL";

/// How a server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// Each connection is one of the server.
    Direct,
    /// Each transaction has another connection of the server: nothing outlives it, and no statement is sent outside of one.
    Pooler,
}

impl Route {
    /// Returns what begins a transaction that writes.
    pub(crate) fn begin_write(self) -> SqlStr {
        self.begin(WRITE)
    }

    /// Returns what begins a transaction that appends.
    pub(crate) fn begin_append(self) -> SqlStr {
        self.begin(APPEND)
    }

    /// Returns what begins a transaction that reads everything before it writes.
    pub(crate) fn begin_long_write(self) -> SqlStr {
        self.begin(WRITE_LONG)
    }

    /// Returns what begins a transaction that migrates.
    pub(crate) fn begin_migration(self) -> SqlStr {
        self.begin(MIGRATION)
    }

    /// Returns what begins a transaction that reads.
    pub(crate) fn begin_snapshot(self) -> SqlStr {
        self.begin(SNAPSHOT)
    }

    fn begin(self, statements: &'static str) -> SqlStr {
        match self {
            Self::Direct => SqlStr::from_static(statements),
            Self::Pooler => AssertSqlSafe(format!("{statements}; {CLEAN}")).into_sql_str(),
        }
    }
}
