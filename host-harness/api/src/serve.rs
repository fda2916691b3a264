//! Serves a service at its addresses until it is stopped.
//! Tested in `src/tests/answers.rs`.

use std::{future::Future, net::SocketAddr, sync::Arc};

use axum::Router;
use host_harness::{
    clock::{Clock, SystemClock},
    egress::{Network, Transport},
};
use host_service::{
    parts::Parts,
    service::{Front, Handle, NotAService, PartEnded, Service, ServiceError},
    settings::ConfigFile,
};
use tokio::net::TcpListener;

pub use crate::edge::{
    bind::BindError,
    descriptors::FewDescriptors,
    panics::log_places_of_panics,
    passed_sockets::{PassedSockets, PassedSocketsError},
};
use crate::{
    edge::{
        bind::bind,
        descriptors::{self, Caps},
        listener::Listener,
    },
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
    api: TcpListener,
    webhooks: Option<TcpListener>,
    caps: Caps,
}

impl Server {
    /// Starts the service of `settings` and binds its addresses.
    pub async fn start(settings: ConfigFile) -> Result<Self, ServeError> {
        let (transport, clock) = (Arc::new(Network::default()), Arc::new(SystemClock::default()));
        Self::start_with(settings, PassedSockets::default(), transport, clock).await
    }

    /// Starts the service of `settings` with sockets in place of its addresses, another transport to vendors and
    /// another clock.
    pub async fn start_with(
        settings: ConfigFile,
        sockets: PassedSockets,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ServeError> {
        // Checked before anything is opened, so that a service that does not start does not migrate the database.
        let config = settings.service.as_ref().ok_or(NotAService).map_err(ServiceError::from)?;
        let apart = sockets.webhooks.is_some() || config.webhook_listen.is_some();
        let caps = Caps {
            api: config.edge.max_connections,
            webhooks: if apart { config.edge.max_webhook_connections } else { 0 },
        };
        let caps = descriptors::caps(caps, config.workers)?;
        // Its future is large: the host compiles plugins in it.
        let service = Box::pin(Service::start_with(settings, transport, clock)).await?;
        let api = match sockets.api {
            Some(passed) => adopted(passed)?,
            None => bind("listen", service.listen()).await?,
        };
        let webhooks = match (sockets.webhooks, service.webhook_listen()) {
            (Some(passed), _) => Some(adopted(passed)?),
            (None, Some(address)) => Some(bind("webhook-listen", address).await?),
            (None, None) => None,
        };
        Ok(Self { service, api, webhooks, caps })
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
        let address = |listener: &TcpListener| listener.local_addr().ok();
        (address(&self.api), self.webhooks.as_ref().and_then(address))
    }

    /// Runs the service until `stopped` ends. It then accepts nothing new, lets work in progress finish, and closes the
    /// database. It does the same if a part of the service ends by itself.
    pub async fn run_until(self, stopped: impl Future<Output = ()>) -> Result<(), PartEnded> {
        let Self { service, api, webhooks: apart, caps } = self;
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
        let mut fronts = vec![("API", front(listener("api", caps.api), api, router(state.clone())))];
        fronts.extend(apart.map(|door| {
            ("webhooks", front(listener("webhooks", caps.webhooks), door, routes::webhooks(state)))
        }));
        service.run_until(fronts, stopped).await
    }
}

fn front(listener: Listener, door: TcpListener, routes: Router) -> Front {
    Box::new(move |stop| Box::pin(listener.serve(door, routes, stop)))
}

fn adopted(passed: std::net::TcpListener) -> Result<TcpListener, ServeError> {
    TcpListener::from_std(passed).map_err(ServeError::Passed)
}
