//! Components as bytes and as plugins, each compiled once for all tests.

use std::{
    collections::HashMap,
    fs,
    sync::{Arc, LazyLock},
};

use host_harness::plugin::{LoadError, LoadPolicy, Plugin};
use parking_lot::Mutex;
use tokio::sync::OnceCell;

use crate::engine::engine;

/// The first caller loads the plugin, the others wait.
type Loading = Arc<OnceCell<Arc<Plugin>>>;

/// Returns the bytes of a component such as `iterable` or `guests/loops_forever`.
///
/// # Panics
/// Panics if it is not built or is older than its sources. The message contains the command that builds it.
pub fn bytes(component: &str) -> Vec<u8> {
    xtask::components::current(component)
        .and_then(|path| Ok(fs::read(path)?))
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Returns the bytes of a guest such as `loops_forever`.
pub fn guest(name: &str) -> Vec<u8> {
    bytes(&format!("guests/{name}"))
}

/// Loads `bytes` on the engine that all tests share, under the usual policy.
pub async fn load(bytes: Vec<u8>) -> Result<Plugin, LoadError> {
    Plugin::load(&engine(), bytes, &LoadPolicy::default()).await
}

/// Returns a component as a plugin.
///
/// # Panics
/// Panics if it is not built or does not load.
pub async fn component(name: &str) -> Arc<Plugin> {
    static PLUGINS: LazyLock<Mutex<HashMap<String, Loading>>> = LazyLock::new(Mutex::default);
    let plugin = Arc::clone(PLUGINS.lock().entry(name.to_owned()).or_default());
    let loaded = plugin.get_or_init(|| async {
        Arc::new(load(bytes(name)).await.unwrap_or_else(|error| panic!("{name}: {error}")))
    });
    Arc::clone(loaded.await)
}

/// Returns a guest as a plugin.
pub async fn plugin(guest: &str) -> Arc<Plugin> {
    component(&format!("guests/{guest}")).await
}
