//! State shared by the server, the delivery task and the handle.

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::call::Received;
use crate::clock::Clock;
use crate::faults::{Fault, Planned};
use crate::keys::ApiKeys;
use crate::project::Project;

/// State shared by the server, the delivery task and the handle.
#[derive(Debug)]
pub(crate) struct Shared {
    clock: Clock,
    pub(crate) keys: ApiKeys,
    project: Mutex<Project>,
    received: Mutex<Vec<Received>>,
    faults: Mutex<Vec<Planned>>,
    changed: watch::Sender<()>,
}

impl Shared {
    pub(crate) fn new(clock: Clock, keys: ApiKeys, project: Project) -> Self {
        let (changed, _) = watch::channel(());
        let project = Mutex::new(project);
        Self { clock, keys, project, received: Mutex::default(), faults: Mutex::default(), changed }
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Runs `work` on the project after bringing it up to the clock's time.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Project) -> T) -> T {
        let mut project = self.project.lock();
        project.settle(self.clock.now());
        work(&mut project)
    }

    /// Wakes every task that waits for a change.
    pub(crate) fn notify_changed(&self) {
        self.changed.send_replace(());
    }

    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(crate) fn remember(&self, received: Received) {
        self.received.lock().push(received);
    }

    pub(crate) fn requests(&self) -> Vec<Received> {
        self.received.lock().clone()
    }

    pub(crate) fn take_requests(&self) -> Vec<Received> {
        std::mem::take(&mut self.received.lock())
    }

    pub(crate) fn plan(&self, planned: Planned) {
        self.faults.lock().push(planned);
    }

    pub(crate) fn fault(&self, method: &str, path: &str) -> Option<Fault> {
        crate::faults::take(&mut self.faults.lock(), method, path)
    }
}
