//! Where a plugin's current version stands with its connections, and how either changes: one exchange.

use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwap;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use super::{changes::Changes, loaded::Plugin};
use crate::{
    connection::{Connection, ConnectionSpec, SettingError},
    lines::lines,
};
use host_model::{
    contract::{Interface, manifest::Manifest},
    digest::Digest,
};

/// A plugin version and the connections as resolved for it. Never changed: every change makes another.
#[derive(Debug)]
pub struct Generation {
    plugin: Arc<Plugin>,
    connections: HashMap<String, Arc<Connection>>,
}

impl Generation {
    /// The version.
    pub fn plugin(&self) -> &Arc<Plugin> {
        &self.plugin
    }

    /// The connection of that key, as this version uses it.
    pub fn connection(&self, key: &str) -> Option<&Arc<Connection>> {
        self.connections.get(key)
    }

    /// The connections, in no order.
    pub fn connections(&self) -> impl Iterator<Item = &Arc<Connection>> {
        self.connections.values()
    }

    fn of(plugin: Arc<Plugin>, specs: &[ConnectionSpec]) -> Result<Self, Vec<SettingError>> {
        let mut connections = HashMap::new();
        let mut errors = Vec::new();
        for spec in specs {
            match spec.resolve(plugin.manifest()) {
                Ok(connection) => {
                    connections.insert(spec.key.clone(), Arc::new(connection));
                }
                Err(more) => errors.extend(more),
            }
        }
        if errors.is_empty() { Ok(Self { plugin, connections }) } else { Err(errors) }
    }
}

/// Why the current version goes on serving.
#[derive(Debug, thiserror::Error)]
pub enum SwapError {
    /// The new version asks for more than the running one; an operator has to agree.
    #[error("the new version asks for more than the running one, which goes on serving:{0}")]
    AsksForMore(Changes),
    /// It is another connector.
    #[error("the new version calls itself {new}, the running one {running}: a swap keeps the connector")]
    AnotherConnector {
        /// The running one's name.
        running: String,
        /// The new one's name.
        new: String,
    },
    /// It takes a capability away; an operator has to agree.
    #[error("the new version no longer offers {}; the running one goes on serving", named(.0))]
    OffersLess(Vec<Interface>),
    /// A connection's settings do not suit it.
    #[error("connections do not suit the plugin:{}", lines(.0))]
    Settings(Vec<SettingError>),
    /// There was no version before this one.
    #[error("there is no version to go back to")]
    NothingBefore,
}

fn named(interfaces: &[Interface]) -> String {
    interfaces.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}

/// A plugin's place. Calls in flight keep the generation that they began with.
#[derive(Debug)]
pub struct Slot {
    current: ArcSwap<Generation>,
    /// Held while a change is decided, so that two do not judge the same running version.
    history: Mutex<History>,
    /// Told of every swap.
    swapped: Notify,
}

#[derive(Debug)]
struct History {
    specs: Vec<ConnectionSpec>,
    before: Option<Arc<Plugin>>,
}

impl Slot {
    /// A place for `plugin`, which carries the connections of `specs`.
    pub fn new(plugin: Plugin, specs: Vec<ConnectionSpec>) -> Result<Self, SwapError> {
        let generation = Generation::of(Arc::new(plugin), &specs).map_err(SwapError::Settings)?;
        Ok(Self::serving(generation, specs))
    }

    /// A place for `plugin`, with no connections yet.
    pub fn of(plugin: Plugin) -> Self {
        let generation = Generation { plugin: Arc::new(plugin), connections: HashMap::new() };
        Self::serving(generation, Vec::new())
    }

    fn serving(generation: Generation, specs: Vec<ConnectionSpec>) -> Self {
        Self {
            current: ArcSwap::from_pointee(generation),
            history: Mutex::new(History { specs, before: None }),
            swapped: Notify::new(),
        }
    }

    /// What serves now.
    pub fn current(&self) -> Arc<Generation> {
        self.current.load_full()
    }

    /// Ends once something other than `running` serves.
    pub async fn replaced(&self, running: Digest) {
        loop {
            // Listening begins before looking, so that no swap falls between the two.
            let swapped = self.swapped.notified();
            if self.current().plugin.digest() != running {
                return;
            }
            swapped.await;
        }
    }

    /// Puts `plugin` in place, unless it asks for more than the running version, or offers less.
    pub fn replace(&self, plugin: Plugin) -> Result<Digest, SwapError> {
        let history = self.history.lock();
        let running = self.current();
        same_connector(running.plugin.manifest(), plugin.manifest())?;
        let changes = Changes::between(running.plugin.manifest(), plugin.manifest());
        if !changes.is_empty() {
            return Err(SwapError::AsksForMore(changes));
        }
        let mut gone = running.plugin.exports().to_vec();
        gone.retain(|interface| !plugin.exports().contains(interface));
        if !gone.is_empty() {
            return Err(SwapError::OffersLess(gone));
        }
        self.exchange(Arc::new(plugin), history)
    }

    /// Puts `plugin` in place, whatever more it asks for: the operator has seen the difference and agrees.
    pub fn replace_agreed(&self, plugin: Plugin) -> Result<Digest, SwapError> {
        let history = self.history.lock();
        same_connector(self.current().plugin.manifest(), plugin.manifest())?;
        self.exchange(Arc::new(plugin), history)
    }

    /// Puts the version before back. Doing it twice ends where it began.
    pub fn roll_back(&self) -> Result<Digest, SwapError> {
        let history = self.history.lock();
        let before = history.before.clone().ok_or(SwapError::NothingBefore)?;
        self.exchange(before, history)
    }

    /// Puts a connection in place, instead of one of the same key where there is one; swaps carry it on. One that does
    /// not suit the running version changes nothing.
    pub fn put(&self, spec: ConnectionSpec) -> Result<(), Vec<SettingError>> {
        let mut history = self.history.lock();
        let running = self.current();
        let connection = spec.resolve(running.plugin.manifest())?;
        let mut connections = running.connections.clone();
        connections.insert(spec.key.clone(), Arc::new(connection));
        history.specs.retain(|known| known.key != spec.key);
        history.specs.push(spec);
        self.current.store(Arc::new(Generation { plugin: Arc::clone(&running.plugin), connections }));
        Ok(())
    }

    /// Takes a connection away; whether there was one.
    pub fn remove(&self, key: &str) -> bool {
        let mut history = self.history.lock();
        let running = self.current();
        let mut connections = running.connections.clone();
        if connections.remove(key).is_none() {
            return false;
        }
        history.specs.retain(|known| known.key != key);
        self.current.store(Arc::new(Generation { plugin: Arc::clone(&running.plugin), connections }));
        true
    }

    fn exchange(
        &self,
        plugin: Arc<Plugin>,
        mut history: MutexGuard<'_, History>,
    ) -> Result<Digest, SwapError> {
        let digest = plugin.digest();
        let generation = Generation::of(plugin, &history.specs).map_err(SwapError::Settings)?;
        let replaced = self.current.swap(Arc::new(generation));
        history.before = Some(Arc::clone(&replaced.plugin));
        self.swapped.notify_waiters();
        Ok(digest)
    }
}

fn same_connector(running: &Manifest, new: &Manifest) -> Result<(), SwapError> {
    if running.name == new.name {
        return Ok(());
    }
    Err(SwapError::AnotherConnector { running: running.name.clone(), new: new.name.clone() })
}
