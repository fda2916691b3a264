//! Webhook tokens: created, shown once, accepted by digest in overlapping generations, and installed at the vendor in
//! time.
//!
//! The accepted tokens are read from the store for each delivery. Nothing is cached, so a token revoked here is
//! revoked for every replica immediately.

mod generation;
pub mod issue;
pub mod refresh;
pub(crate) mod schedule;
pub mod settle;

use std::{sync::Arc, time::Duration};

use crate::who::Who;
use host_harness::clock::Clock;
use host_model::time::{millis, milliseconds};
use host_store::Store;

/// The tokens of all connections.
#[derive(Clone)]
pub struct Tokens {
    store: Store,
    clock: Arc<dyn Clock>,
    lifetime_ms: i64,
    window_ms: i64,
    /// The caller, for the audit chain, or `None` if the host itself acts.
    by: Option<Who>,
}

impl Tokens {
    /// Creates the tokens in `store`. New tokens last for `lifetime` and get a successor once only `window` is left.
    pub(crate) fn lasting(store: Store, clock: Arc<dyn Clock>, lifetime: Duration, window: Duration) -> Self {
        Self { store, clock, lifetime_ms: millis(lifetime), window_ms: millis(window), by: None }
    }

    /// Returns the same tokens, with `who` as the caller in audit records.
    #[must_use]
    pub fn asked_by(mut self, who: Who) -> Self {
        self.by = Some(who);
        self
    }

    fn now(&self) -> i64 {
        milliseconds(self.clock.date())
    }
}

#[cfg(test)]
mod tests;
