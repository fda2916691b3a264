//! The connections that the host serves, and why it does not serve the others.

use std::{collections::BTreeMap, sync::Arc};

use host_harness::{
    config::UnknownConnection,
    connection::ConnectionSpec,
    host::{Host, PutError},
    sandbox::Calls,
};
use parking_lot::Mutex;

/// Why a connection has no calls.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotServed {
    /// There is no such connection.
    #[error(transparent)]
    Unknown(#[from] UnknownConnection),
    /// It does not suit its plugin.
    #[error("connection {connection} is not served: {problem}")]
    Unsuited {
        /// Its key.
        connection: String,
        /// What is wrong with it.
        problem: Box<PutError>,
    },
}

/// The host, with what keeps connections from being served. Clones share it.
#[derive(Clone)]
pub struct Served {
    host: Arc<Host>,
    problems: Arc<Mutex<BTreeMap<String, PutError>>>,
    /// Where vendors reach this service, for connections without an address of their own.
    public_url: Option<Arc<str>>,
}

impl Served {
    pub(crate) fn new(host: Host, public_url: Option<&str>) -> Self {
        Self { host: Arc::new(host), problems: Arc::default(), public_url: public_url.map(Arc::from) }
    }

    /// The calls of the connection of that key.
    pub fn calls(&self, key: &str) -> Result<Calls, NotServed> {
        self.host.connection(key).map_err(|unknown| match self.problem(key) {
            Some(problem) => NotServed::Unsuited { connection: key.to_owned(), problem: Box::new(problem) },
            None => NotServed::Unknown(unknown),
        })
    }

    /// The host itself, for its plugins.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The keys of the connections that are served, in order.
    pub fn keys(&self) -> Vec<String> {
        self.host.connection_keys()
    }

    /// Where vendors reach this service, if the operator says so.
    pub fn public_url(&self) -> Option<&str> {
        self.public_url.as_deref()
    }

    /// Why the connection of that key is not served; `None` if it is.
    pub fn problem(&self, key: &str) -> Option<PutError> {
        self.problems.lock().get(key).cloned()
    }

    /// Serves `spec` from now on, in place of what had its key. If it does not suit its plugin, everything stays as it is.
    pub(crate) fn put(&self, spec: ConnectionSpec) -> Result<(), PutError> {
        let key = spec.key.clone();
        self.host.put_connection(spec)?;
        self.problems.lock().remove(&key);
        Ok(())
    }

    /// The same, but one that does not suit its plugin is not served from now on, and its problem is kept.
    pub(crate) fn carry(&self, spec: ConnectionSpec) {
        let key = spec.key.clone();
        if let Err(problem) = self.put(spec) {
            tracing::warn!(connection = %key, %problem, "the connection is not served");
            self.host.remove_connection(&key);
            self.problems.lock().insert(key, problem);
        }
    }

    /// Serves the connection of that key no longer.
    pub(crate) fn remove(&self, key: &str) {
        self.host.remove_connection(key);
        self.problems.lock().remove(key);
    }
}
