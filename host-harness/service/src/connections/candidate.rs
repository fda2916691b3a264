//! A version that does not serve yet, with the connections as they will be once it does.

use std::sync::Arc;

use host_harness::{connection::ConnectionSpec, host::NotOnVersion, plugin::Plugin, sandbox::Calls};
use host_model::contract::Settings;

use super::Connections;

/// A version that does not serve yet.
pub(super) struct Candidate {
    pub(super) plugin: Arc<Plugin>,
    /// The connections that change as it begins to serve.
    pub(super) changed: Vec<ConnectionSpec>,
}

impl Candidate {
    /// Returns `plugin` with the connections as they are.
    pub(super) fn of(plugin: &Arc<Plugin>) -> Self {
        Self { plugin: Arc::clone(plugin), changed: Vec::new() }
    }

    /// Adds the settings that the connection `key` will have to `settings`.
    pub(super) fn complete(&self, key: &str, settings: &mut Settings) {
        settings.extend(self.spec(key).into_iter().flat_map(|spec| spec.settings.clone()));
    }

    fn spec(&self, key: &str) -> Option<&ConnectionSpec> {
        self.changed.iter().find(|spec| spec.key == key)
    }
}

impl Connections {
    /// Returns the calls of a connection on `candidate`.
    pub(super) fn calls_on(&self, key: &str, candidate: &Candidate) -> Result<Calls, NotOnVersion> {
        let host = self.served.host();
        match candidate.spec(key) {
            Some(spec) => host.connection_as(spec, &candidate.plugin),
            None => host.connection_on(key, &candidate.plugin),
        }
    }
}
