//! The connections that the host serves, and the reasons that it does not serve the others.

use std::{collections::BTreeMap, sync::Arc};

use host_harness::{
    config::UnknownConnection,
    connection::ConnectionSpec,
    host::{Host, PutError},
    sandbox::Calls,
};
use parking_lot::Mutex;

/// The reason that a connection is not served.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotServed {
    /// There is no such connection.
    #[error(transparent)]
    Unknown(#[from] UnknownConnection),
    /// The connection does not suit its plugin.
    #[error("connection {connection} is not served: {problem}")]
    Unsuited {
        /// The connection's key.
        connection: String,
        /// What is wrong with the connection.
        problem: Box<PutError>,
    },
}

/// The host, with the problems of the connections that are not served. Clones share everything.
#[derive(Clone)]
pub struct Served {
    host: Arc<Host>,
    problems: Arc<Mutex<BTreeMap<String, PutError>>>,
    /// The address at which vendors reach this service, for connections without an address of their own.
    public_url: Option<Arc<str>>,
}

impl Served {
    pub(crate) fn new(host: Host, public_url: Option<&str>) -> Self {
        Self { host: Arc::new(host), problems: Arc::default(), public_url: public_url.map(Arc::from) }
    }

    /// Returns the calls of the connection with this key.
    pub fn calls(&self, key: &str) -> Result<Calls, NotServed> {
        self.host.connection(key).map_err(|unknown| match self.problem(key) {
            Some(problem) => NotServed::Unsuited { connection: key.to_owned(), problem: Box::new(problem) },
            None => NotServed::Unknown(unknown),
        })
    }

    /// Returns the host itself, for its plugins.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Returns the keys of the served connections, in order.
    pub fn keys(&self) -> Vec<String> {
        self.host.connection_keys()
    }

    /// Returns the address at which vendors reach this service, if configured.
    pub fn public_url(&self) -> Option<&str> {
        self.public_url.as_deref()
    }

    /// Returns why the connection with this key is not served, or `None` if it is served.
    pub fn problem(&self, key: &str) -> Option<PutError> {
        self.problems.lock().get(key).cloned()
    }

    /// Serves `spec` from now on, replacing the connection with its key. If it does not suit its plugin, everything
    /// stays as it is.
    pub(crate) fn put(&self, spec: ConnectionSpec) -> Result<(), PutError> {
        let key = spec.key.clone();
        self.host.put_connection(spec)?;
        self.problems.lock().remove(&key);
        Ok(())
    }

    /// Serves `spec` from now on. If it does not suit its plugin, the connection is no longer served and its problem
    /// is recorded.
    pub(crate) fn serve(&self, spec: ConnectionSpec) {
        let key = spec.key.clone();
        if let Err(problem) = self.put(spec) {
            tracing::warn!(connection = %key, %problem, "connection not served");
            self.host.remove_connection(&key);
            self.problems.lock().insert(key, problem);
        }
    }

    /// Stops serving the connection with this key.
    pub(crate) fn remove(&self, key: &str) {
        self.host.remove_connection(key);
        self.problems.lock().remove(key);
    }
}
