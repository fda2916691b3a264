//! Where the vendor's long limits are counted, so that a restart does not forget a day and replicas share it.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;

use super::limiter::{Full, Limiter};
use host_model::contract::manifest::Limit;

/// Counts the requests against limits of an hour or more, for as long as a period lasts.
///
/// A request counts from before it leaves until one period after it has ended: the vendor counts it at some moment in
/// between. Whatever gets lost on the way, a ledger may count too much and never too little.
pub trait Ledger: Send + Sync {
    /// Writes a request down in all of `limits` or in none. It is about to leave, and ends within `ends_within`, so that
    /// what is written counts until a period after that, should nobody ever hear of it again.
    ///
    /// `account` tells vendor accounts apart. It is a plain SHA-256 over secrets: a ledger that outlives the process keeps
    /// a keyed hash of it instead. Where this is dropped before it ends, the request is not sent.
    fn enter<'a>(
        &'a self,
        account: [u8; 32],
        limits: &'a [Limit],
        ends_within: Duration,
    ) -> BoxFuture<'a, Result<Leave, NotEntered>>;
}

/// Called when the request has ended, which is when its periods begin; also when its call is dropped half-way, and so it
/// must not block: what takes time is handed to a task. Where it is never called, the process having died say, the request
/// counts as if it had taken all of its time.
pub type Leave = Box<dyn FnOnce() + Send>;

/// Why a request must not leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotEntered {
    /// A limit is reached.
    Full(Full),
    /// Nobody knows whether one is: the ledger did not answer, and why, in words that a guest may see.
    Unreachable(String),
}

/// Counts in memory: the ledger of a process that runs alone and once, such as a command.
pub(super) struct InMemory(Arc<Limiter>);

impl InMemory {
    pub(super) fn new(limiter: Limiter) -> Self {
        Self(Arc::new(limiter))
    }
}

impl Ledger for InMemory {
    fn enter<'a>(
        &'a self,
        account: [u8; 32],
        limits: &'a [Limit],
        _: Duration,
    ) -> BoxFuture<'a, Result<Leave, NotEntered>> {
        let entered = self.0.try_enter(account, limits).map_err(NotEntered::Full);
        let (limiter, limits) = (Arc::clone(&self.0), limits.to_vec());
        let leave: Leave = Box::new(move || limiter.leave(account, &limits));
        Box::pin(std::future::ready(entered.map(|()| leave)))
    }
}
