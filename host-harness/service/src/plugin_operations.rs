//! What callers do with the versions of plugins: operations that go on without their caller, who can look at them.
//! Tested in `api/src/tests/plugin_operations.rs`.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use host_harness::clock::Clock;
use host_model::{
    digest::Digest,
    plugin_operation::{OperationState, PluginAction},
};
use host_store::{
    Store, StoreError,
    plugin_operations::{self, PluginOperation},
    versions::VersionStep,
};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{requests::wait::MAX_WAIT, who::Who};

/// How many are carried out at once; further callers wait for a place. Components compile one after the other anyway, and
/// each operation may hold one of 64 MiB.
const MAX_RUNNING: usize = 8;

/// How often to look at an operation of whose steps nothing is heard.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// An operation, with the steps of its version that it has reached.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationReport {
    /// The operation. One that the end of a process interrupted has failed without an answer.
    pub operation: PluginOperation,
    /// What it has reached, oldest first.
    pub steps: Vec<VersionStep>,
}

/// What a caller asks for.
#[derive(Clone, Debug)]
pub struct NewOperation {
    /// The caller.
    pub who: Who,
    /// The plugin's name.
    pub plugin: String,
    /// What to do.
    pub action: PluginAction,
    /// The version; `None` if the service chooses it.
    pub digest: Option<Digest>,
}

/// An operation while it is carried out. Once this is dropped without its [end](PluginOperations::end), it counts as
/// interrupted.
#[derive(Debug)]
pub struct RunningOperation {
    pub(crate) id: String,
    pub(crate) who: Who,
    _place: OwnedSemaphorePermit,
    running: Arc<Mutex<BTreeSet<String>>>,
    changes: watch::Sender<()>,
}

impl RunningOperation {
    /// Returns its id.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl Drop for RunningOperation {
    fn drop(&mut self) {
        self.running.lock().remove(&self.id);
        self.changes.send_replace(());
    }
}

/// The operations on plugins. Clones share everything.
#[derive(Clone)]
pub struct PluginOperations {
    store: Store,
    clock: Arc<dyn Clock>,
    places: Arc<Semaphore>,
    /// The ids of those that this process carries out.
    running: Arc<Mutex<BTreeSet<String>>>,
    /// Sent to whenever one has reached a step or ended.
    changes: watch::Sender<()>,
    /// Cancelled when the service stops.
    stopping: CancellationToken,
}

impl PluginOperations {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>, stopping: CancellationToken) -> Self {
        let places = Arc::new(Semaphore::new(MAX_RUNNING));
        let (running, changes) = (Arc::default(), watch::Sender::default());
        Self { store, clock, places, running, changes, stopping }
    }

    /// Begins an operation, as soon as there is a place for it.
    pub async fn begin(&self, new: NewOperation) -> Result<RunningOperation, StoreError> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let NewOperation { who, plugin, action, digest } = new;
        let id = Uuid::now_v7().to_string();
        let operation = PluginOperation {
            id: id.clone(),
            plugin,
            action,
            digest,
            actor: who.0.clone(),
            began_at: self.clock.date_ms(),
            state: OperationState::Running,
            is_of_other: false,
            ended_at: None,
            answer: None,
        };
        self.running.lock().insert(id.clone());
        let (running, changes) = (Arc::clone(&self.running), self.changes.clone());
        let running = RunningOperation { id, who, _place: place, running, changes };
        let replica = self.store.replica().clone();
        let begun = self.store.write(move |tx| {
            Box::pin(async move { plugin_operations::begin(tx, &replica, &operation).await })
        });
        begun.await?;
        Ok(running)
    }

    /// Ends an operation with what its caller is answered: a value if it succeeded, a problem if it failed.
    pub async fn end(
        &self,
        running: &RunningOperation,
        answer: Result<Value, Value>,
    ) -> Result<(), StoreError> {
        let (id, at) = (running.id.clone(), self.clock.date_ms());
        let (state, answer) = match answer {
            Ok(answer) => (OperationState::Succeeded, answer),
            Err(problem) => (OperationState::Failed, problem),
        };
        let ended = self.store.write(move |tx| {
            Box::pin(async move { plugin_operations::end(tx, &id, state, at, &answer).await })
        });
        ended.await
    }

    /// Wakes those who wait, because a step was stored.
    pub(crate) fn announce(&self) {
        self.changes.send_replace(());
    }

    /// Returns the operation with this id; `None` if it is not known, or no longer kept.
    pub async fn find(&self, id: &str) -> Result<Option<OperationReport>, StoreError> {
        let found = self.read(id).await?;
        if !found.as_ref().is_some_and(|report| self.is_left(report)) {
            return Ok(found);
        }
        // It may have ended since it was read.
        let mut found = self.read(id).await?;
        if let Some(report) = found.as_mut().filter(|report| self.is_left(report)) {
            report.operation.state = OperationState::Failed;
        }
        Ok(found)
    }

    /// Returns the operations on `plugin`, the latest first.
    pub async fn of_plugin(&self, plugin: &str) -> Result<Vec<OperationReport>, StoreError> {
        let plugin = plugin.to_owned();
        let ids = self.store.read(move |connection| {
            Box::pin(async move { plugin_operations::ids_of_plugin(connection, &plugin).await })
        });
        let mut reports = Vec::new();
        for id in ids.await? {
            reports.extend(self.find(&id).await?);
        }
        Ok(reports)
    }

    /// Waits until the operation with this id has ended or reached more than `seen` steps, for at most `limit` and
    /// [`MAX_WAIT`]. Returns early if the service stops.
    pub async fn wait(
        &self,
        id: &str,
        seen: usize,
        limit: Duration,
    ) -> Result<Option<OperationReport>, StoreError> {
        let until = Instant::now() + limit.min(MAX_WAIT);
        let mut changes = self.changes.subscribe();
        loop {
            changes.mark_unchanged();
            let found = self.find(id).await?;
            let is_news = found.as_ref().is_none_or(|OperationReport { operation, steps }| {
                operation.state != OperationState::Running || steps.len() > seen
            });
            if is_news || self.stopping.is_cancelled() || Instant::now() >= until {
                return Ok(found);
            }
            // Steps at another replica announce nothing here.
            let look_at = until.min(Instant::now() + POLL_INTERVAL);
            tokio::select! {
                () = self.stopping.cancelled() => {}
                _ = timeout_at(look_at, changes.changed()) => {}
            }
        }
    }

    async fn read(&self, id: &str) -> Result<Option<OperationReport>, StoreError> {
        let (replica, id) = (self.store.replica().clone(), id.to_owned());
        let found = self.store.read(move |connection| {
            Box::pin(async move {
                let Some(operation) = plugin_operations::find(connection, &replica, &id).await? else {
                    return Ok(None);
                };
                let steps = plugin_operations::steps(connection, &id).await?;
                Ok(Some(OperationReport { operation, steps }))
            })
        });
        found.await
    }

    /// Returns whether the database calls the operation running, but no process carries it out.
    fn is_left(&self, OperationReport { operation, .. }: &OperationReport) -> bool {
        let is_own = || self.running.lock().contains(&operation.id);
        operation.state == OperationState::Running && !operation.is_of_other && !is_own()
    }
}
