//! The interface of a database, so that SQLite can be replaced. SQL is written once, with `$1` placeholders.

use std::{path::Path, time::Duration};

use futures::future::BoxFuture;
use sqlx::{Any, Connection as _, SqlStr, pool::PoolConnection};
use tokio::sync::oneshot;

use crate::{error::StoreError, replica_id::ReplicaId};

/// A connection to the database inside a transaction, which is read-only for work that does not write.
pub type Tx = sqlx::AnyConnection;

/// Work to run in a transaction. If it fails, all of it is rolled back.
pub(crate) type Act = Box<dyn for<'c> FnOnce(&'c mut Tx) -> BoxFuture<'c, Result<(), Rollback>> + Send>;

/// A request to roll back everything that an act wrote.
pub struct Rollback {
    /// The cause, if it is known to be a failure of the store; `None` for work with an error type of its own.
    pub cause: Option<StoreError>,
}

/// Work that writes, and the channel that receives its result.
pub struct Work {
    /// The work.
    pub act: Act,
    /// Receives `Ok` once the transaction is on disk, or the error that prevented it.
    pub told: oneshot::Sender<Result<(), StoreError>>,
}

/// A database with this version's schema.
pub trait Database: Send + Sync {
    /// Returns whether other processes may serve the database at the same time.
    fn is_shared(&self) -> bool;
    /// From now on, commits nothing once the replica is removed.
    fn serve_as(&self, replica: &ReplicaId);
    /// Notifies the processes that listen to the database that there may be something new.
    fn notify(&self) -> BoxFuture<'_, Result<(), StoreError>>;
    /// Queues `work`. Its channel receives the result once the work is on disk or rolled back.
    fn write(&self, work: Work) -> BoxFuture<'_, Result<(), StoreError>>;
    /// Same as [`write`](Self::write), beside what other processes and [`write`](Self::write) itself write at the same time.
    fn append(&self, work: Work) -> BoxFuture<'_, Result<(), StoreError>>;
    /// Returns a connection for a read-only transaction of this length.
    fn reader(&self, length: ReadLength) -> BoxFuture<'_, Result<ReadConnection, StoreError>>;
    /// Returns how long a read of this length may take; `None` for as long as it takes.
    fn max_read(&self, length: ReadLength) -> Option<Duration>;
    /// Writes a consistent copy of the whole database to the new file `to`.
    fn back_up<'a>(&'a self, to: &'a Path) -> BoxFuture<'a, Result<(), StoreError>>;
    /// Closes the database once everything queued is on disk.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// How much a transaction reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadLength {
    /// What a page or a step needs.
    Part,
    /// All of something that grows for years.
    Everything,
}

/// A connection for a read-only transaction. It is used again only if the transaction ended: one that was cut off may wait for
/// a server that does not respond.
pub struct ReadConnection {
    connection: PoolConnection<Any>,
    begin: SqlStr,
    state: ReadState,
}

#[derive(PartialEq, Eq)]
enum ReadState {
    Idle,
    Reading,
}

impl ReadConnection {
    /// Creates one whose transactions begin with `begin`.
    pub fn new(connection: PoolConnection<Any>, begin: SqlStr) -> Self {
        Self { connection, begin, state: ReadState::Idle }
    }

    /// Runs `work` in a transaction: its queries all see the same state of the database.
    pub async fn read<T>(
        &mut self,
        work: impl for<'c> FnOnce(&'c mut Tx) -> BoxFuture<'c, Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        self.state = ReadState::Reading;
        let mut snapshot = self.connection.begin_with(self.begin.clone()).await?;
        let result = work(&mut snapshot).await;
        snapshot.rollback().await?;
        self.state = ReadState::Idle;
        result
    }
}

impl Drop for ReadConnection {
    fn drop(&mut self) {
        if self.state == ReadState::Reading {
            self.connection.close_on_drop();
        }
    }
}
