//! Webhook tokens: created, shown once, accepted by digest in overlapping generations, and installed at the vendor in
//! time.
//!
//! The accepted tokens are read from the store after each delivery has arrived, for those that arrive meanwhile together.
//! Nothing is cached, so a token revoked here is revoked for every replica immediately.

mod generation;
pub mod issue;
pub mod refresh;
pub(crate) mod schedule;
pub mod settle;

use std::{sync::Arc, time::Duration};

use crate::who::Who;
use host_harness::clock::Clock;
use host_model::time::{millis, milliseconds};
use host_store::{
    Batched, Store,
    tokens::{self, AcceptableToken},
};

/// Maximum number of connections whose tokens are read at once: more than deliveries arrive during a read.
const MAX_READ_AT_ONCE: usize = 256;

/// The tokens of all connections.
#[derive(Clone)]
pub struct Tokens {
    store: Store,
    clock: Arc<dyn Clock>,
    /// Reads what a connection accepts.
    acceptable: Batched<String, Vec<AcceptableToken>>,
    lifetime_ms: i64,
    window_ms: i64,
    /// The caller, for the audit chain, or `None` if the host itself acts.
    by: Option<Who>,
}

impl Tokens {
    /// Creates the tokens in `store`. New tokens last for `lifetime` and get a successor once only `window` is left.
    pub(crate) fn lasting(store: Store, clock: Arc<dyn Clock>, lifetime: Duration, window: Duration) -> Self {
        let acceptable = acceptable_in(store.clone());
        Self { store, clock, acceptable, lifetime_ms: millis(lifetime), window_ms: millis(window), by: None }
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

/// Reads what each of several connections accepts.
fn acceptable_in(store: Store) -> Batched<String, Vec<AcceptableToken>> {
    Batched::start(MAX_READ_AT_ONCE, move |connections: Vec<String>| {
        let store = store.clone();
        async move {
            let vault = store.vault().clone();
            let read = store.read(|c| {
                Box::pin(async move {
                    let known = tokens::acceptable(c, &vault, &connections).await?;
                    Ok(connections.iter().map(|key| known.get(key).cloned().unwrap_or_default()).collect())
                })
            });
            read.await
        }
    })
}

#[cfg(test)]
mod tests;
