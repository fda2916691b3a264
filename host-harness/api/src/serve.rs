//! Serving a service at its addresses until it is told to stop.

use std::{
    future::{Future, IntoFuture},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use axum::Router;
use host_harness::{
    clock::{Clock, SystemClock},
    egress::{Network, Transport},
};
use host_service::{
    service::{Front, Handle, PartEnded, Service, ServiceError},
    settings::Settings,
};
use tokio::{net::TcpListener, sync::watch};

use crate::{
    routes::{self, router},
    state::Api,
};

/// Why a service is not served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It did not start.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// An address that cannot be had.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the system said.
        cause: std::io::Error,
    },
}

/// A service that is ready to run: everything is open, and callers already wait at its addresses.
pub struct Server {
    service: Service,
    api: TcpListener,
    webhooks: Option<TcpListener>,
}

impl Server {
    /// Starts the service of `settings` and binds its addresses.
    pub async fn start(settings: Settings) -> Result<Self, ServeError> {
        Self::start_with(settings, Arc::new(Network::default()), Arc::new(SystemClock::default())).await
    }

    /// The same, with another way out to vendors and another clock.
    pub async fn start_with(
        settings: Settings,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ServeError> {
        // Its future is large: the host compiles plugins in it.
        let service = Box::pin(Service::start_with(settings, transport, clock)).await?;
        let api = bind(service.listen()).await?;
        let webhooks = match service.webhook_listen() {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        Ok(Self { service, api, webhooks })
    }

    /// The parts of the service.
    #[cfg(any(test, feature = "testing"))]
    pub fn parts(&self) -> &host_service::service::Parts {
        self.service.parts()
    }

    /// Reaches the service while it runs.
    pub fn handle(&self) -> Handle {
        self.service.handle()
    }

    /// Where the API is served, and the webhooks if they have an address of their own.
    pub fn addresses(&self) -> (Option<SocketAddr>, Option<SocketAddr>) {
        let address = |listener: &TcpListener| listener.local_addr().ok();
        (address(&self.api), self.webhooks.as_ref().and_then(address))
    }

    /// Serves and works until `stopped` ends, then takes nothing new, lets what runs end, and closes the database. The same
    /// if a part of it ends by itself.
    pub async fn run_until(self, stopped: impl Future<Output = ()>) -> Result<(), PartEnded> {
        let Self { service, api, webhooks: apart } = self;
        let state = Api::from(service.parts().clone());
        let mut fronts = vec![("API", front(api, router(state.clone())))];
        fronts.extend(apart.map(|listener| ("webhooks", front(listener, routes::webhooks(state)))));
        service.run_until(fronts, stopped).await
    }
}

fn front(listener: TcpListener, routes: Router) -> Front {
    Box::new(move |stopping| Box::pin(serve(listener, routes, stopping)))
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|cause| ServeError::Listen { address, cause })
}

/// How long an answer under way may take once the service stops: as long as a proxy in front would wait.
const GRACE: Duration = Duration::from_secs(30);

/// Serves `routes`. Once it stops, nobody new is let in, and who is in gets an answer.
async fn serve(listener: TcpListener, routes: Router, stopping: watch::Receiver<bool>) {
    let too_late = too_late(stopping.clone());
    let served = axum::serve(listener, routes).with_graceful_shutdown(until(stopping));
    tokio::select! {
        ended = served.into_future() => {
            if let Err(error) = ended {
                tracing::error!(%error, "no longer served");
            }
        }
        () = too_late => {}
    }
}

async fn too_late(stopping: watch::Receiver<bool>) {
    until(stopping).await;
    tokio::time::sleep(GRACE).await;
}

async fn until(mut stopping: watch::Receiver<bool>) {
    // Fails only where nobody can say so any more.
    let _gone = stopping.wait_for(|stopping| *stopping).await;
}
