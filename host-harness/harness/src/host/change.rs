//! What changes while a host runs: connections come, change, move and go, and plugins come.

use std::sync::Arc;

use super::running::Host;
use crate::{
    config::{self, Problem, Wrong},
    connection::{ConnectionSpec, SettingError},
    engine::BeyondPool,
    lines::lines,
    plugin::{LoadError, LoadPolicy, Plugin, Slot},
};
use host_model::digest::Digest;

/// Why a connection was not put in place; whatever was there before goes on serving.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// Its key is another tenant's, a name is no word, or there is no such plugin.
    #[error(transparent)]
    Named(#[from] Problem),
    /// The pool was sized when the host started, and is too small for its calls.
    #[error(
        "connection {connection}: lower its limits, or start the host again with room for them:{}",
        lines(lacking)
    )]
    Pool {
        /// The connection's key.
        connection: String,
        /// Every limit that is too large.
        lacking: Vec<BeyondPool>,
    },
    /// Its settings do not suit the plugin.
    #[error("the connection does not suit the plugin:{}", lines(.0))]
    Settings(Vec<SettingError>),
}

/// Why a plugin was not added.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// Its name is no word.
    #[error(transparent)]
    Named(#[from] Problem),
    /// Another plugin has the name.
    #[error("there is a plugin {0} already: swap its version instead, or choose another name")]
    NameTaken(String),
    /// It does not load.
    #[error("plugin {plugin}: {cause}")]
    Load {
        /// The plugin's name.
        plugin: String,
        /// Why.
        cause: LoadError,
    },
}

impl Host {
    /// Puts a connection in place: a new one, or one instead of the same tenant's of that key, also where that is another
    /// plugin's. Calls in flight go on with what they began with.
    pub fn put_connection(&self, spec: ConnectionSpec) -> Result<(), PutError> {
        let _alone = self.changing.lock();
        let slots = self.plugins();
        config::named_connection(&spec, slots.keys().map(String::as_str))?;
        let before = self.found(&spec.key);
        let owner = before.as_ref().and_then(|generation| generation.connection(&spec.key));
        if owner.is_some_and(|connection| connection.tenant != spec.tenant) {
            return Err(config::problem_of(&spec, Wrong::KeyTaken).into());
        }
        let lacking = self.runtime.engine().pool().lacks(&spec.limits);
        if !lacking.is_empty() {
            return Err(PutError::Pool { connection: spec.key, lacking });
        }
        let (key, plugin) = (spec.key.clone(), spec.plugin.clone());
        if let Some(slot) = slots.get(&plugin) {
            slot.put(spec).map_err(PutError::Settings)?;
        }
        // In its new place first: at no moment is it nowhere.
        for (_, others) in slots.iter().filter(|(name, _)| **name != plugin) {
            others.remove(&key);
        }
        Ok(())
    }

    /// Takes a connection away; whether there was one. Calls in flight end as they would have.
    pub fn remove_connection(&self, key: &str) -> bool {
        let _alone = self.changing.lock();
        self.plugins().values().any(|slot| slot.remove(key))
    }

    /// Loads a component as a plugin that the host did not have, with no connections yet.
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

    /// The same with a component that is loaded already.
    pub fn add_loaded(&self, name: &str, plugin: Plugin) -> Result<Digest, AddError> {
        config::named_plugin(name)?;
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
