//! The slot of a plugin: its current version with its connections, both replaced by an atomic exchange.
//! Tested in `tests/all/swap.rs`.

use std::{collections::HashMap, sync::Arc};

use futures::future::join_all;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use super::{
    changes::Changes,
    generation::Generation,
    loaded::Plugin,
    retired::{Retired, RetiredVersion},
};
use crate::{
    connection::{Connection, ConnectionSpec, SettingError},
    lines::lines,
};
use host_exchange::{Current, Uses};
use host_model::{
    contract::{Interface, manifest::Manifest},
    digest::Digest,
};

/// Why a swap failed; the current version remains in service.
#[derive(Debug, thiserror::Error)]
pub enum SwapError {
    /// The new version requests more than the running one, which an operator must approve.
    #[error("the new version requests more than the running one, which remains in service:{0}")]
    AsksForMore(Changes),
    /// The new version is another connector.
    #[error("the new version is {new}, but the running one is {running}: a swap must keep the connector")]
    AnotherConnector {
        /// The running one's name.
        running: String,
        /// The new one's name.
        new: String,
    },
    /// The new version lacks a capability, which an operator must approve.
    #[error("the new version no longer offers {}; the running one remains in service", named(.0))]
    OffersLess(Vec<Interface>),
    /// A connection's settings do not fit the new version.
    #[error("connections do not fit the plugin:{}", lines(.0))]
    Settings(Vec<SettingError>),
    /// There is no previous version.
    #[error("there is no version to go back to")]
    NothingBefore,
}

fn named(interfaces: &[Interface]) -> String {
    interfaces.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}

/// The slot of a plugin. Calls in flight keep the generation that they began with.
#[derive(Debug)]
pub struct Slot {
    current: Current<Arc<Generation>>,
    /// Held during a change, so that two changes are not compared with the same running version.
    history: Mutex<History>,
    /// Notified of every swap.
    swapped: Notify,
}

#[derive(Debug)]
struct History {
    specs: Vec<ConnectionSpec>,
    /// What [`Slot::roll_back`] restores. Not a use of it: a retired version stays loaded for it, but has no calls.
    before: Option<Arc<Plugin>>,
    retired: Retired,
}

impl Slot {
    /// Creates a slot for `plugin` that serves the connections in `specs`.
    pub fn new(plugin: Plugin, specs: Vec<ConnectionSpec>) -> Result<Self, SwapError> {
        let generation = Generation::of(Arc::new(plugin), &specs).map_err(SwapError::Settings)?;
        Ok(Self::serving(generation, specs))
    }

    /// Creates a slot for `plugin` without connections.
    pub fn of(plugin: impl Into<Arc<Plugin>>) -> Self {
        let generation = Generation { plugin: plugin.into().into(), connections: HashMap::new() };
        Self::serving(generation, Vec::new())
    }

    fn serving(generation: Generation, specs: Vec<ConnectionSpec>) -> Self {
        Self {
            current: Current::new(Arc::new(generation)),
            history: Mutex::new(History { specs, before: None, retired: Retired::default() }),
            swapped: Notify::new(),
        }
    }

    /// Returns the current generation.
    pub fn current(&self) -> Arc<Generation> {
        self.current.get()
    }

    /// Returns whether the slot serves no connection.
    pub fn is_empty(&self) -> bool {
        self.current().connections.is_empty()
    }

    /// Completes when another version than `running` is in service.
    pub async fn replaced(&self, running: Digest) {
        loop {
            // Register for notifications before the check, so that no swap is missed in between.
            let swapped = self.swapped.notified();
            if self.current().plugin.digest() != running {
                return;
            }
            swapped.await;
        }
    }

    /// Returns the versions that no longer serve, but still have calls in flight.
    pub fn retired(&self) -> Vec<RetiredVersion> {
        let history = self.history.lock();
        history.retired.except(self.current().plugin.digest())
    }

    /// Completes when every call that began with `version` before it was replaced has ended. Its memory is free then,
    /// unless it is the version that [`roll_back`](Self::roll_back) restores.
    pub async fn drained(&self, version: Digest) {
        let uses = self.history.lock().retired.uses(version);
        join_all(uses.iter().map(Uses::ended)).await;
    }

    /// Checks that `plugin` requests no more than the running version, and offers no less.
    pub fn compare(&self, plugin: &Plugin) -> Result<(), SwapError> {
        let running = self.current();
        same_connector(running.plugin.manifest(), plugin.manifest())?;
        let changes = Changes::between(running.plugin.manifest(), plugin.manifest());
        if !changes.is_empty() {
            return Err(SwapError::AsksForMore(changes));
        }
        let mut gone = running.plugin.exports().to_vec();
        gone.retain(|interface| !plugin.exports().contains(interface));
        if gone.is_empty() { Ok(()) } else { Err(SwapError::OffersLess(gone)) }
    }

    /// Checks that `plugin` is a version of the same connector as the running one.
    pub fn compare_connector(&self, plugin: &Plugin) -> Result<(), SwapError> {
        same_connector(self.current().plugin.manifest(), plugin.manifest())
    }

    /// Checks that the settings of all connections suit `plugin`, with those in `changed` in place of those with the same
    /// keys.
    pub fn check_settings(&self, plugin: &Arc<Plugin>, changed: &[ConnectionSpec]) -> Result<(), SwapError> {
        let specs = replaced(&self.history.lock().specs, changed);
        Generation::of(Arc::clone(plugin), &specs).map(drop).map_err(SwapError::Settings)
    }

    /// Returns the connection with this key as resolved for `plugin`, which does not serve; `None` if there is none.
    pub fn resolved_for(&self, key: &str, plugin: &Plugin) -> Option<Result<Connection, Vec<SettingError>>> {
        let history = self.history.lock();
        Some(history.specs.iter().find(|spec| spec.key == key)?.resolve(plugin.manifest()))
    }

    /// Replaces the running version with `plugin`, unless it requests more or offers less.
    pub fn replace(&self, plugin: Plugin) -> Result<Digest, SwapError> {
        let history = self.history.lock();
        self.compare(&plugin)?;
        self.exchange(Arc::new(plugin), &[], history)
    }

    /// Replaces the running version with `plugin` even if it requests more: the operator has seen and approved the
    /// difference.
    pub fn replace_agreed(&self, plugin: impl Into<Arc<Plugin>>) -> Result<Digest, SwapError> {
        self.replace_with(plugin, &[])
    }

    /// Same as [`replace_agreed`](Self::replace_agreed), together with the connections in `changed`, which replace those with
    /// the same keys.
    pub fn replace_with(
        &self,
        plugin: impl Into<Arc<Plugin>>,
        changed: &[ConnectionSpec],
    ) -> Result<Digest, SwapError> {
        let plugin = plugin.into();
        let history = self.history.lock();
        self.compare_connector(&plugin)?;
        self.exchange(plugin, changed, history)
    }

    /// Restores the previous version, which stays loaded for this until it is
    /// [forgotten](Self::forget_previous). Doing it twice restores the original state.
    pub fn roll_back(&self) -> Result<Digest, SwapError> {
        let history = self.history.lock();
        let before = history.before.clone().ok_or(SwapError::NothingBefore)?;
        self.exchange(before, &[], history)
    }

    /// Unloads the previous version as soon as its last call has ended: it cannot be restored any more. Returns whether
    /// there was one.
    pub fn forget_previous(&self) -> bool {
        self.history.lock().before.take().is_some()
    }

    /// Adds a connection, or replaces the one with the same key. Swaps preserve it. If it does not fit the running
    /// version, nothing changes.
    pub fn put(&self, spec: ConnectionSpec) -> Result<(), Vec<SettingError>> {
        let mut history = self.history.lock();
        let running = self.current();
        let connection = spec.resolve(running.plugin.manifest())?;
        let mut connections = running.connections.clone();
        connections.insert(spec.key.clone(), Arc::new(connection));
        history.specs.retain(|known| known.key != spec.key);
        history.specs.push(spec);
        self.current.swap(Arc::new(Generation { plugin: running.plugin.clone(), connections }));
        Ok(())
    }

    /// Removes a connection. Returns whether it existed.
    pub fn remove(&self, key: &str) -> bool {
        let mut history = self.history.lock();
        let running = self.current();
        let mut connections = running.connections.clone();
        if connections.remove(key).is_none() {
            return false;
        }
        history.specs.retain(|known| known.key != key);
        self.current.swap(Arc::new(Generation { plugin: running.plugin.clone(), connections }));
        true
    }

    fn exchange(
        &self,
        plugin: Arc<Plugin>,
        changed: &[ConnectionSpec],
        mut history: MutexGuard<'_, History>,
    ) -> Result<Digest, SwapError> {
        let digest = plugin.digest();
        let specs = replaced(&history.specs, changed);
        let generation = Generation::of(plugin, &specs).map_err(SwapError::Settings)?;
        let running = self.current.swap(Arc::new(generation));
        history.specs = specs;
        history.before = Some(Arc::clone(running.plugin.uncounted()));
        history.retired.add(&running.plugin);
        self.swapped.notify_waiters();
        Ok(digest)
    }
}

/// Returns `specs` with those in `changed` in place of those with the same keys.
fn replaced(specs: &[ConnectionSpec], changed: &[ConnectionSpec]) -> Vec<ConnectionSpec> {
    let is_kept = |spec: &&ConnectionSpec| changed.iter().all(|other| other.key != spec.key);
    specs.iter().filter(is_kept).chain(changed).cloned().collect()
}

fn same_connector(running: &Manifest, new: &Manifest) -> Result<(), SwapError> {
    if running.name == new.name {
        return Ok(());
    }
    Err(SwapError::AnotherConnector { running: running.name.clone(), new: new.name.clone() })
}
