//! Where calls wait: a tenant's own semaphore first, then the one in front of the pool.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{connection::TenantId, engine::Engine};

/// Room for calls: a tenant that fills its share waits in its own queue, and the others do not.
pub(super) struct Room {
    per_tenant: usize,
    tenants: Mutex<HashMap<TenantId, Arc<Semaphore>>>,
    all: Arc<Semaphore>,
}

/// A call's place; free again when dropped.
pub(super) struct Place {
    _tenant: OwnedSemaphorePermit,
    _pool: OwnedSemaphorePermit,
}

impl Room {
    /// `per_tenant` calls at once for each tenant, and all together what `engine` holds.
    pub(super) fn new(engine: &Engine, per_tenant: usize) -> Self {
        Self { per_tenant, tenants: Mutex::default(), all: Arc::clone(engine.calls()) }
    }

    /// A place for a call of `tenant`; waits for one. None when the host is going down.
    pub(super) async fn enter(&self, tenant: &TenantId) -> Option<Place> {
        let share = self.share(tenant);
        let tenant = share.acquire_owned().await.ok()?;
        let pool = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Place { _tenant: tenant, _pool: pool })
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
