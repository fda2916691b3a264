//! A plugin version with its connections.

use std::{collections::HashMap, sync::Arc};

use super::loaded::Plugin;
use crate::connection::{Connection, ConnectionSpec, SettingError};
use host_exchange::InUse;

/// A plugin version and the connections resolved for it. Immutable: every change creates another generation.
#[derive(Debug)]
pub struct Generation {
    pub(super) plugin: InUse<Plugin>,
    pub(super) connections: HashMap<String, Arc<Connection>>,
}

impl Generation {
    /// Returns the plugin version. A clone counts as a call in flight on it until it is dropped.
    pub fn plugin(&self) -> &InUse<Plugin> {
        &self.plugin
    }

    /// Returns the connection with that key, as resolved for this version.
    pub fn connection(&self, key: &str) -> Option<&Arc<Connection>> {
        self.connections.get(key)
    }

    /// Returns the connections, in no particular order.
    pub fn connections(&self) -> impl Iterator<Item = &Arc<Connection>> {
        self.connections.values()
    }

    pub(super) fn of(plugin: Arc<Plugin>, specs: &[ConnectionSpec]) -> Result<Self, Vec<SettingError>> {
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
        // A connection that was changed comes last among the `specs`.
        errors.sort_by(|one, other| one.connection.cmp(&other.connection));
        if errors.is_empty() { Ok(Self { plugin: plugin.into(), connections }) } else { Err(errors) }
    }
}
