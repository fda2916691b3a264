//! The service: requests that are never lost, webhooks, consent both ways, tokens, around one [`Host`] and one [`Store`].

mod lock;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use tokio::sync::Notify;

use crate::{
    clock::Clock,
    config::{ForwardConfig, ServiceConfig},
    host::Host,
    post::Poster,
    store::{Store, sends::StoredLedger},
    telemetry::Telemetry,
};

pub(crate) use lock::Lock;
pub use lock::LockError;

/// A configuration with nothing about a service in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the configuration says nothing about a service\n\
     next: make a master key with `connector-host new-master-key > master.key`, keep a copy of it elsewhere, and add\n\
     [service]\nmaster-key = {{ file = \"master.key\" }}"
)]
pub struct NotAService;

/// What every part of the service uses. Lives as long as the process.
pub(crate) struct Shared {
    /// Plugins and connections, ready for calls.
    pub(crate) host: Host,
    /// What outlives the process.
    pub(crate) store: Store,
    /// Counts the vendors' long limits.
    pub(crate) ledger: Arc<StoredLedger>,
    /// What time it is.
    pub(crate) clock: Arc<dyn Clock>,
    /// What the operator configured.
    pub(crate) config: ServiceConfig,
    /// Where each tenant's events are posted.
    pub(crate) forwards: BTreeMap<String, ForwardConfig>,
    /// Told whenever a request may have become due.
    pub(crate) work: Notify,
    /// Posts alarms and events.
    pub(crate) poster: Poster,
    /// Counts what happens.
    pub(crate) telemetry: Telemetry,
}

impl Shared {
    /// The date in milliseconds since 1970 in UTC, as the store keeps it.
    pub(crate) fn date_ms(&self) -> i64 {
        milliseconds(self.clock.date())
    }
}

/// `date` in milliseconds since 1970 in UTC; before that counts as then.
pub(crate) fn milliseconds(date: SystemTime) -> i64 {
    let since = date.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
pub(crate) mod tests;
