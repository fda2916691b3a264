//! Guests as components and as plugins, each compiled once for all tests.

use std::{
    collections::HashMap,
    fs,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use host_harness::plugin::{LoadError, LoadPolicy, Plugin};
use tokio::sync::OnceCell;

use crate::engine;

/// The bytes of a guest such as `loops_forever`.
///
/// # Panics
/// Where it is not built, or older than its sources; the message has the command.
pub fn guest(name: &str) -> Vec<u8> {
    xtask::components::current(&format!("guests/{name}"))
        .and_then(|path| Ok(fs::read(path)?))
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Loads `bytes` on the engine that all tests share, under the usual policy.
pub async fn load(bytes: Vec<u8>) -> Result<Plugin, LoadError> {
    Plugin::load(&engine(), bytes, &LoadPolicy::default()).await
}

/// A guest as a plugin.
///
/// # Panics
/// Where it is not built or does not load.
pub async fn plugin(name: &'static str) -> Arc<Plugin> {
    static PLUGINS: OnceLock<Mutex<HashMap<&str, Arc<OnceCell<Arc<Plugin>>>>>> = OnceLock::new();
    let plugin = {
        let mut plugins = PLUGINS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(plugins.entry(name).or_default())
    };
    let loaded = plugin.get_or_init(|| async {
        Arc::new(load(guest(name)).await.unwrap_or_else(|error| panic!("{name}: {error}")))
    });
    Arc::clone(loaded.await)
}
