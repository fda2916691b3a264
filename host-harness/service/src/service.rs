//! The service: requests that are never lost, webhooks, consent both ways, tokens, around one [`Host`] and one [`Store`].
//!
//! Here its parts are put together: [`Service::start`] opens and binds, [`Service::run_until`] runs what works in the
//! background and serves, until it is told to stop.

use std::{collections::BTreeMap, future::Future, net::SocketAddr, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use tokio::sync::{Notify, watch};

use host_model::time::milliseconds;

use crate::{
    connections::{
        self, Registry, import,
        keying::{self, Approval},
        owned::{self, All, Owned},
    },
    limits::StoredLedger,
    posts::{
        alarms, forward,
        post::{NoClient, Poster},
    },
    requests::worker,
    settings::{ForwardConfig, ServiceConfig, Settings},
    tasks::Tasks,
    telemetry::Telemetry,
    tokens::schedule,
    webhooks::{inbox, receive::Webhooks, upkeep},
};
use host_harness::{
    clock::{Clock, SystemClock},
    config::Config,
    egress::{Network, Transport},
    host::{Host, StartError},
};
use host_store::{Store, StoreError, components};

pub use crate::connections::{Reloaded, import::ReloadError};
use crate::lock::{Lock, LockError};

/// A configuration with nothing about a service in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the configuration says nothing about a service\n\
     next: make a master key with `connector-host new-master-key > master.key`, keep a copy of it elsewhere, and add\n\
     [service]\nmaster-key = {{ file = \"master.key\" }}"
)]
pub struct NotAService;

/// Why a service did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Nothing is said about one.
    #[error(transparent)]
    NotConfigured(#[from] NotAService),
    /// Another process has its database.
    #[error(transparent)]
    Locked(#[from] LockError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The host.
    #[error(transparent)]
    Host(#[from] StartError),
    /// What posts alarms and events.
    #[error(transparent)]
    Client(#[from] NoClient),
}

/// A part of a service that ended though nobody told it to: the service cannot do its work without it, and has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {0} ended by itself, so the service has stopped; the log says why. Start it again")]
pub struct PartEnded(pub &'static str);

/// A service that is ready to run: its database is open, its host started and its connections taken in.
pub struct Service {
    shared: Arc<Shared>,
    received: Arc<Webhooks>,
    /// Held until the database is closed.
    lock: Lock,
}

/// What callers reach a service by: serves until the receiver turns true.
pub type Front = Box<dyn FnOnce(watch::Receiver<bool>) -> BoxFuture<'static, ()> + Send>;

/// Reaches a service while it runs.
#[derive(Clone)]
pub struct Handle(pub(crate) Arc<Shared>);

impl Handle {
    /// Reads the configuration file again and takes in its connections. One that is broken changes nothing; a connection that would
    /// key its people anew stays as it is.
    pub async fn reload(&self) -> Result<Reloaded, ReloadError> {
        import::reload(&self.0, Approval::Missing).await
    }
}

impl Service {
    /// Opens the database, starts the host and takes in the file's connections.
    pub async fn start(settings: Settings) -> Result<Self, ServiceError> {
        Self::start_with(settings, Arc::new(Network::default()), Arc::new(SystemClock::default())).await
    }

    /// The same, with another way out to vendors and another clock.
    pub async fn start_with(
        settings: Settings,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ServiceError> {
        let Settings { config, service, forwards } = settings;
        let service = service.ok_or(NotAService)?;
        let lock = Lock::take(&service.database)?;
        let store = Store::open(&service.database, &service.master_key).await?;
        let ledger = Arc::new(StoredLedger::new(store.clone(), Arc::clone(&clock)).await?);
        let All { owned, unreadable } = owned::all(&store).await?;
        let shared = Shared {
            host: host(&config, &owned, &store, transport, Arc::clone(&clock), Arc::clone(&ledger)).await?,
            store,
            ledger,
            clock,
            forwards,
            work: Notify::new(),
            poster: Poster::new()?,
            telemetry: Telemetry::default(),
            registry: Registry::of(&config),
            config: service,
        };
        connections::plugins::put_published(&shared).await?;
        for owned in &owned {
            connections::carry(&shared, owned).await?;
        }
        connections::tell_unreadable(&shared, unreadable).await?;
        import::take_in(&shared, &config, Approval::Missing).await?;
        keying::alarm_not_keyed(&shared).await?;
        // What the process before this one left under way.
        worker::take_back(&shared, i64::MAX, &[]).await;
        let shared = Arc::new(shared);
        let received = Arc::new(Webhooks::new(Arc::clone(&shared)));
        Ok(Self { shared, received, lock })
    }

    /// The address that the API is to be served at.
    pub fn listen(&self) -> SocketAddr {
        self.shared.config.listen
    }

    /// The address that webhooks alone are to be served at, if there is one.
    pub fn webhook_listen(&self) -> Option<SocketAddr> {
        self.shared.config.webhook_listen
    }

    /// What its fronts serve.
    pub fn parts(&self) -> (Arc<Shared>, Arc<Webhooks>) {
        (Arc::clone(&self.shared), Arc::clone(&self.received))
    }

    /// Reaches it while it runs.
    pub fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.shared))
    }

    /// Works until `stopped` ends, with `fronts` served meanwhile, each by the name that the log calls it; then takes nothing
    /// new, lets what runs end, and closes the database. The same if a part ends by itself.
    pub async fn run_until(
        self,
        fronts: Vec<(&'static str, Front)>,
        stopped: impl Future<Output = ()>,
    ) -> Result<(), PartEnded> {
        let (stop, stopping) = watch::channel(false);
        let shared = Arc::clone(&self.shared);
        let (mut parts, lock) = self.begin(fronts, &stopping);
        let ended = tokio::select! {
            () = stopped => None,
            part = parts.ended() => part,
        };
        if let Some(part) = ended {
            tracing::error!(part, "a part of the service ended by itself; the service stops");
        }
        // Every part listens, or has ended.
        stop.send_replace(true);
        if !parts.finish(GRACE).await {
            tracing::warn!("what did not end in time is cut off; the database has what was acknowledged");
        }
        shared.store.close().await;
        drop(lock);
        ended.map_or(Ok(()), |part| Err(PartEnded(part)))
    }

    /// Begins every part, each by the name that the log calls it.
    fn begin(
        self,
        fronts: Vec<(&'static str, Front)>,
        stopping: &watch::Receiver<bool>,
    ) -> (Tasks<&'static str>, Lock) {
        let Self { shared, received, lock } = self;
        let stopping = || stopping.clone();
        let shared = || Arc::clone(&shared);
        let mut parts = Tasks::default();
        for (name, front) in fronts {
            parts.begin(name, front(stopping()));
        }
        parts.begin("worker", worker::run(shared(), stopping()));
        parts.begin("alarms", alarms::run(shared(), stopping()));
        parts.begin("inbox", inbox::run(Arc::clone(&received), stopping()));
        parts.begin("webhook upkeep", upkeep::run(received, stopping()));
        parts.begin("token refresh", schedule::run(shared(), stopping()));
        parts.begin("forward", forward::run(shared(), stopping()));
        (parts, lock)
    }
}

/// How long everything may take to end: longer than each part gives its own work.
const GRACE: Duration = Duration::from_secs(40);

/// The host with the plugins of the file, but for those of which a version was published, and no connection yet.
async fn host(
    config: &Config,
    owned: &[Owned],
    store: &Store,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    ledger: Arc<StoredLedger>,
) -> Result<Host, ServiceError> {
    let published = store.read(|connection| Box::pin(components::publications(connection))).await?;
    let files = config.plugins_alone(|name| !published.iter().any(|publication| publication.plugin == *name));
    let mut builder = Host::builder(files).through(transport).by_clock(clock).counting_in(ledger);
    for spec in config.connections().iter().chain(owned.iter().map(|owned| &owned.spec)) {
        builder = builder.holding(&spec.limits);
    }
    Ok(builder.start().await?)
}

/// What every part of the service uses. Lives as long as the process.
pub struct Shared {
    /// Plugins and connections, ready for calls.
    pub host: Host,
    /// What outlives the process.
    pub store: Store,
    /// Counts the vendors' long limits.
    pub(crate) ledger: Arc<StoredLedger>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What the operator configured.
    pub config: ServiceConfig,
    /// Where each tenant's events are posted.
    pub(crate) forwards: BTreeMap<String, ForwardConfig>,
    /// Told whenever a request may have become due.
    pub work: Notify,
    /// Posts alarms and events.
    pub(crate) poster: Poster,
    /// Counts what happens.
    pub telemetry: Telemetry,
    /// What is known of connections beside the database.
    pub registry: Registry,
}

impl Shared {
    /// The date in milliseconds since 1970 in UTC, as the store keeps it.
    pub fn date_ms(&self) -> i64 {
        milliseconds(self.clock.date())
    }
}

/// Ends after `wait`, or once the service stops.
pub(crate) async fn pause(clock: &dyn Clock, wait: Duration, stop: &mut watch::Receiver<bool>) {
    let again_at = clock.now() + wait;
    tokio::select! {
        _ = stop.changed() => {}
        () = clock.sleep_until(again_at) => {}
    }
}

#[cfg(test)]
mod upgrade_tests;
