//! How far this replica serves the changes of the others.

use std::{
    sync::{
        Arc,
        atomic::{
            AtomicI64,
            Ordering::{Acquire, Release},
        },
    },
    time::Duration,
};

use host_store::Store;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, timeout},
};

/// A change takes effect at every replica within this time, or the replica does not answer.
const MAX_AGE: Duration = Duration::from_secs(1);

/// How long a caller waits for a replica that has not looked for changes in time.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// How far this replica serves the changes of the others. Clones share it.
#[derive(Clone, Debug)]
pub struct SyncState(Arc<State>);

#[derive(Debug)]
struct State {
    applied: AtomicI64,
    /// When the last look at the changes began, after which all of them were served; `None` if no other process serves the
    /// database.
    looked: watch::Sender<Option<Instant>>,
    wanted: Notify,
}

impl SyncState {
    /// Creates the state of a replica that serves `store`, and starts with all changes up to `applied`.
    pub(crate) fn of(store: &Store, applied: i64) -> Self {
        Self::looked_at(store.is_shared().then(Instant::now), applied)
    }

    /// Creates the state of a process that no other one shares its database with.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn alone() -> Self {
        Self::looked_at(None, 0)
    }

    fn looked_at(looked: Option<Instant>, applied: i64) -> Self {
        let looked = watch::Sender::new(looked);
        Self(Arc::new(State { applied: AtomicI64::new(applied), looked, wanted: Notify::new() }))
    }

    /// Returns the number of the last change that is served.
    pub(crate) fn applied(&self) -> i64 {
        self.0.applied.load(Acquire)
    }

    /// Records that the changes up to `applied` are served. There may be later ones.
    pub(crate) fn serves_up_to(&self, applied: i64) {
        self.0.applied.store(applied, Release);
    }

    /// Records that the changes up to `applied` are served, which a look that began at `begun` has found.
    pub(crate) fn look_ended(&self, begun: Instant, applied: i64) {
        self.0.applied.store(applied, Release);
        self.0.looked.send_if_modified(|looked| {
            let is_shared = looked.is_some();
            *looked = looked.map(|_| begun);
            is_shared
        });
    }

    /// Completes when a caller waits for a look.
    pub(crate) async fn wanted(&self) {
        self.0.wanted.notified().await;
    }

    /// Wakes the replica for a look, since there may be changes.
    pub(crate) fn want(&self) {
        self.0.wanted.notify_one();
    }

    /// Returns whether all changes are served that were made more than a second ago, after waiting for a look for at most
    /// two seconds.
    pub async fn is_current(&self) -> bool {
        let is_recent = |looked: &Option<Instant>| looked.is_none_or(|looked| looked.elapsed() < MAX_AGE);
        let mut looked = self.0.looked.subscribe();
        if is_recent(&looked.borrow()) {
            return true;
        }
        self.want();
        timeout(MAX_WAIT, looked.wait_for(is_recent)).await.is_ok_and(|looked| looked.is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_replica_that_has_not_looked_for_changes_answers_once_it_has() {
        let sync = SyncState::looked_at(Some(Instant::now()), 3);
        assert!(sync.is_current().await);
        tokio::time::advance(MAX_AGE).await;
        assert!(!sync.is_current().await, "nobody looks");
        sync.wanted().await;
        let looks = async {
            sync.wanted().await;
            sync.look_ended(Instant::now(), 4);
        };
        assert!(tokio::join!(sync.is_current(), looks).0);
        assert_eq!(sync.applied(), 4);
        let alone = SyncState::alone();
        tokio::time::advance(MAX_AGE).await;
        assert!(alone.is_current().await);
    }
}
