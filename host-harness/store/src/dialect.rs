//! What each kind of database has words of its own for. The other statements are written once.

use futures::future::BoxFuture;

use crate::{database::Tx, error::StoreError};

/// How a server bears the work; nothing is known of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServerGauges {
    /// The age of the oldest transaction of the server, in seconds.
    pub(crate) oldest_transaction_seconds: Option<i64>,
    /// The number of replaced rows of the table of open requests that are not removed yet.
    pub(crate) dead_rows: Option<i64>,
}

/// Whether the role of the service sees the transactions of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeenTransactions {
    /// Those of all roles.
    All,
    /// Only those of its own.
    Own,
}

/// A kind of database.
pub(crate) trait Dialect: Sync {
    /// Returns the expression for the database's clock, in milliseconds since the Unix epoch.
    fn clock(&self) -> &'static str;

    /// Returns the end of a query of a row that must not be deleted before the transaction ends.
    fn keep_row(&self) -> &'static str;

    /// Leaves out `count` numbers of events.
    fn skip_event_numbers<'a>(&self, tx: &'a mut Tx, count: i64) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Returns how the server bears the work.
    fn server_gauges<'a>(&self, connection: &'a mut Tx) -> BoxFuture<'a, Result<ServerGauges, StoreError>>;

    /// Returns whether the age of the oldest transaction includes those of other roles.
    fn seen_transactions<'a>(
        &self,
        connection: &'a mut Tx,
    ) -> BoxFuture<'a, Result<SeenTransactions, StoreError>>;
}
