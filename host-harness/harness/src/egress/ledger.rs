//! Counting of the vendor's long limits, such that a restart does not lose a day's count and replicas share it.
//! Tested in `src/egress/tests/ledger.rs`.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;

use super::limiter::{LimitReached, Limiter};
use host_model::contract::manifest::Limit;

/// Counts requests against limits of an hour or more for the length of the period, and against all of them if it
/// [is shared](Ledger::is_shared).
///
/// A request counts from before it is sent until one period after it has ended, because the vendor counts it at some
/// point in between. If anything gets lost, a ledger may count too much but never too little.
pub trait Ledger: Send + Sync {
    /// Returns whether other processes count in it, so that shorter limits have to be entered too.
    fn is_shared(&self) -> bool {
        false
    }

    /// Records a request in all of `limits` or in none. The request is about to be sent and ends within `ends_within`;
    /// if its end is never reported, it counts until one period after that.
    ///
    /// `account` distinguishes vendor accounts. It is a plain SHA-256 over secrets, so a ledger that outlives the
    /// process must store a keyed hash of it instead. If the future is dropped before it completes, the request is not
    /// sent.
    fn enter<'a>(
        &'a self,
        account: [u8; 32],
        limits: &'a [Limit],
        ends_within: Duration,
    ) -> BoxFuture<'a, Result<OnRequestEnd, NotEntered>>;
}

/// Called when the request has ended, which is when its periods begin. It is also called when the call is dropped
/// midway, so it must not block: slow work must be spawned as a task. If it is never called, for example because the
/// process died, the request counts as if it had taken the maximum time.
pub type OnRequestEnd = Box<dyn FnOnce() + Send>;

/// Why a request must not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotEntered {
    /// A limit is reached.
    Full(LimitReached),
    /// It is unknown whether a limit is reached because the ledger did not answer. The reason may be shown to a guest.
    Unreachable(String),
}

/// Counts in memory, for a process that runs only once and without replicas, such as a command.
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
    ) -> BoxFuture<'a, Result<OnRequestEnd, NotEntered>> {
        let entered = self.0.try_enter(account, limits).map_err(NotEntered::Full);
        let (limiter, limits) = (Arc::clone(&self.0), limits.to_vec());
        let leave: OnRequestEnd = Box::new(move || limiter.leave(account, &limits));
        Box::pin(std::future::ready(entered.map(|()| leave)))
    }
}
