//! How transactions begin on PostgreSQL, whether it is reached directly or by way of a pooler.

use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

use crate::database::ReadLength;

/// Begins a transaction that writes. Each statement sees what was committed before it, so that those after the lock see what
/// its last holder wrote.
const BEGIN_WRITE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

/// A process that stops in the middle of a transaction, such as one that is frozen, loses its connection after ten seconds and
/// with it the lock: it may hold up the others for a moment only. Transactions take milliseconds. Nothing is set for longer than
/// the transaction, so a pooler may be in between.
const SHORT: &str =
    "SET LOCAL idle_in_transaction_session_timeout = '10s'; SET LOCAL statement_timeout = '30s'";

/// Lets statements take long, for a transaction that reads everything before it writes.
const LONG: &str = "SET LOCAL idle_in_transaction_session_timeout = '1min'; SET LOCAL statement_timeout = 0";

/// Has the transaction on disk once it is committed, even if the server's default is otherwise.
const DURABLE: &str =
    "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'";

/// Takes the lock of the writers, which the end of the transaction releases.
const LOCK: &str = "SELECT pg_advisory_xact_lock(1668247139, hashtext(current_schema()))";

/// Begins a transaction that reads.
const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// One that is frozen while it reads would keep replaced rows from being removed. The process gives up after a minute, and so does
/// the server.
const READING: &str =
    "SET LOCAL idle_in_transaction_session_timeout = '1min'; SET LOCAL statement_timeout = '1min'";

/// The longest statement verifies an audit chain.
const READING_EVERYTHING: &str =
    "SET LOCAL idle_in_transaction_session_timeout = '1min'; SET LOCAL statement_timeout = '10min'";

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
        self.begin(&[BEGIN_WRITE, SHORT, DURABLE, LOCK])
    }

    /// Returns what begins a transaction that appends: without the lock.
    pub(crate) fn begin_append(self) -> SqlStr {
        self.begin(&[BEGIN_WRITE, SHORT, DURABLE])
    }

    /// Returns what begins a transaction that reads everything before it writes.
    pub(crate) fn begin_long_write(self) -> SqlStr {
        self.begin(&[BEGIN_WRITE, LONG, DURABLE, LOCK])
    }

    /// Returns what begins a transaction that migrates. It has no limits of time: a migration may take long.
    pub(crate) fn begin_migration(self) -> SqlStr {
        self.begin(&[BEGIN_WRITE, LOCK])
    }

    /// Returns what begins a transaction that reads this much.
    pub(crate) fn begin_snapshot(self, length: ReadLength) -> SqlStr {
        let limits = match length {
            ReadLength::Part => READING,
            ReadLength::Everything => READING_EVERYTHING,
        };
        self.begin(&[BEGIN_READ, limits])
    }

    fn begin(self, statements: &[&str]) -> SqlStr {
        let mut sql = statements.join("; ");
        if self == Self::Pooler {
            sql = format!("{sql}; {CLEAN}");
        }
        AssertSqlSafe(sql).into_sql_str()
    }
}
