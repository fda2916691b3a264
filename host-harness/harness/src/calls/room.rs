//! The queues in which calls wait: first the tenant's own semaphore, then the semaphore of the pool.
//! Tested in `src/calls/tests.rs`.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{connection::TenantId, engine::Engine};

/// The capacity for calls. A tenant that fills its share waits in its own queue without delaying others.
pub(super) struct Room {
    per_tenant: usize,
    tenants: Mutex<HashMap<TenantId, Arc<Semaphore>>>,
    all: Arc<Semaphore>,
}

/// A call's place, released on drop.
pub(super) struct RoomPermit {
    _tenant: OwnedSemaphorePermit,
    _pool: OwnedSemaphorePermit,
}

impl Room {
    /// Allows `per_tenant` concurrent calls for each tenant, and in total as many as `engine` has room for.
    pub(super) fn new(engine: &Engine, per_tenant: usize) -> Self {
        Self { per_tenant, tenants: Mutex::default(), all: Arc::clone(engine.calls()) }
    }

    /// Waits for a place for a call of `tenant`. Returns `None` if the host is shutting down.
    pub(super) async fn enter(&self, tenant: &TenantId) -> Option<RoomPermit> {
        let share = self.share(tenant);
        let tenant = share.acquire_owned().await.ok()?;
        let pool = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(RoomPermit { _tenant: tenant, _pool: pool })
    }

    fn share(&self, tenant: &TenantId) -> Arc<Semaphore> {
        let mut tenants = self.tenants.lock();
        if let Some(share) = tenants.get(tenant) {
            return Arc::clone(share);
        }
        let share = Arc::new(Semaphore::new(self.per_tenant));
        tenants.insert(tenant.clone(), Arc::clone(&share));
        share
    }
}
