//! The connections and plugin versions that the database owns, and the host that carries them.
//!
//! [`owned`] is a connection's two forms, sealed and open; [`change`] makes, changes and removes one; [`import`] takes in
//! those of the configuration file; [`keying`] tells their people apart; [`plugins`] publishes component versions. The database
//! has the say: what does not suit a plugin stays listed with its problem, and stops nobody else.

pub mod approval;
mod carry;
pub mod change;
mod differences;
pub mod import;
pub mod keying;
pub mod owned;
pub mod plugins;
pub mod tried;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use host_harness::{
    clock::Clock,
    config::{Config, PluginSource},
};
use host_store::Store;

use crate::{bell::Bell, served::Served};

/// Makes, changes and tests connections, and publishes plugins. Clones share everything.
#[derive(Clone)]
pub struct Connections {
    served: Served,
    store: Store,
    clock: Arc<dyn Clock>,
    /// Rung when a connection goes on.
    bell: Bell,
    sources: Arc<Sources>,
}

/// Where connections and plugins come from, and what lets one change at a time.
#[derive(Debug, Default)]
struct Sources {
    /// The file whose connections are taken in.
    file: Option<PathBuf>,
    /// Where each plugin of that file comes from.
    plugins: BTreeMap<String, PluginSource>,
    /// Held while a component compiles, so that one does at a time. Taken before `changing`, never while that is held:
    /// compiling may take long, and nobody's change waits for it.
    compiling: tokio::sync::Mutex<()>,
    /// Held while a connection or a plugin changes, so that database and host change in the same order.
    changing: tokio::sync::Mutex<()>,
}

impl Connections {
    /// Those in `store`, served by `served`, with the sources of `config`.
    pub(crate) fn new(
        served: Served,
        store: Store,
        clock: Arc<dyn Clock>,
        bell: Bell,
        config: &Config,
    ) -> Self {
        let sources = Sources {
            file: config.file().map(Path::to_owned),
            plugins: config.plugins().clone(),
            ..Sources::default()
        };
        Self { served, store, clock, bell, sources: Arc::new(sources) }
    }

    /// What serves them.
    pub fn served(&self) -> &Served {
        &self.served
    }

    /// The names of the plugins of the configuration file.
    pub fn plugins_of_file(&self) -> impl Iterator<Item = &String> {
        self.sources.plugins.keys()
    }

    /// Holds back every change while the guard lives.
    #[cfg(any(test, feature = "testing"))]
    pub async fn hold_changes(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.sources.changing.lock().await
    }

    /// Whether a component compiles at present.
    #[cfg(any(test, feature = "testing"))]
    pub fn is_compiling(&self) -> bool {
        self.sources.compiling.try_lock().is_err()
    }
}
