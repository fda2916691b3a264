//! What a database has to offer, so that another one can take SQLite's place. SQL is written once, with `$1`.

use std::path::Path;

use futures::future::BoxFuture;
use sqlx::pool::PoolConnection;
use tokio::sync::oneshot;

use crate::error::StoreError;

/// A connection, inside a transaction where it writes.
pub type Connection = sqlx::AnyConnection;

/// Something to do in a transaction. If it fails, all of it is undone.
pub(crate) type Act = Box<dyn for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<(), Undo>> + Send>;

/// All that an act wrote is to be undone.
pub struct Undo {
    /// Why, if that is known to be the store's failure; `None` for work that may refuse in its own words.
    pub cause: Option<StoreError>,
}

/// Something to write, and whom to tell.
pub struct Work {
    pub act: Act,
    /// Told once the transaction is on disk, or why it is not.
    pub told: oneshot::Sender<Result<(), StoreError>>,
}

/// A database with this version's tables.
pub trait Database: Send + Sync {
    /// Queues `work`; it is told its end once it is on disk or undone.
    fn write(&self, work: Work) -> BoxFuture<'_, Result<(), StoreError>>;
    /// A connection to read with.
    fn reader(&self) -> BoxFuture<'_, Result<PoolConnection<sqlx::Any>, StoreError>>;
    /// A copy of everything, as of one moment, in a new file.
    fn back_up<'a>(&'a self, to: &'a Path) -> BoxFuture<'a, Result<(), StoreError>>;
    /// Ends once everything queued is on disk.
    fn close(&self) -> BoxFuture<'_, ()>;
}
