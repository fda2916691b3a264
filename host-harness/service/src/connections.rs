//! The connections and plugin versions that the database owns, and the host that runs them.
//! Tested in `api/src/tests/connections.rs`.
//!
//! [`owned`] has a connection's two forms, sealed and open; [`change`] creates, changes and deletes connections;
//! [`import`] imports those of the configuration file; [`keying`] keeps their people apart; [`plugins`] publishes
//! component versions. The database is authoritative: a connection that does not suit its plugin stays listed with its
//! problem and does not affect any other.

mod again;
pub mod approval;
mod carry;
pub mod change;
mod comparison;
pub mod conditions;
pub mod differences;
pub mod import;
pub mod keying;
pub mod owned;
pub mod plugins;
mod proof;
pub mod publication;
pub mod publish_error;
mod published;
pub mod readiness;
pub mod rehearsal;
mod staged;
pub mod tried;
pub mod versions;

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

use crate::{bell::Bell, served::Served, telemetry::Telemetry};

/// Creates, changes and tests connections, and publishes plugins. Clones share everything.
#[derive(Clone)]
pub struct Connections {
    served: Served,
    store: Store,
    clock: Arc<dyn Clock>,
    /// Rung when a connection resumes.
    bell: Bell,
    telemetry: Telemetry,
    sources: Arc<Sources>,
}

/// The sources of connections and plugins, and the locks that serialize changes.
#[derive(Debug, Default)]
struct Sources {
    /// The configuration file whose connections are imported.
    file: Option<PathBuf>,
    /// The source of each plugin in that file.
    plugins: BTreeMap<String, PluginSource>,
    /// Maximum size that a publication may allow a component, in bytes.
    max_published_bytes: usize,
    /// Held while a component compiles, so that only one compiles at a time. Always acquired before `changing`, never
    /// while that is held: compiling may take long, and changes must not wait for it.
    compiling: tokio::sync::Mutex<()>,
    /// Shared with each component that compiles or waits for it.
    to_compile: Arc<()>,
    /// Held while a connection or a plugin changes, so that the database and the host change in the same order.
    changing: tokio::sync::Mutex<()>,
}

impl Connections {
    /// Creates the connections in `store`, served by `served`, with the sources of `config`.
    pub(crate) fn new(
        served: Served,
        store: Store,
        clock: Arc<dyn Clock>,
        bell: Bell,
        telemetry: Telemetry,
        config: &Config,
        max_published_bytes: usize,
    ) -> Self {
        let sources = Sources {
            file: config.file().map(Path::to_owned),
            plugins: config.plugins().clone(),
            max_published_bytes,
            ..Sources::default()
        };
        Self { served, store, clock, bell, telemetry, sources: Arc::new(sources) }
    }

    /// Returns the host side that serves the connections.
    pub fn served(&self) -> &Served {
        &self.served
    }

    /// Returns the names of the plugins in the configuration file.
    pub fn plugins_of_file(&self) -> impl Iterator<Item = &String> {
        self.sources.plugins.keys()
    }

    /// Blocks every change until the guard is dropped.
    #[cfg(any(test, feature = "testing"))]
    pub async fn hold_changes(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.sources.changing.lock().await
    }

    /// Blocks every compilation until the guard is dropped.
    #[cfg(any(test, feature = "testing"))]
    pub async fn hold_compiling(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.sources.compiling.lock().await
    }

    /// Returns whether a component compiles, or waits for it.
    #[cfg(any(test, feature = "testing"))]
    pub fn is_compiling(&self) -> bool {
        Arc::strong_count(&self.sources.to_compile) > 1
    }
}
