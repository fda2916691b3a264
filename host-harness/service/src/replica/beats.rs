//! The signs of life of this process, each of which has a higher number than those before.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering::SeqCst},
};

use host_store::{
    Store, StoreError,
    replicas::{self, Beat, ServedVersions},
};

/// Gives signs of life. Clones share the count.
#[derive(Clone)]
pub(super) struct Beats {
    store: Store,
    /// The number of the last one that is known to be committed.
    last: Arc<AtomicI64>,
}

impl Beats {
    pub(super) fn of(store: &Store) -> Self {
        Self { store: store.clone(), last: Arc::default() }
    }

    /// Gives a sign of life. Fails with [`StoreError::SetBack`] if the database lost an earlier one.
    pub(super) async fn give(&self, versions: ServedVersions, applied: i64) -> Result<Beat, StoreError> {
        let (last, replica) = (self.last.load(SeqCst), self.store.replica().clone());
        let given = self
            .store
            .write(move |tx| Box::pin(async move { replicas::beat(tx, &replica, &versions, applied).await }));
        let beat = given.await?;
        if beat.number <= last {
            return Err(StoreError::SetBack);
        }
        self.last.fetch_max(beat.number, SeqCst);
        Ok(beat)
    }
}
