//! Configures and starts a stand-in.

use std::net::Ipv4Addr;
use std::sync::Arc;

use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::deliveries::deliver;
use crate::keys::{ApiKeys, DataCentre, short_hash};
use crate::project::{Project, ProjectType};
use crate::server;
use crate::shared::Shared;
use crate::stand_in::StandIn;
use crate::start_error::StartError;
use crate::switches::Switches;
use crate::tls;

/// The configuration of a stand-in. See [`StandIn::builder`].
#[derive(Debug, Default)]
pub struct Builder {
    project: ProjectType,
    project_id: Option<u32>,
    data_centre: DataCentre,
    switches: Switches,
    api_key: Option<String>,
    port: u16,
    tls: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    trusted: Vec<CertificateDer<'static>>,
}

impl StandIn {
    /// Returns a builder with the defaults: an email-based project, default switches, plain HTTP on a free port.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl Builder {
    /// Sets the project's type. The default is email-based.
    #[must_use]
    pub fn project(mut self, kind: ProjectType) -> Self {
        self.project = kind;
        self
    }

    /// Sets the project's number, which appears in some messages. The default is 2158.
    #[must_use]
    pub fn project_id(mut self, id: u32) -> Self {
        self.project_id = Some(id);
        self
    }

    /// Sets the project's data centre. It matters only if a request's `Host` is one of Iterable's own hosts.
    #[must_use]
    pub fn data_centre(mut self, data_centre: DataCentre) -> Self {
        self.data_centre = data_centre;
        self
    }

    /// Sets the behaviours that the sources leave open.
    #[must_use]
    pub fn switches(mut self, switches: Switches) -> Self {
        self.switches = switches;
        self
    }

    /// Sets the standard key. The default is a random one.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// Sets the port. The default is a free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Serves HTTPS with this key and this chain, which begins with the server's own certificate. The default is plain
    /// HTTP.
    #[must_use]
    pub fn tls(mut self, chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Self {
        self.tls = Some((chain, key));
        self
    }

    /// Adds a certificate authority that deliveries over HTTPS trust.
    #[must_use]
    pub fn trust(mut self, authority: CertificateDer<'static>) -> Self {
        self.trusted.push(authority);
        self
    }

    /// Listens on 127.0.0.1 and serves on the current Tokio runtime.
    pub async fn start(self) -> Result<StandIn, StartError> {
        let port = self.port;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        let listener = listener.await.map_err(|source| StartError::Listen { port, source })?;
        let address = listener.local_addr().map_err(|source| StartError::Listen { port, source })?;
        let tls = self.tls.map(|(chain, key)| tls::acceptor(chain, key)).transpose()?;
        let client = tls::client(&self.trusted)?;
        let clock = Clock::new();
        let now = clock.now();
        let key = self.api_key.unwrap_or_else(|| short_hash(&format!("{now} {address}")));
        let keys = ApiKeys::new(key, self.data_centre);
        let project = Project::new(self.project_id.unwrap_or(2158), self.project, self.switches, now);
        let shared = Arc::new(Shared::new(clock, keys, project));
        let scheme = if tls.is_some() { "https" } else { "http" };
        let mut tasks = JoinSet::new();
        tasks.spawn(server::serve(listener, tls, shared.clone()));
        tasks.spawn(deliver(shared.clone(), client));
        Ok(StandIn::new(shared, scheme, address, tasks))
    }
}
