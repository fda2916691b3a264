//! Changes while a host runs: connections are added, changed, moved and removed, and plugins are added.
//! Tested in `tests/all/connections.rs`.

use std::sync::Arc;

use super::running::Host;
use crate::{
    config::{self, ConfigProblem, ConfigProblemKind},
    connection::{ConnectionSpec, SettingError},
    engine::BeyondPool,
    lines::lines,
    plugin::{LoadError, LoadPolicy, Plugin, Slot},
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
        let before = self.found(&spec.key);
        let owner = before.as_ref().and_then(|generation| generation.connection(&spec.key));
        if owner.is_some_and(|connection| connection.tenant != spec.tenant) {
            return Err(config::problem_of(&spec, ConfigProblemKind::KeyTaken).into());
        }
        let lacking = self.runtime.engine().pool().lacks(&spec.limits);
        if !lacking.is_empty() {
            return Err(PutError::Pool { connection: spec.key, lacking });
        }
        let (key, plugin) = (spec.key.clone(), spec.plugin.clone());
        if let Some(slot) = slots.get(&plugin) {
            slot.put(spec).map_err(PutError::Settings)?;
        }
        // Added to its new slot first, so that it is available at all times.
        for (_, others) in slots.iter().filter(|(name, _)| **name != plugin) {
            others.remove(&key);
        }
        Ok(())
    }

    /// Removes a connection. Returns whether it existed. Calls in flight are not affected.
    pub fn remove_connection(&self, key: &str) -> bool {
        let _alone = self.changing.lock();
        self.plugins().values().any(|slot| slot.remove(key))
    }

    /// Loads a component as a new plugin without connections.
    pub async fn add_plugin(
        &self,
        name: &str,
        bytes: Vec<u8>,
        policy: &LoadPolicy,
    ) -> Result<Digest, AddError> {
        config::named_plugin(name)?;
        if self.plugins().contains_key(name) {
            return Err(AddError::NameTaken(name.to_owned()));
        }
        let loaded = self.load(bytes, policy).await;
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
