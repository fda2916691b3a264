//! The service: requests that are never lost, webhooks, consent both ways, tokens, around one [`Host`] and one [`Store`].
//!
//! Here its parts are put together, each with what it uses: [`Service::start`] opens the database and starts the host,
//! [`Service::run_until`] runs what works in the background until it is told to stop.

use std::{collections::BTreeMap, future::Future, net::SocketAddr, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use host_harness::{
    clock::{Clock, SystemClock},
    config::Config,
    egress::{Network, Transport},
    host::{Host, StartError},
};
use host_store::{Store, StoreError, components};
use tokio_util::sync::CancellationToken;

use crate::{
    alarms::Alarms,
    bell::Bell,
    connections::{
        Connections,
        approval::Approval,
        import::{ReloadError, Reloaded},
        owned::{self, All, Owned},
    },
    consent::{
        apply::Apply, catalogue::Catalogue, feed::Feed, mappings::Mappings, read::Read, upkeep::Upkeep,
    },
    erasure::Erasure,
    limits::StoredLedger,
    lock::{Lock, LockError},
    posts::{
        Posts,
        forward::Forwarding,
        post::{NoClient, Poster},
    },
    requests::{Requests, attempt::Attempts, handler::Handlers, worker::Worker},
    served::Served,
    settings::{ForwardConfig, STOP_MARGIN, ServiceConfig, Settings},
    tasks::Tasks,
    telemetry::Telemetry,
    tokens::{Tokens, schedule},
    webhooks::{inbox::Inbox, receive::Webhooks, upkeep},
};

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

/// The parts that callers are served with. Clones share everything.
#[derive(Clone)]
pub struct Parts {
    /// What outlives the process.
    pub store: Store,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// The host, and why it does not serve a connection.
    pub served: Served,
    /// Connections and plugin versions.
    pub connections: Connections,
    /// Accepts requests.
    pub requests: Requests,
    /// Notices and systems.
    pub catalogue: Catalogue,
    /// What items stand for.
    pub mappings: Mappings,
    /// Consent events.
    pub feed: Feed,
    /// Webhook tokens.
    pub tokens: Tokens,
    /// Receives deliveries.
    pub webhooks: Webhooks,
    /// Reads deliveries.
    pub inbox: Inbox,
    /// Alarms.
    pub alarms: Alarms,
    /// Metrics.
    pub telemetry: Telemetry,
}

impl Parts {
    /// The parts around `host` and `store`, with the plugins' sources of `config`.
    pub(crate) fn new(
        (host, store): (Host, Store),
        (clock, ledger): (Arc<dyn Clock>, Arc<StoredLedger>),
        (config, service): (&Config, &ServiceConfig),
    ) -> Self {
        let (bell, arrived, telemetry) = (Bell::default(), Bell::default(), Telemetry::default());
        let served = Served::new(host, service.public_url.as_deref());
        let (stored, timed) = (|| store.clone(), || Arc::clone(&clock));
        let tokens = Tokens::lasting(stored(), timed(), service.token_lifetime, service.token_window);
        let handlers = Handlers {
            erasure: Arc::new(Erasure),
            consent: Arc::new(Apply { store: stored(), clock: timed() }),
            reading: Arc::new(Read { clock: timed() }),
        };
        Self {
            connections: Connections::new(served.clone(), stored(), timed(), bell.clone(), config),
            requests: Requests {
                served: served.clone(),
                store: stored(),
                clock: timed(),
                ledger,
                bell: bell.clone(),
                handlers,
            },
            catalogue: Catalogue::new(stored(), timed()),
            mappings: Mappings::new(served.clone(), stored(), timed()),
            feed: Feed::new(stored(), timed()),
            webhooks: Webhooks {
                served: served.clone(),
                store: stored(),
                clock: timed(),
                tokens: tokens.clone(),
                telemetry: telemetry.clone(),
                arrived: arrived.clone(),
                rates: Arc::default(),
                body_timeout: service.edge.body_timeout,
            },
            inbox: Inbox {
                served: served.clone(),
                store: stored(),
                clock: timed(),
                telemetry: telemetry.clone(),
                arrived,
                bell,
            },
            alarms: Alarms::new(stored(), timed()),
            tokens,
            served,
            telemetry,
            store,
            clock,
        }
    }

    /// What carries out requests, `workers` at once.
    pub(crate) fn worker(&self, workers: u32) -> Worker {
        let attempts = Attempts {
            store: self.store.clone(),
            clock: Arc::clone(&self.clock),
            handlers: self.requests.handlers.clone(),
            telemetry: self.telemetry.clone(),
            bell: self.requests.bell.clone(),
        };
        Worker::new(self.served.clone(), attempts, workers)
    }

    /// What looks after what is known of choices; events are kept for `keep_events`.
    pub(crate) fn upkeep(&self, keep_events: Duration) -> Upkeep {
        Upkeep { store: self.store.clone(), clock: Arc::clone(&self.clock), keep_events }
    }

    /// What posts with `poster`.
    pub(crate) fn posts(&self, poster: Poster) -> Posts {
        let (store, clock) = (self.store.clone(), Arc::clone(&self.clock));
        Posts { poster, store, clock, telemetry: self.telemetry.clone() }
    }
}

/// A service that is ready to run: its database is open, its host started and its connections taken in.
pub struct Service {
    parts: Parts,
    poster: Poster,
    config: ServiceConfig,
    forwards: BTreeMap<String, ForwardConfig>,
    /// Held until the database is closed.
    lock: Lock,
}

/// What callers reach a service by: serves until the token is cancelled.
pub type Front = Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, ()> + Send>;

/// Reaches a service while it runs.
#[derive(Clone)]
pub struct Handle(Connections);

impl Handle {
    /// Reads the configuration file again and takes in its connections. One that is broken changes nothing; a connection that would
    /// key its people anew stays as it is.
    pub async fn reload(&self) -> Result<Reloaded, ReloadError> {
        self.0.reload(Approval::Missing).await
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
        let host =
            host(&config, &owned, &store, (transport, Arc::clone(&clock)), Arc::clone(&ledger)).await?;
        let parts = Parts::new((host, store), (clock, ledger), (&config, &service));
        parts.connections.put_published().await?;
        for owned in &owned {
            parts.connections.carry(owned).await?;
        }
        parts.connections.tell_unreadable(unreadable).await?;
        parts.connections.take_in(&config, Approval::Missing).await?;
        parts.connections.alarm_not_keyed().await?;
        Ok(Self { parts, poster: Poster::new()?, config: service, forwards, lock })
    }

    /// The address that the API is to be served at.
    pub fn listen(&self) -> SocketAddr {
        self.config.listen
    }

    /// The address that webhooks alone are to be served at, if there is one.
    pub fn webhook_listen(&self) -> Option<SocketAddr> {
        self.config.webhook_listen
    }

    /// What it runs with.
    pub fn config(&self) -> &ServiceConfig {
        &self.config
    }

    /// What its fronts serve.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Reaches it while it runs.
    pub fn handle(&self) -> Handle {
        Handle(self.parts.connections.clone())
    }

    /// Works until `stopped` ends, with `fronts` served meanwhile, each by the name that the log calls it; then takes nothing
    /// new, lets what runs end, and closes the database. The same if a part ends by itself.
    pub async fn run_until(
        self,
        fronts: Vec<(&'static str, Front)>,
        stopped: impl Future<Output = ()>,
    ) -> Result<(), PartEnded> {
        let stop = CancellationToken::new();
        let Self { parts, poster, config, forwards, lock } = self;
        let time_to_end = config.stop_grace + STOP_MARGIN;
        let mut tasks = Tasks::default();
        for (name, front) in fronts {
            tasks.begin(name, front(stop.clone()));
        }
        begin(&mut tasks, &parts, poster, (config, forwards), &stop);
        let ended = tokio::select! {
            () = stopped => None,
            part = tasks.ended() => part,
        };
        if let Some(part) = ended {
            tracing::error!(part, "a part of the service ended by itself; the service stops");
        }
        stop.cancel();
        if !tasks.finish(time_to_end).await {
            tracing::warn!("what did not end in time is cut off; the database has what was acknowledged");
        }
        parts.store.close().await;
        drop(lock);
        ended.map_or(Ok(()), |part| Err(PartEnded(part)))
    }
}

/// Begins everything that works in the background, each by the name that the log calls it.
fn begin(
    tasks: &mut Tasks<&'static str>,
    parts: &Parts,
    poster: Poster,
    (config, forwards): (ServiceConfig, BTreeMap<String, ForwardConfig>),
    stop: &CancellationToken,
) {
    let (stopping, grace) = (|| stop.clone(), config.stop_grace);
    let (posts, inbox) = (parts.posts(poster), parts.inbox.clone());
    let forwarding = Forwarding { posts: posts.clone(), feed: parts.feed.clone() };
    tasks.begin("worker", parts.worker(config.workers).run(stopping(), grace));
    tasks.begin("consent upkeep", parts.upkeep(config.keep_events).run(stopping()));
    tasks.begin("alarms", posts.post_alarms(config.alarm_url, stopping()));
    tasks.begin("inbox", inbox.clone().run(stopping(), grace));
    tasks.begin("webhook upkeep", upkeep::run(inbox, config.keep_deliveries, stopping()));
    tasks.begin("token refresh", schedule::run(parts.tokens.clone(), parts.served.clone(), stopping()));
    tasks.begin("forward", forwarding.run(forwards, stopping()));
}

/// The host with the plugins of the file, but for those of which a version was published, and no connection yet.
async fn host(
    config: &Config,
    owned: &[Owned],
    store: &Store,
    (transport, clock): (Arc<dyn Transport>, Arc<dyn Clock>),
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

#[cfg(test)]
mod upgrade_tests;
