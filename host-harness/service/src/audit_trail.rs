//! The audit chains, read and verified for callers.
//! Tested in `api/src/tests/audit.rs`.

use std::sync::Arc;

use host_harness::clock::Clock;
use host_store::{
    Store, StoreError,
    audit::ALL_TENANTS,
    audit_chain::{self, ChainCheck},
    audit_lines::{self, LineFilter, LinePlace, StoredLine},
    authentic::{self, ForeignRow},
    grant::KeyReach,
};
use tokio::sync::Mutex;

/// The audit chains. Clones share everything.
#[derive(Clone)]
pub struct AuditTrail {
    store: Store,
    clock: Arc<dyn Clock>,
    /// Held while the chains are verified: a chain of years takes a processor for seconds.
    verified: Arc<Mutex<Option<Verification>>>,
}

/// The result of verifying the chains and the rows that grant something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// When it began, in milliseconds since the Unix epoch.
    pub at: i64,
    /// Each chain.
    pub chains: Vec<ChainCheck>,
    /// The rows that were changed or inserted in the database from outside.
    pub foreign: Vec<ForeignRow>,
}

impl Verification {
    /// Leaves out what does not lie within `reach`.
    fn within(mut self, reach: &KeyReach) -> Self {
        let is_seen = |tenant: &str| match tenant {
            ALL_TENANTS => reach.is_everything(),
            tenant => reach.includes_tenant(tenant),
        };
        self.chains.retain(|chain| is_seen(&chain.tenant));
        self.foreign.retain(|row| is_seen(&row.tenant));
        self
    }
}

impl AuditTrail {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, verified: Arc::default() }
    }

    /// Returns the last verification of this process, as far as it lies within `reach`; `None` if there was none.
    pub async fn last_verification(&self, reach: &KeyReach) -> Option<Verification> {
        self.verified.lock().await.clone().map(|verification| verification.within(reach))
    }

    /// Verifies every chain from its first line. Returns what lies within `reach`.
    pub async fn verify(&self, reach: &KeyReach) -> Result<Verification, StoreError> {
        let mut verified = self.verified.lock().await;
        let (at, vault) = (self.clock.date_ms(), self.store.vault().clone());
        let checked = self.store.read_everything(|c| {
            Box::pin(async move {
                let chains = audit_chain::verify(c, &vault).await?;
                let foreign = authentic::foreign_rows(c, &vault).await?;
                Ok((chains, [foreign, authentic::keys_against_chain(c).await?].concat()))
            })
        });
        let (chains, foreign) = checked.await?;
        let verification = Verification { at, chains, foreign };
        *verified = Some(verification.clone());
        Ok(verification.within(reach))
    }

    /// Returns at most `limit` lines that match `filter`, the newest first: those before `before`, if it is given.
    pub async fn newest(
        &self,
        filter: LineFilter,
        before: Option<LinePlace>,
        limit: i64,
    ) -> Result<Vec<StoredLine>, StoreError> {
        let read = self
            .store
            .read(|c| Box::pin(async move { audit_lines::newest(c, &filter, before.as_ref(), limit).await }));
        read.await
    }

    /// Returns at most `limit` lines that match `filter`, chain by chain: those after `after`, if it is given.
    pub async fn in_order(
        &self,
        filter: &LineFilter,
        after: Option<&LinePlace>,
        limit: i64,
    ) -> Result<Vec<StoredLine>, StoreError> {
        let (filter, after) = (filter.clone(), after.cloned());
        let read = self.store.read(|c| {
            Box::pin(async move { audit_lines::in_order(c, &filter, after.as_ref(), limit).await })
        });
        read.await
    }
}
