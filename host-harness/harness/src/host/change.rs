//! Changes while a host runs: connections are added, changed, moved and removed, and plugins are added.
//! Tested in `tests/all/connections.rs`.

use std::sync::Arc;

use super::running::Host;
use crate::{
    config::{self, ConfigProblem, ConfigProblemKind},
    connection::{ConnectionSpec, SettingError},
    engine::BeyondPool,
    lines::lines,
    plugin::{LoadError, LoadPolicy, Plugin, Release, Slot},
};
use host_model::digest::Digest;

/// Why a connection was not added or changed. Any existing connection with that key remains in service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// The key belongs to another tenant, a name is invalid, or the plugin does not exist.
    #[error(transparent)]
    Named(#[from] ConfigProblem),
    /// The pool, which was sized when the host started, is too small for its calls.
    #[error(
        "connection {connection}: lower its limits, or restart the host with room for them:{}",
        lines(lacking)
    )]
    Pool {
        /// The connection's key.
        connection: String,
        /// All limits that are too large.
        lacking: Vec<BeyondPool>,
    },
    /// Its settings do not fit the plugin.
    #[error("the connection does not fit the plugin:{}", lines(.0))]
    Settings(Vec<SettingError>),
}

/// Why a plugin was not added.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// The name is invalid.
    #[error(transparent)]
    Named(#[from] ConfigProblem),
    /// Another plugin already has this name.
    #[error("plugin {0} already exists: swap its version instead, or choose another name")]
    NameTaken(String),
    /// The component could not be loaded.
    #[error("plugin {plugin}: {cause}")]
    Load {
        /// The plugin's name.
        plugin: String,
        /// The reason.
        cause: LoadError,
    },
}

impl Host {
    /// Adds a connection, or replaces the same tenant's connection with that key, even if another plugin serves it.
    /// Calls in flight continue with the previous version.
    pub fn put_connection(&self, spec: ConnectionSpec) -> Result<(), PutError> {
        let _alone = self.changing.lock();
        let slots = self.plugins();
        config::named_connection(&spec, slots.keys().map(String::as_str))?;
        self.check_put(&spec)?;
        let Some(slot) = slots.get(&spec.plugin) else { return Ok(()) };
        let key = spec.key.clone();
        slot.put(spec).map_err(PutError::Settings)?;
        self.remove_elsewhere(&key, slot);
        Ok(())
    }

    /// Same as [`put_connection`](Self::put_connection), but the connection is served by `version`, which this host
    /// loaded, whichever version its plugin runs. Swaps do not affect it.
    pub fn put_connection_on(&self, version: &Arc<Plugin>, spec: ConnectionSpec) -> Result<(), PutError> {
        let _alone = self.changing.lock();
        config::named_connection(&spec, std::iter::once(spec.plugin.as_str()))?;
        self.check_put(&spec)?;
        let (key, place) = (spec.key.clone(), (spec.plugin.clone(), version.digest()));
        let mut pinned = (**self.pinned.load()).clone();
        let slot = pinned.entry(place).or_insert_with(|| Arc::new(Slot::of(Arc::clone(version))));
        let slot = Arc::clone(slot);
        slot.put(spec).map_err(PutError::Settings)?;
        self.pinned.store(Arc::new(pinned));
        self.remove_elsewhere(&key, &slot);
        Ok(())
    }

    /// Checks that the key is free for the tenant of `spec`, and that there is room for its calls.
    fn check_put(&self, spec: &ConnectionSpec) -> Result<(), PutError> {
        let before = self.found(&spec.key);
        let owner = before.as_ref().and_then(|generation| generation.connection(&spec.key));
        if owner.is_some_and(|connection| connection.tenant != spec.tenant) {
            return Err(config::problem_of(spec, ConfigProblemKind::KeyTaken).into());
        }
        let lacking = self.runtime.engine().pool().lacks(&spec.limits);
        if lacking.is_empty() {
            return Ok(());
        }
        Err(PutError::Pool { connection: spec.key.clone(), lacking })
    }

    /// Removes the connection from all slots but the one that it was added to before, so that it is available at all
    /// times.
    fn remove_elsewhere(&self, key: &str, slot: &Arc<Slot>) {
        for other in self.all_slots().iter().filter(|other| !Arc::ptr_eq(other, slot)) {
            other.remove(key);
        }
        self.drop_unused();
    }

    /// Drops the versions that have no connection of their own any more.
    fn drop_unused(&self) {
        let mut pinned = (**self.pinned.load()).clone();
        pinned.retain(|_, slot| !slot.is_empty());
        self.pinned.store(Arc::new(pinned));
    }

    /// Forgets the secrets that vendors issued for the connection with this key: another process may have rotated and stored
    /// them. They are loaded or fetched again when they are needed.
    pub fn forget_rotated(&self, key: &str) {
        self.runtime.egress().forget_captured(key);
    }

    /// Removes a connection. Returns whether it existed. Calls in flight are not affected.
    pub fn remove_connection(&self, key: &str) -> bool {
        let _alone = self.changing.lock();
        let existed = self.all_slots().iter().any(|slot| slot.remove(key));
        self.drop_unused();
        existed
    }

    /// Loads a component from outside as a new plugin without connections, if it is trusted for that name.
    pub async fn add_plugin(
        &self,
        name: &str,
        release: impl Into<Release>,
        policy: &LoadPolicy,
    ) -> Result<Digest, AddError> {
        config::named_plugin(name)?;
        if self.plugins().contains_key(name) {
            return Err(AddError::NameTaken(name.to_owned()));
        }
        let loaded = self.load(name, release, policy).await;
        let plugin = loaded.map_err(|cause| AddError::Load { plugin: name.to_owned(), cause })?;
        self.add_loaded(name, plugin)
    }

    /// Adds a component that has already been loaded as a new plugin.
    pub fn add_loaded(&self, name: &str, plugin: impl Into<Arc<Plugin>>) -> Result<Digest, AddError> {
        config::named_plugin(name)?;
        let plugin = plugin.into();
        let digest = plugin.digest();
        let _alone = self.changing.lock();
        let mut slots = (*self.plugins()).clone();
        if slots.contains_key(name) {
            return Err(AddError::NameTaken(name.to_owned()));
        }
        slots.insert(name.to_owned(), Arc::new(Slot::of(plugin)));
        self.slots.store(Arc::new(slots));
        Ok(digest)
    }
}
