//! The service: durable requests, webhooks, consent in both directions and tokens, around one [`Host`] and one
//! [`Store`].
//!
//! This module assembles its parts: [`Service::start`] opens the database and starts the host, and
//! [`Service::run_until`] runs the background work until the service stops.

mod once;

use std::{
    collections::BTreeMap,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use host_harness::{
    clock::{Clock, SystemClock},
    compile::{CodeCache, CodeKey, Compiler},
    config::Config,
    egress::{Network, Transport},
    host::{Builder, Host, StartError},
    plugin::WatchedPlugin,
};
use host_store::{
    DatabaseAddress, Store, StoreError, Tenure, components, erasures::ledger::LedgerError,
    private_file::is_open_to_others,
};
use tokio_util::sync::CancellationToken;

use self::once::DutyParts;
use crate::{
    caller_work::CallerWorkEnd,
    clock_watch::ClockWatch,
    connections::{
        Connections,
        approval::Approval,
        import::{ReloadError, ReloadResult},
        owned::{self, AllConnections, OwnedConnection},
        publish_error::PublishError,
        readiness::NotReady,
        refused_files::refused_files,
        signatures::known_releases,
    },
    duties,
    erasure_ledger::LedgerUpkeep,
    limits::StoredLedger,
    lock::{Lock, LockError},
    parts::Parts,
    posts::{
        callbacks::CallbackPosters,
        post::{NoClient, Poster},
    },
    replica::{self, Fenced, Membership},
    rotated::StoredSecrets,
    settings::{ConfigFile, STOP_MARGIN, ServiceConfig, forward::ForwardConfig, listen::ListenAddress},
    tasks::Tasks,
};

/// The configuration has no `[service]` section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the configuration has no [service] section\n\
     next: create a master key with `connector-host new-master-key --output master.key`, keep a copy elsewhere, and add\n\
     [service]\nmaster-key = {{ file = \"master.key\" }}"
)]
pub struct NotAService;

/// The reason that a service did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The configuration has no `[service]` section.
    #[error(transparent)]
    NotConfigured(#[from] NotAService),
    /// Another process has locked the database.
    #[error(transparent)]
    Locked(#[from] LockError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A version that was loaded from a file may not serve.
    #[error(transparent)]
    Version(PublishError),
    /// The erasure ledger could not be written.
    #[error("the erasure ledger cannot be written: {0}")]
    ErasureLedger(#[from] LedgerError),
    /// The host did not start.
    #[error(transparent)]
    Host(#[from] StartError),
    /// The client for alarms and events could not be set up.
    #[error(transparent)]
    Client(#[from] NoClient),
}

impl From<PublishError> for ServiceError {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Store(error) => Self::Store(error),
            error => Self::Version(error),
        }
    }
}

/// A part of the service ended unexpectedly. The service cannot work without it and has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {0} ended unexpectedly, so the service has stopped; the log has the reason. Start it again")]
pub struct PartEnded(pub &'static str);

/// A service that is ready to run: its database is open, its host is started and its connections are imported.
pub struct Service {
    parts: Parts,
    membership: Membership,
    /// The tenure in which the connections of the file were imported; `None` if another replica led.
    imported_in: Option<Tenure>,
    following: Vec<WatchedPlugin>,
    poster: Poster,
    callbacks: CallbackPosters,
    config: ServiceConfig,
    forwards: BTreeMap<String, ForwardConfig>,
    /// Held until the database is closed, if it is a file.
    lock: Option<Lock>,
}

/// What a service is made of once its host has started.
struct Assembled {
    parts: Parts,
    following: Vec<WatchedPlugin>,
    poster: Poster,
    callbacks: CallbackPosters,
}

/// A listener that serves callers until the token is cancelled.
pub type Front = Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, ()> + Send>;

/// A handle to a running service.
#[derive(Clone)]
pub struct Handle(Connections);

impl Handle {
    /// Reloads the configuration file and imports its connections. An invalid file changes nothing. A connection that
    /// would rekey its people stays as it is.
    pub async fn reload(&self) -> Result<ReloadResult, ReloadError> {
        self.0.reload(Approval::Missing).await
    }

    /// Checks that the database accepts writes and that every plugin is loaded.
    pub async fn readiness(&self) -> Result<Vec<String>, NotReady> {
        self.0.readiness().await
    }

    /// Returns whether the database can be read within `limit`.
    pub async fn responds_within(&self, limit: Duration) -> bool {
        self.0.responds_within(limit).await
    }
}

impl Service {
    /// Opens the database, starts the host and imports the file's connections.
    pub async fn start(settings: ConfigFile) -> Result<Self, ServiceError> {
        let (transport, clock) = (Arc::new(Network::default()), Arc::new(SystemClock::default()));
        Self::start_with(settings, transport, clock, Compiler::InProcess).await
    }

    /// Starts the service with another transport to vendors, another clock and another compiler of plugins.
    pub async fn start_with(
        settings: ConfigFile,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        compiler: Compiler,
    ) -> Result<Self, ServiceError> {
        let service = settings.service.clone().ok_or(NotAService)?;
        let lock = Lock::of_file(&service.database)?;
        let store = Store::open_at(&service.database, &service.master_key).await?;
        warn_if_open_to_others(&service);
        let membership = replica::join(&store, Arc::clone(&clock)).await?;
        let assembling = Self::assemble(&settings, &service, &store, transport, clock, compiler, &membership);
        // Its future is large: the host loads plugins in it.
        match Box::pin(assembling).await {
            Ok(assembled) => {
                let Assembled { parts, following, poster, callbacks } = assembled;
                membership.serve(parts.served.clone(), parts.bells()).await?;
                let imported_in = membership.tenures().borrow().clone();
                Ok(Self {
                    parts,
                    membership,
                    imported_in,
                    following,
                    poster,
                    callbacks,
                    config: service,
                    forwards: settings.forwards,
                    lock,
                })
            }
            Err(error) => {
                // The others need not wait for it.
                membership.leave().await;
                store.close().await;
                Err(error)
            }
        }
    }

    /// Starts the host and imports the file's connections.
    async fn assemble(
        settings: &ConfigFile,
        service: &ServiceConfig,
        store: &Store,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        compiler: Compiler,
        membership: &Membership,
    ) -> Result<Assembled, ServiceError> {
        let config = &settings.config;
        if membership.leads() {
            ClockWatch::begin(store, Arc::clone(&clock)).await?;
            // A service that cannot write it does not start.
            LedgerUpkeep::open(store, &service.erasure_ledger, Arc::clone(&clock)).await?;
        }
        let sending_right = membership.sending_right();
        let ledger = Arc::new(StoredLedger::new(store.clone(), Arc::clone(&clock)).await?);
        let AllConnections { owned, unreadable } = owned::all(store).await?;
        let rotated = Arc::new(StoredSecrets::new(store.clone(), Arc::clone(&clock)).await?);
        let cache = CodeCache::new(&service.compiled_cache, CodeKey::new(service.master_key.code_key()));
        let (files, known) = (files(config, store).await?, known_releases(config, store).await?);
        let refused = refused_files(&files, &known, store, clock.date_ms()).await?;
        let is_refused = |name: &str| refused.iter().any(|file| file.plugin == name);
        let builder = Host::builder(files.plugins_alone(|name| !is_refused(name)))
            .with_transport(Arc::new(Fenced::new(transport, sending_right.clone())))
            .with_clock(Arc::clone(&clock))
            .with_ledger(Arc::clone(&ledger) as _)
            .with_rotated_secrets(rotated)
            .with_compiler(compiler)
            .with_cache(Some(cache))
            .with_known_releases(known);
        let host = holding(builder, config, &owned).start().await?;
        let parts = Parts::new(host, store.clone(), clock, ledger, membership.sync(), settings, service);
        parts.connections.put_published().await?;
        parts.connections.put_moved().await?;
        parts.connections.put_last_served(refused).await?;
        parts.connections.put_releases().await?;
        for owned in &owned {
            parts.connections.load_connection(owned).await?;
        }
        parts.connections.report_unreadable(unreadable).await?;
        if membership.leads() {
            parts.connections.import(config, Approval::Missing).await?;
        }
        parts.connections.alarm_not_keyed().await?;
        parts.connections.enter_running().await?;
        parts.connections.report_signatures().await?;
        let following = parts.connections.following().await?;
        let poster = Poster::new(sending_right.clone())?;
        Ok(Assembled { parts, following, poster, callbacks: CallbackPosters::new(&sending_right)? })
    }

    /// Returns the address at which to serve the API.
    pub fn listen(&self) -> &ListenAddress {
        &self.config.listen
    }

    /// Returns the address at which to serve only webhooks, if there is one.
    pub fn webhook_listen(&self) -> Option<&ListenAddress> {
        self.config.webhook_listen.as_ref()
    }

    /// Returns the configuration.
    pub fn config(&self) -> &ServiceConfig {
        &self.config
    }

    /// Returns the parts that the fronts serve.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Returns a handle for use while the service runs.
    pub fn handle(&self) -> Handle {
        Handle(self.parts.connections.clone())
    }

    /// Runs until `stopped` completes, serving `fronts`, each under its name in the log. Then accepts no new work,
    /// lets what is in progress end, and closes the database. Does the same if a part ends unexpectedly.
    pub async fn run_until(
        self,
        fronts: Vec<(&'static str, Front)>,
        stopped: impl Future<Output = ()>,
    ) -> Result<(), PartEnded> {
        let stop = CancellationToken::new();
        let Self { parts, mut membership, imported_in, following, poster, callbacks, config, forwards, lock } =
            self;
        let time_to_end = config.stop_grace + STOP_MARGIN;
        let mut tasks = Tasks::default();
        for (name, front) in fronts {
            tasks.begin(name, front(stop.clone()));
        }
        let tenures = membership.tenures();
        let notifications = parts.notifications(config.listen_database.clone());
        tasks.begin("notifications", notifications.run(stop.clone()));
        tasks.begin("changes of replicas", parts.connections.clone().follow_replicas(stop.clone()));
        let follow = parts.connections.clone().follow_files(following, stop.clone());
        tasks.begin("plugin versions", follow);
        tasks.begin("plugin version upkeep", parts.connections.clone().run_version_upkeep(stop.clone()));
        tasks.begin("release counts", parts.connections.clone().store_release_counts(stop.clone()));
        begin(&mut tasks, &parts, &config, &stop);
        let ledger = config.erasure_ledger.clone();
        let once = DutyParts { parts: parts.clone(), imported_in, poster, callbacks, config, forwards };
        let duties =
            duties::run(tenures.clone(), move |duties| once.begin(duties), stop.clone(), time_to_end);
        tasks.begin("duties", duties);
        let ended = tokio::select! {
            () = stopped => None,
            part = tasks.ended() => part,
            () = membership.lost() => Some("signs of life"),
        };
        if let Some(part) = ended {
            tracing::error!(part, "part of the service ended unexpectedly; stopping");
        }
        parts.requests.end_waits();
        stop.cancel();
        let begun = Instant::now();
        let parts_ended = tasks.finish(time_to_end).await;
        // Last, since the fronts begin no more of it.
        let left = time_to_end.saturating_sub(begun.elapsed());
        let caller_work = parts.caller_work.finish(left).await;
        if !parts_ended || caller_work == CallerWorkEnd::CutOff {
            tracing::warn!("work that did not end in time was cut off; acknowledged data is in the database");
        }
        if tenures.borrow().is_some()
            && let Err(error) = LedgerUpkeep::open(&parts.store, &ledger, Arc::clone(&parts.clock)).await
        {
            tracing::error!(%error, "erasure ledger not written; the next start writes it");
        }
        membership.leave().await;
        parts.store.close().await;
        drop(lock);
        ended.map_or(Ok(()), |part| Err(PartEnded(part)))
    }
}

/// Starts the work that every replica does, each part under its name in the log.
fn begin(tasks: &mut Tasks<&'static str>, parts: &Parts, config: &ServiceConfig, stop: &CancellationToken) {
    let (stopping, grace) = (|| stop.clone(), config.stop_grace);
    tasks.begin("log of refused calls", parts.refused.clone().run(Arc::clone(&parts.clock), stopping()));
    tasks.begin("worker", parts.worker(config.workers).run(stopping(), grace));
    tasks.begin("inbox", parts.inbox.clone().run(stopping(), grace));
}

/// Warns about files with people's data that other users of this machine can read.
fn warn_if_open_to_others(service: &ServiceConfig) {
    let database = match &service.database {
        DatabaseAddress::File(path) => Some(path),
        DatabaseAddress::Server(_) => None,
    };
    for file in database.into_iter().chain([&service.erasure_ledger]) {
        if is_open_to_others(file) {
            let file = file.display();
            tracing::warn!(%file, next = "chmod 600", "file open to other users of this machine");
        }
    }
}

/// Returns the plugins of the configuration that have a file, except those with a published version, without connections.
async fn files(config: &Config, store: &Store) -> Result<Config, StoreError> {
    let published = store.read(|connection| Box::pin(components::published_plugins(connection))).await?;
    let has_file = |name: &str| config.plugins().get(name).is_some_and(|source| source.path().is_some());
    Ok(config.plugins_alone(|name| has_file(name) && !published.iter().any(|plugin| plugin == name)))
}

/// Reserves space for the connections of the file and of the database.
fn holding(builder: Builder, config: &Config, owned: &[OwnedConnection]) -> Builder {
    let specs = config.connections().iter().chain(owned.iter().map(|owned| &owned.spec));
    specs.fold(builder, |builder, spec| builder.holding(&spec.limits))
}

#[cfg(test)]
mod upgrade_tests;
