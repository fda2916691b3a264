//! A running host.
//! Tested in `tests/all/connections.rs`.

use std::{collections::BTreeMap, sync::Arc};

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use crate::{
    calls::{Calls, Runtime},
    config::UnknownConnection,
    conformance::Prover,
    connection::{ConnectionSpec, SettingError},
    lines::lines,
    plugin::{
        Generation, LoadError, LoadPolicy, Plugin, Release, ReleaseAdmission, ReleaseInstaller, Slot, Watch,
    },
};
use host_model::digest::Digest;

/// Plugins and connections, ready for calls. Both can change while the host runs. Lives as long as the process.
///
/// ```no_run
/// # async fn erase() -> Result<(), Box<dyn std::error::Error>> {
/// use host_harness::{config::Config, contract::{Subject, erasure::ErasureStatus}, host::Host};
///
/// let host = Host::start(Config::read("connector-host.toml")?).await?;
/// let person = Subject::email("ada@example.com");
/// let receipt = host.connection("newsletter")?.erase(&person).await??;
/// assert_eq!(receipt.status, ErasureStatus::Accepted);
/// # Ok(())
/// # }
/// ```
pub struct Host {
    pub(super) runtime: Runtime,
    releases: ReleaseInstaller,
    pub(super) slots: ArcSwap<BTreeMap<String, Arc<Slot>>>,
    /// The slots of versions that serve connections of their own, whichever version their plugin runs.
    pub(super) pinned: ArcSwap<PinnedSlots>,
    /// Held during a change, so that a key is unique across all plugins.
    pub(super) changing: Mutex<()>,
    _watch: Option<Watch>,
}

/// The slots of versions that serve connections of their own, by the plugin's name and the version's digest.
pub(super) type PinnedSlots = BTreeMap<(String, Digest), Arc<Slot>>;

/// Why a connection cannot be called on a version that does not serve.
#[derive(Debug, thiserror::Error)]
pub enum NotOnVersion {
    /// There is no such connection.
    #[error(transparent)]
    Unknown(#[from] UnknownConnection),
    /// Its settings do not fit the version.
    #[error("the connection does not fit the version:{}", lines(.0))]
    Settings(Vec<SettingError>),
}

impl Host {
    pub(super) fn of(
        runtime: Runtime,
        releases: ReleaseInstaller,
        slots: BTreeMap<String, Arc<Slot>>,
        watch: Option<Watch>,
    ) -> Self {
        let (slots, pinned) = (ArcSwap::from_pointee(slots), ArcSwap::default());
        Self { runtime, releases, slots, pinned, changing: Mutex::default(), _watch: watch }
    }

    /// Returns the calls of a connection, on the current plugin version.
    pub fn connection(&self, key: &str) -> Result<Calls, UnknownConnection> {
        let generation = self.carrying(key);
        let found = generation.as_ref().and_then(|generation| {
            generation.connection(key).map(|connection| (generation.plugin(), connection))
        });
        let Some((plugin, connection)) = found else {
            return Err(UnknownConnection::among(key, self.connection_keys().iter().map(String::as_str)));
        };
        Ok(Calls::new(self.runtime.clone(), plugin.clone(), Arc::clone(connection)))
    }

    /// Returns the keys of all connections, sorted.
    pub fn connection_keys(&self) -> Vec<String> {
        let generations: Vec<_> = self.all_slots().iter().map(|slot| slot.current()).collect();
        let mut keys: Vec<_> = generations
            .iter()
            .flat_map(|generation| generation.connections().map(|connection| connection.key.clone()))
            .collect();
        keys.sort_unstable();
        // A connection that moves between plugins is briefly in both.
        keys.dedup();
        keys
    }

    /// Returns the version of a plugin with this digest if it serves, all of the plugin's connections or some of them.
    pub fn serving_version(&self, name: &str, digest: Digest) -> Option<Arc<Plugin>> {
        let is_wanted = |slot: &Arc<Slot>| slot.current().plugin().digest() == digest;
        let slot = self.plugin(name).filter(is_wanted);
        let slot = slot.or_else(|| self.pinned.load().get(&(name.to_owned(), digest)).cloned());
        slot.map(|slot| Arc::clone(slot.current().plugin().uncounted()))
    }

    /// Returns the name of the plugin that the connection uses; `None` if there is no such connection.
    pub fn plugin_of(&self, key: &str) -> Option<String> {
        let carries = |slot: &Arc<Slot>| slot.current().connection(key).is_some();
        let slots = self.slots.load();
        let running = slots.iter().find(|(_, slot)| carries(slot)).map(|(name, _)| name.clone());
        running.or_else(|| {
            let pinned = self.pinned.load();
            pinned.iter().find(|(_, slot)| carries(slot)).map(|((name, _), _)| name.clone())
        })
    }

    /// Returns the slots of all plugins, by name.
    pub fn plugins(&self) -> Arc<BTreeMap<String, Arc<Slot>>> {
        self.slots.load_full()
    }

    /// Returns the slot of the plugin with that name, for inspection or a swap.
    pub fn plugin(&self, name: &str) -> Option<Arc<Slot>> {
        self.slots.load().get(name).cloned()
    }

    /// Loads a component from outside for the [`Slot`] of the plugin with that name, if it is trusted for that name.
    pub async fn load(
        &self,
        plugin: &str,
        release: impl Into<Release>,
        policy: &LoadPolicy,
    ) -> Result<Plugin, LoadError> {
        let ReleaseInstaller { engine, admission, clock } = &self.releases;
        admission.load(engine, plugin, release.into(), policy, clock).await
    }

    /// Loads a component for a [`Slot`] of this host without checking who signed it: the caller has done so, or it has
    /// served before.
    pub async fn load_admitted(&self, component: Vec<u8>, policy: &LoadPolicy) -> Result<Plugin, LoadError> {
        Plugin::load(self.runtime.engine(), component, policy).await
    }

    /// Returns what decides whether components from outside may load.
    pub fn admission(&self) -> &Arc<ReleaseAdmission> {
        &self.releases.admission
    }

    /// Returns the calls of a connection on `plugin`, which this host loaded and which does not serve.
    pub fn connection_on(&self, key: &str, plugin: &Arc<Plugin>) -> Result<Calls, NotOnVersion> {
        let slots = self.all_slots();
        let resolved = slots.iter().find_map(|slot| slot.resolved_for(key, plugin));
        let Some(resolved) = resolved else {
            let keys = self.connection_keys();
            return Err(UnknownConnection::among(key, keys.iter().map(String::as_str)).into());
        };
        let connection = resolved.map_err(NotOnVersion::Settings)?;
        Ok(Calls::new(self.runtime.clone(), Arc::clone(plugin), Arc::new(connection)))
    }

    /// Returns the calls of a connection on the version of `slot`, which the caller made for a version that this host loaded;
    /// `None` if the slot does not have the connection.
    pub fn connection_in(&self, slot: &Slot, key: &str) -> Option<Calls> {
        let generation = slot.current();
        let connection = generation.connection(key)?;
        Some(Calls::new(self.runtime.clone(), generation.plugin().clone(), Arc::clone(connection)))
    }

    /// Same as [`connection_on`](Self::connection_on) for a connection as it is specified by `spec`.
    pub fn connection_as(&self, spec: &ConnectionSpec, plugin: &Arc<Plugin>) -> Result<Calls, NotOnVersion> {
        let connection = spec.resolve(plugin.manifest()).map_err(NotOnVersion::Settings)?;
        Ok(Calls::new(self.runtime.clone(), Arc::clone(plugin), Arc::new(connection)))
    }

    /// Returns a prover for plugins that this host loaded, with the largest limits of its connections.
    pub fn prover(&self) -> Prover {
        let engine = self.runtime.engine();
        Prover::new(Arc::clone(engine)).with_limits(engine.pool().limits.clone())
    }

    /// Returns the generation that serves the connection.
    fn carrying(&self, key: &str) -> Option<Arc<Generation>> {
        self.found(key).or_else(|| {
            // It may have moved to a plugin that was checked before it arrived there.
            let _still = self.changing.lock();
            self.found(key)
        })
    }

    pub(super) fn found(&self, key: &str) -> Option<Arc<Generation>> {
        let carries = |slot: &Arc<Slot>| {
            let generation = slot.current();
            generation.connection(key).is_some().then_some(generation)
        };
        let found = self.slots.load().values().find_map(carries);
        found.or_else(|| self.pinned.load().values().find_map(carries))
    }

    /// Returns the slots of all plugins and of all versions with connections of their own.
    pub(super) fn all_slots(&self) -> Vec<Arc<Slot>> {
        self.slots.load().values().chain(self.pinned.load().values()).cloned().collect()
    }
}
