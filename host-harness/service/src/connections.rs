//! The connections and plugin versions that the database owns, and the host that runs them.
//! Tested in `api/src/tests/connections.rs`.
//!
//! [`owned`] has a connection's two forms, sealed and open; [`change`] creates, changes and deletes connections;
//! [`import`] imports those of the configuration file; [`keying`] keeps their people apart; [`plugins`] publishes
//! component versions. The database is authoritative: a connection that does not suit its plugin stays listed with its
//! problem and does not affect any other.

mod again;
pub mod approval;
mod awaited_approval;
mod candidate;
mod carry;
pub mod change;
mod comparison;
pub mod conditions;
pub mod differences;
mod drained;
mod entered;
mod followed;
pub mod given_settings;
pub mod health;
pub mod import;
pub mod keying;
mod known_mark;
pub mod loaded;
mod not_authentic;
pub mod owned;
pub mod pauses;
pub mod pins;
pub mod plugins;
mod prepared;
pub mod proof;
pub mod publication;
pub mod publish_error;
mod published;
pub mod pulls;
pub mod readiness;
pub(crate) mod refused_files;
pub mod rehearsal;
mod release_alarms;
pub mod releases;
mod replicated;
mod restored_mark;
mod second_person;
mod serving;
pub mod shadow;
pub(crate) mod signatures;
pub(crate) mod sources;
mod staged;
mod test_each;
pub mod tested;
pub mod tried;
mod unproven;
pub mod version_difference;
pub mod versions;

use std::sync::Arc;

use host_harness::clock::Clock;
use host_store::Store;

use self::{loaded::LoadedVersions, sources::Sources};
use crate::{bell::Bell, plugin_operations::PluginOperations, served::Served, telemetry::Telemetry};

/// Creates, changes and tests connections, and publishes plugins. Clones share everything.
#[derive(Clone)]
pub struct Connections {
    served: Served,
    store: Store,
    clock: Arc<dyn Clock>,
    /// Rung when a connection resumes, or changes.
    bell: Bell,
    telemetry: Telemetry,
    operations: PluginOperations,
    sources: Arc<Sources>,
    versions: LoadedVersions,
}

impl Connections {
    /// Creates the connections in `store`, served by `served`.
    pub(crate) fn new(
        served: Served,
        store: Store,
        clock: Arc<dyn Clock>,
        bell: Bell,
        telemetry: Telemetry,
        operations: PluginOperations,
        sources: Sources,
    ) -> Self {
        let sources = Arc::new(sources);
        let versions =
            LoadedVersions::new(served.clone(), store.clone(), Arc::clone(&clock), Arc::clone(&sources));
        Self { served, store, clock, bell, telemetry, operations, sources, versions }
    }

    /// Returns the host side that serves the connections.
    pub fn served(&self) -> &Served {
        &self.served
    }

    /// Returns what loads stored versions for calls.
    pub fn versions(&self) -> &LoadedVersions {
        &self.versions
    }

    /// Returns the names of the plugins that the configuration names a file for.
    pub fn plugins_of_file(&self) -> impl Iterator<Item = &String> {
        self.sources.plugins.iter().filter(|(_, source)| source.path().is_some()).map(|(name, _)| name)
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
