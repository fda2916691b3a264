//! Serves a service at its addresses until it is stopped.
//! Tested in `src/tests/answers.rs`.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use host_harness::{
    clock::{Clock, SystemClock},
    compile::Compiler,
    egress::{Network, Transport},
};
use host_service::{
    lock::Lock,
    parts::Parts,
    refused_log::RefusedLog,
    service::{Front, Handle, NotAService, PartEnded, Service, ServiceError},
    settings::{ConfigFile, ServiceConfig, edge::EdgeConfig},
    telemetry::Telemetry,
};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

pub use crate::edge::{
    bind::BindError,
    descriptors::FewDescriptors,
    panics::log_places_of_panics,
    passed_sockets::{PassedSockets, PassedSocketsError},
};
use crate::{
    edge::{
        bind::bind,
        closed::Closed,
        descriptors::{self, Caps},
        listener::Listener,
    },
    page::{ApiClient, Pages},
    routes::{self, router},
    state::Api,
};

/// Why a service could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It did not start.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The process may open too few files.
    #[error(transparent)]
    FewDescriptors(#[from] FewDescriptors),
    /// A socket of the service manager cannot be used.
    #[error("cannot use the socket of the service manager: {0}")]
    Passed(std::io::Error),
    /// An address could not be bound.
    #[error(transparent)]
    Bind(#[from] BindError),
}

/// A service that is ready to run: everything is open, and connections are already queued at its addresses.
pub struct Server {
    service: Service,
    api: ClientSocket,
    webhooks: Option<ClientSocket>,
    caps: Caps,
    /// What answers at the address of the API; `None` for the API alone.
    front: Option<Router>,
}

/// A socket that clients connect to.
struct ClientSocket {
    socket: Arc<TcpListener>,
    owner: SocketOwner,
}

/// The owner of a socket, who decides what happens to connections that no one serves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SocketOwner {
    /// This process: they are answered 503, since they would be refused.
    Process,
    /// The service manager: they wait for the next process.
    Manager,
}

impl ClientSocket {
    fn own(socket: TcpListener) -> Self {
        Self { socket: Arc::new(socket), owner: SocketOwner::Process }
    }

    fn passed(socket: std::net::TcpListener) -> Result<Self, ServeError> {
        let socket = TcpListener::from_std(socket).map_err(ServeError::Passed)?;
        Ok(Self { socket: Arc::new(socket), owner: SocketOwner::Manager })
    }

    fn address(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok()
    }
}

impl Server {
    /// Starts the service of `settings` and binds its addresses.
    pub async fn start(settings: ConfigFile) -> Result<Self, ServeError> {
        let (transport, clock) = (Arc::new(Network::default()), Arc::new(SystemClock::default()));
        Self::start_with(settings, PassedSockets::default(), transport, clock, Compiler::InProcess).await
    }

    /// Starts the service of `settings` with sockets in place of its addresses, another transport to vendors, another
    /// clock and another compiler of plugins. Meanwhile, clients at its own addresses are answered 503.
    pub async fn start_with(
        settings: ConfigFile,
        sockets: PassedSockets,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        compiler: Compiler,
    ) -> Result<Self, ServeError> {
        // Checked before anything is opened, so that a service that does not start does not migrate the database.
        let config = settings.service.as_ref().ok_or(NotAService).map_err(ServiceError::from)?;
        let apart = sockets.webhooks.is_some() || config.webhook_listen.is_some();
        let caps = Caps {
            api: config.edge.max_connections,
            webhooks: if apart { config.edge.max_webhook_connections } else { 0 },
        };
        let caps = descriptors::caps(caps, config.workers)?;
        let (edge, stop_grace) = (config.edge, config.stop_grace);
        let (api, webhooks) = match client_sockets(sockets, config).await {
            Ok(both) => both,
            Err(refused) => {
                // An address is in use if another process serves the same database, which explains it better.
                drop(Lock::of_file(&config.database).map_err(ServiceError::from)?);
                return Err(refused);
            }
        };
        let opened = CancellationToken::new();
        let closed = Answering { closed: Closed::Starting, edge, stop_grace };
        let answering = closed.at(&api, webhooks.as_ref(), &opened);
        // Its future is large: the host loads plugins in it.
        let service = Box::pin(Service::start_with(settings, transport, clock, compiler)).await?;
        opened.cancel();
        answering.join_all().await;
        Ok(Self { service, api, webhooks, caps, front: None })
    }

    /// Serves `pages` at the address of the API, in front of it. They are made of a client of the API, the parts of the
    /// service and its configuration.
    #[must_use]
    pub fn with_pages(
        mut self,
        pages: impl FnOnce(ApiClient, &Parts, &ServiceConfig) -> Option<Pages>,
    ) -> Self {
        let parts = self.service.parts();
        let api = ApiClient::of(parts);
        let pages = pages(api.clone(), parts, self.service.config());
        self.front = pages.map(|pages| pages.in_front_of(api, parts));
        self
    }

    /// The parts of the service.
    #[cfg(any(test, feature = "testing"))]
    pub fn parts(&self) -> &Parts {
        self.service.parts()
    }

    /// A handle for the service while it runs.
    pub fn handle(&self) -> Handle {
        self.service.handle()
    }

    /// The addresses of the API, and of the webhooks if they have their own.
    pub fn addresses(&self) -> (Option<SocketAddr>, Option<SocketAddr>) {
        (self.api.address(), self.webhooks.as_ref().and_then(ClientSocket::address))
    }

    /// Runs the service until `stopped` ends. It then answers new clients at its own addresses with 503, lets work in
    /// progress finish, and closes the database. It does the same if a part of the service ends by itself.
    pub async fn run_until(self, stopped: impl Future<Output = ()>) -> Result<(), PartEnded> {
        let Self { service, api, webhooks: apart, caps, front: routes } = self;
        let state = Api::from(service.parts().clone());
        let (config, Parts { telemetry, refused, .. }) = (service.config(), service.parts());
        let listener = |name, max_connections| Listener {
            name,
            max_connections,
            edge: config.edge,
            stop_grace: config.stop_grace,
            telemetry: telemetry.clone(),
            refused: refused.clone(),
        };
        let stopping = CancellationToken::new();
        let closed = Answering { closed: Closed::Stopping, edge: config.edge, stop_grace: config.stop_grace };
        let routes = routes.unwrap_or_else(|| router(state.clone()));
        let mut fronts = vec![front("API", listener("api", caps.api), &api, routes, &stopping)];
        fronts.extend(apart.as_ref().map(|socket| {
            let listener = listener("webhooks", caps.webhooks);
            front("webhooks", listener, socket, routes::webhooks(state), &stopping)
        }));
        let answered = async {
            stopping.cancelled().await;
            // Until the process ends, or the manager starts the next one.
            closed.at(&api, apart.as_ref(), &CancellationToken::new()).join_all().await;
            std::future::pending().await
        };
        tokio::select! {
            ended = service.run_until(fronts, stopped) => ended,
            never = answered => never,
        }
    }
}

/// The sockets of the API, and of the webhooks if they have their own.
async fn client_sockets(
    passed: PassedSockets,
    config: &ServiceConfig,
) -> Result<(ClientSocket, Option<ClientSocket>), ServeError> {
    let api = match passed.api {
        Some(passed) => ClientSocket::passed(passed)?,
        None => ClientSocket::own(bind("listen", &config.listen).await?),
    };
    let webhooks = match (passed.webhooks, &config.webhook_listen) {
        (Some(passed), _) => Some(ClientSocket::passed(passed)?),
        (None, Some(address)) => Some(ClientSocket::own(bind("webhook-listen", address).await?)),
        (None, None) => None,
    };
    Ok((api, webhooks))
}

/// Answers clients of a service that is closed.
struct Answering {
    closed: Closed,
    edge: EdgeConfig,
    stop_grace: Duration,
}

impl Answering {
    /// A connection beyond these is closed without an answer, which clients such as Fides take for an error. Each answer
    /// takes a moment, so this many suffice for far more clients. More could exhaust the reserve of [`descriptors`]: during
    /// a stop, the connections that are served still have theirs, and both addresses together take 48 of the about 56
    /// descriptors that are left.
    const MAX_CONNECTIONS: usize = 24;

    /// Answers at those of the sockets that are this process's own, until `end`.
    fn at(self, api: &ClientSocket, webhooks: Option<&ClientSocket>, end: &CancellationToken) -> JoinSet<()> {
        let Self { closed, edge, stop_grace } = self;
        let sockets = [("api", Some(api)), ("webhooks", webhooks)];
        let own = sockets.into_iter().filter_map(|(name, socket)| {
            let socket = socket.filter(|socket| socket.owner == SocketOwner::Process)?;
            let (telemetry, refused) = (Telemetry::default(), RefusedLog::default());
            let max_connections = Self::MAX_CONNECTIONS;
            let listener = Listener { name, max_connections, edge, stop_grace, telemetry, refused };
            Some(listener.serve(Arc::clone(&socket.socket), closed.routes(), end.clone()))
        });
        own.collect()
    }
}

/// The front that serves `routes` at `socket`. Cancels `stopping` once the service stops.
fn front(
    name: &'static str,
    listener: Listener,
    socket: &ClientSocket,
    routes: Router,
    stopping: &CancellationToken,
) -> (&'static str, Front) {
    let (socket, stopping) = (Arc::clone(&socket.socket), stopping.clone());
    let front: Front = Box::new(move |stop: CancellationToken| {
        Box::pin(async move {
            let announced = async {
                stop.cancelled().await;
                stopping.cancel();
            };
            tokio::join!(listener.serve(socket, routes, stop.clone()), announced);
        })
    });
    (name, front)
}
