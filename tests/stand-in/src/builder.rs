//! How a stand-in is started.

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

/// How a stand-in is to be. See [`StandIn::builder`].
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
    /// A stand-in to be: email-based, defaults for every switch, plain HTTP on a free port.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl Builder {
    /// The project's type; email-based unless set.
    #[must_use]
    pub fn project(mut self, kind: ProjectType) -> Self {
        self.project = kind;
        self
    }

    /// The project's number, seen in some messages; 2158 unless set.
    #[must_use]
    pub fn project_id(mut self, id: u32) -> Self {
        self.project_id = Some(id);
        self
    }

    /// Where the project lives. It counts where a request's `Host` names one of Iterable's own.
    #[must_use]
    pub fn data_centre(mut self, data_centre: DataCentre) -> Self {
        self.data_centre = data_centre;
        self
    }

    /// How it answers what the sources leave open.
    #[must_use]
    pub fn switches(mut self, switches: Switches) -> Self {
        self.switches = switches;
        self
    }

    /// The standard key; a random one unless set.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// The port; a free one unless set.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Serves HTTPS with this chain, the server's own certificate first, and this key. Plain HTTP unless set.
    #[must_use]
    pub fn tls(mut self, chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Self {
        self.tls = Some((chain, key));
        self
    }

    /// An authority whose certificates deliveries over HTTPS accept.
    #[must_use]
    pub fn trust(mut self, authority: CertificateDer<'static>) -> Self {
        self.trusted.push(authority);
        self
    }

    /// Listens on 127.0.0.1 and serves in the runtime that this is called in.
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
        Ok(StandIn::new(shared, (scheme, address), tasks))
    }
}
