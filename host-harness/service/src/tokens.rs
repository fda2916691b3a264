//! Webhook tokens: made, shown once, accepted by digest in generations that overlap, handed to the vendor in time.
//!
//! What is accepted is read from the store for each delivery. Nothing is cached, so that what is revoked here is revoked
//! for every replica at once.

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
    /// Who asks, for the audit; the host itself where nobody does.
    by: Option<Who>,
}

impl Tokens {
    /// Those in `store`; new ones last `lifetime` and have a successor while `window` is left.
    pub(crate) fn lasting(store: Store, clock: Arc<dyn Clock>, lifetime: Duration, window: Duration) -> Self {
        Self { store, clock, lifetime_ms: millis(lifetime), window_ms: millis(window), by: None }
    }

    /// The same, as `who` asks for it.
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
mod simulation;
#[cfg(test)]
mod tests;
