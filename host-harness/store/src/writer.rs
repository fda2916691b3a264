//! The task of a process that writes. It commits what is queued in batches.
//!
//! A commit waits for the disk. All writes that are waiting when a commit ends go into the next one, each under its own
//! savepoint, so that a write that fails is rolled back alone.

use std::time::Duration;

use futures::future::BoxFuture;
use parking_lot::Mutex;
use sqlx::{Connection as _, SqlStr};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, timeout},
};

use crate::{
    database::{Act, Rollback, Tx, Work},
    error::StoreError,
};

/// Maximum number of writes in one commit: large enough that the cost of the commit is negligible, small enough that a
/// failed commit wastes little time.
const MAX_BATCH: usize = 256;

/// How long writes may be added to a commit: others wait for its turn, among them the signs of life of processes, which are
/// missed after a few seconds.
pub(crate) const MAX_TURN: Duration = Duration::from_millis(500);

/// Capacity of the write queue. Callers wait while it is full.
const QUEUE_CAPACITY: usize = 4_096;

/// Begins what is rolled back alone: the first write of a batch, and each next one, in one message with the end of the one
/// before. On its own, that message would take as long as a short write.
const SAVE: &str = "SAVEPOINT act";
const SAVE_NEXT: &str = "RELEASE SAVEPOINT act; SAVEPOINT act";

/// Rolls back the last write.
const UNDO: &str = "ROLLBACK TO SAVEPOINT act";

/// How long closing a connection may take: the last one of a file moves its log into it, and a server may be gone.
const MAX_CLOSE: Duration = Duration::from_secs(10);

/// How often [`WriteEngine::tidy`] runs while there are writes.
const TIDY_INTERVAL: Duration = Duration::from_mins(1);

/// How a kind of database is written.
pub(crate) trait WriteEngine: Send + Sync + 'static {
    /// Returns what begins a transaction.
    fn begin(&self) -> SqlStr;

    /// Opens a connection for writing.
    fn connect(&self) -> BoxFuture<'_, Result<Tx, StoreError>>;

    /// Returns an id by which [`is_committed`](Self::is_committed) finds the transaction later. Fails if this process must
    /// not write any more.
    fn transaction_id<'a>(&'a self, tx: &'a mut Tx) -> BoxFuture<'a, Result<String, StoreError>>;

    /// Returns how long this process may wait for its turn to write; `None` for as long as it takes.
    fn max_turn_wait(&self) -> Option<Duration>;

    /// Completes if the transaction with the id `id` is not in progress any more, or the database does not respond, so that
    /// waiting for it is in vain. A transaction that takes long is no reason.
    fn loss<'a>(&'a self, id: &'a str) -> BoxFuture<'a, StoreError>;

    /// Returns whether the transaction with the id `id`, whose commit was not answered, was committed.
    fn is_committed<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// Does what keeps the database small, now and then and at the end.
    fn tidy<'a>(&'a self, connection: &'a mut Tx) -> BoxFuture<'a, ()>;
}

/// The queue of what is to be written, and the task that writes it.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Mutex<Option<mpsc::Sender<Work>>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the task, with `connection` if one is open already.
    pub(crate) fn start(engine: impl WriteEngine, connection: Option<Tx>) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE_CAPACITY);
        let task = tokio::spawn(WriterTask { engine, connection }.write_all(waiting));
        Self { queue: Mutex::new(Some(queue)), task: Mutex::new(Some(task)) }
    }

    /// Queues `work`. Its channel receives the result once the work is on disk or rolled back.
    pub(crate) async fn write(&self, work: Work) -> Result<(), StoreError> {
        let queue = self.queue.lock().clone().ok_or(StoreError::Closed)?;
        queue.send(work).await.map_err(|_| StoreError::Closed)
    }

    /// Ends the task once everything queued is on disk.
    pub(crate) async fn close(&self) {
        let task = self.task.lock().take();
        drop(self.queue.lock().take());
        if let Some(task) = task {
            // The task ends when its queue is closed. Joining it fails only if the runtime shuts down first.
            let _ended = task.await;
        }
    }
}

struct WriterTask<E> {
    engine: E,
    /// `None` before the first commit, and after a failed one.
    connection: Option<Tx>,
}

/// Why a batch was not committed.
enum NotCommitted {
    /// The connection was lost before the transaction began, such as by a restart of the server since the last one. Nothing
    /// of these was done.
    NotBegun { acts: Vec<Act>, error: StoreError },
    /// It was rolled back.
    RolledBack(StoreError),
    /// The commit was not answered. The transaction has this id; some are left for the next one.
    Unanswered { id: String, left: Vec<Act>, error: StoreError },
}

impl<E: WriteEngine> WriterTask<E> {
    /// Commits queued writes until all senders are dropped.
    async fn write_all(mut self, mut waiting: mpsc::Receiver<Work>) {
        let mut batch = Vec::new();
        let mut tidied_at = Instant::now();
        while !batch.is_empty() || waiting.recv_many(&mut batch, MAX_BATCH).await > 0 {
            let (acts, mut told): (Vec<_>, Vec<_>) =
                batch.drain(..).map(|work| (work.act, work.told)).unzip();
            let written = self.write(acts).await.map(|left| {
                let told_later = told.split_off(told.len() - left.len());
                batch.extend(left.into_iter().zip(told_later).map(|(act, told)| Work { act, told }));
            });
            for told in told {
                // The caller may have been dropped.
                let _gone = told.send(written.clone());
            }
            if tidied_at.elapsed() >= TIDY_INTERVAL
                && let Some(connection) = &mut self.connection
            {
                tidied_at = Instant::now();
                self.engine.tidy(connection).await;
            }
        }
        if let Some(mut connection) = self.connection {
            self.engine.tidy(&mut connection).await;
            close(connection).await;
        }
    }

    /// Commits a batch. Returns those that are left for the next one. After a failure such as a full disk or a lost connection,
    /// the state of the transaction is not known, so the next batch uses a new connection.
    async fn write(&mut self, acts: Vec<Act>) -> Result<Vec<Act>, StoreError> {
        let (mut connection, is_new) = match self.connection.take() {
            Some(connection) => (connection, false),
            None => (self.engine.connect().await?, true),
        };
        let committed = match commit(&self.engine, &mut connection, acts).await {
            Err(NotCommitted::NotBegun { acts, .. }) if !is_new => {
                close(connection).await;
                connection = self.engine.connect().await?;
                commit(&self.engine, &mut connection, acts).await
            }
            ended => ended,
        };
        if committed.is_ok() {
            self.connection = Some(connection);
        } else {
            close(connection).await;
        }
        match committed {
            Ok(left) => Ok(left),
            Err(NotCommitted::NotBegun { error, .. } | NotCommitted::RolledBack(error)) => Err(error),
            Err(NotCommitted::Unanswered { id, left, error }) => {
                if self.engine.is_committed(&id).await? {
                    Ok(left)
                } else {
                    Err(error)
                }
            }
        }
    }
}

/// Runs `acts` and commits all that did not fail. Returns those that are left for the next turn.
async fn commit<E: WriteEngine>(
    engine: &E,
    connection: &mut Tx,
    acts: Vec<Act>,
) -> Result<Vec<Act>, NotCommitted> {
    let rolled_back = |error: sqlx::Error| NotCommitted::RolledBack(error.into());
    let turn = connection.begin_with(engine.begin());
    let begun = match engine.max_turn_wait() {
        Some(limit) => timeout(limit, turn).await.map_err(|_| StoreError::Unresponsive(limit)),
        None => Ok(turn.await),
    };
    let mut transaction = match begun {
        Ok(Ok(transaction)) => transaction,
        Ok(Err(error)) if !is_about_connection(&error) => return Err(rolled_back(error)),
        Ok(Err(error)) => return Err(NotCommitted::NotBegun { acts, error: error.into() }),
        Err(error) => return Err(NotCommitted::NotBegun { acts, error }),
    };
    let id = engine.transaction_id(&mut transaction).await.map_err(NotCommitted::RolledBack)?;
    let left = tokio::select! {
        acted = act_in(&mut transaction, acts) => acted.map_err(NotCommitted::RolledBack)?,
        error = engine.loss(&id) => return Err(NotCommitted::RolledBack(error)),
    };
    let committed = tokio::select! {
        committed = transaction.commit() => committed.map_err(StoreError::from),
        error = engine.loss(&id) => Err(error),
    };
    match committed {
        Ok(()) => Ok(left),
        Err(error) => Err(NotCommitted::Unanswered { id, left, error }),
    }
}

/// Runs `acts` for the time of a turn, and rolls back those that fail. Returns those that are left.
async fn act_in(transaction: &mut Tx, acts: Vec<Act>) -> Result<Vec<Act>, StoreError> {
    let began = Instant::now();
    let (mut save, mut acts) = (SAVE, acts.into_iter());
    for act in acts.by_ref() {
        sqlx::raw_sql(save).execute(&mut *transaction).await?;
        save = SAVE_NEXT;
        if let Err(Rollback { cause }) = act(transaction).await {
            // If the rollback fails as well, the first failure is reported as the cause.
            let undone = sqlx::raw_sql(UNDO).execute(&mut *transaction).await;
            undone.map_err(|error| cause.unwrap_or_else(|| transaction_lost(&error)))?;
        }
        if began.elapsed() >= MAX_TURN {
            break;
        }
    }
    Ok(acts.collect())
}

/// Closes a connection. One whose other end is gone is dropped.
async fn close(connection: Tx) {
    let _closed = timeout(MAX_CLOSE, connection.close()).await;
}

/// Returns whether a connection was lost: the server ended it (57P01 to 57P05), a pooler has none to the server (class 08),
/// or it broke.
fn is_about_connection(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(refused) => {
            refused.code().is_some_and(|code| code.starts_with("57P") || code.starts_with("08"))
        }
        error => matches!(error, sqlx::Error::Io(_) | sqlx::Error::Protocol(_)),
    }
}

/// The error for a savepoint that no longer exists: after some failures, the database has already rolled back the whole
/// transaction.
fn transaction_lost(error: &sqlx::Error) -> StoreError {
    let why = format!(
        "the database rolled back the transaction on its own, as it does when the disk is full: {error}"
    );
    sqlx::Error::Io(std::io::Error::other(why)).into()
}
