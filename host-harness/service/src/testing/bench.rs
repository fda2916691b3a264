//! A service for one test: a folder with its database, the Iterable stand-in, and a manual clock.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use host_harness::{
    clock::{Clock, ManualClock},
    config::{Config, HostLimits, PluginSource},
    connection::ConnectionSpec,
    egress::{Network, Reach},
    host::Host,
};
use host_model::{approvers::Approvers, contract::Subject, requests::RequestState, secret::Secret};
use host_store::{
    connections::{self, StoredConnection},
    gauges::gauges,
    holds, replicas,
    requests::{
        self, RequestView,
        attempts::{self, AttemptView},
    },
    testing::{Folder, connection_row, master_key, write},
};
use iterable_stand_in::StandIn;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    limits::StoredLedger,
    parts::Parts,
    replica::Fenced,
    requests::{
        accept::{Accepted, Repeat, Submission},
        handler::PersonTask,
        late,
    },
    sending_right::{SENDS_FOR, SendingRight},
    settings::{
        ConfigFile, ServiceConfig, edge::EdgeConfig, listen::ListenAddress, proof::ProofConfig,
        releases::ReleaseConfig,
    },
    sync_state::SyncState,
    tasks::Tasks,
    work::Source,
};

/// The parts of a service, each of which a test starts when needed.
pub struct Bench {
    pub parts: Parts,
    pub stand_in: StandIn,
    pub clock: Arc<ManualClock>,
    pub folder: Folder,
    sending_right: SendingRight,
    config: ServiceConfig,
    stop: CancellationToken,
    worker: Option<JoinHandle<()>>,
    /// Another replica, which only carries out requests.
    second: Option<JoinHandle<()>>,
}

/// How often a due request is checked before the clock advances anyway: not all that holds it back is known.
const PATIENCE: usize = 50;

/// Time between two looks at a request.
const LOOK: Duration = Duration::from_millis(2);

/// The maximum duration of an attempt by the machine's clock: only an attempt that hangs takes this long.
const MAX_ATTEMPT: Duration = Duration::from_mins(1);

/// How long the service may send to vendors: longer than any test takes.
const FOR_LONG: Duration = Duration::from_hours(1);

/// Returns a connection to `stand_in` with this key.
pub fn spec(stand_in: &StandIn, tenant: &str, key: &str) -> ConnectionSpec {
    let mut spec = ConnectionSpec::new(tenant, key, "iterable");
    let host = stand_in.address().to_string();
    spec.settings.insert("domain".to_owned(), host.clone());
    spec.policy.hosts.insert(host);
    spec.policy.reach = Reach::Loopback;
    spec.secrets.insert("api-key".to_owned(), Secret::new(stand_in.api_key()).unwrap());
    spec
}

async fn config(folder: &Folder) -> ServiceConfig {
    ServiceConfig {
        database: folder.address().await,
        listen_database: None,
        erasure_ledger: folder.file("host.db.erasures"),
        compiled_cache: xtask::components::code_cache(),
        master_key: master_key(),
        listen: ListenAddress::of([127, 0, 0, 1], 0),
        webhook_listen: None,
        public_url: None,
        workers: 8,
        token_lifetime: Duration::from_hours(90 * 24),
        token_window: Duration::from_hours(7 * 24),
        keep_deliveries: Duration::from_hours(30 * 24),
        keep_events: Duration::from_hours(90 * 24),
        keep_requests: None,
        alarm_url: None,
        stop_grace: Duration::ZERO,
        max_published_bytes: 32 << 20,
        proof: ProofConfig::default(),
        releases: ReleaseConfig::default(),
        approvers: Approvers::Anyone,
        edge: EdgeConfig::default(),
        page: None,
    }
}

pub fn component() -> PathBuf {
    xtask::components::current("iterable").unwrap_or_else(|error| panic!("{error}"))
}

impl Bench {
    /// Creates a service with the connection `newsletter` of the tenant `acme`. Nothing is started.
    pub async fn new() -> Self {
        Self::with(&[("acme", "newsletter")]).await
    }

    /// Creates a service with these connections, given as tenant and key.
    pub async fn with(connections: &[(&'static str, &'static str)]) -> Self {
        let stand_in = StandIn::builder().start().await.unwrap();
        let clock = Arc::new(ManualClock::default());
        // Both sides use the same time, because the detection of echoes depends on it.
        stand_in.clock().freeze_at(clock.date().try_into().unwrap());
        let folder = Folder::new();
        let config = config(&folder).await;
        let sending_right = SendingRight::Shared(Arc::default());
        sending_right.renew(tokio::time::Instant::now() + FOR_LONG);
        let parts = parts(&folder, &config, &stand_in, &clock, &sending_right, connections).await;
        for (tenant, key) in connections {
            connection_row(&parts.store, tenant, key).await;
        }
        Self {
            parts,
            stand_in,
            clock,
            folder,
            sending_right,
            config,
            stop: CancellationToken::new(),
            worker: None,
            second: None,
        }
    }

    /// Starts carrying out requests.
    pub fn work(&mut self) {
        assert!(self.worker.is_none(), "a second worker would survive a crash");
        let config = &self.config;
        let worker = self.parts.worker(config.workers).run(self.stop.clone(), config.stop_grace);
        let upkeep = self.parts.upkeep(config.keep_events).run(self.stop.clone());
        self.worker = Some(tokio::spawn(async move { tokio::join!(worker, upkeep).0 }));
    }

    /// Starts another replica that carries out requests too, if the database is on a server.
    pub async fn join_second(&mut self, connections: &[(&'static str, &'static str)]) {
        if !self.folder.is_on_server() {
            return;
        }
        self.parts.store.serve_as("first".to_owned()).await.unwrap();
        let second = self.another(connections).await;
        second.store.serve_as("second".to_owned()).await.unwrap();
        let worker = second.worker(self.config.workers).run(self.stop.clone(), self.config.stop_grace);
        self.second = Some(tokio::spawn(worker));
    }

    /// Returns the parts of another process.
    async fn another(&self, connections: &[(&'static str, &'static str)]) -> Parts {
        let Self { folder, config, stand_in, clock, sending_right, .. } = self;
        parts(folder, config, stand_in, clock, sending_right, connections).await
    }

    /// Takes the right to send from the service, as an outage of the database does.
    pub fn lose_touch(&self) {
        self.sending_right.renew(tokio::time::Instant::now().checked_sub(SENDS_FOR).unwrap());
    }

    /// Runs the upkeep of the queue and of consent data once.
    pub async fn look_after(&self) {
        late::raise_and_prune(&self.parts.store, self.parts.clock.date_ms()).await.unwrap();
        self.parts.upkeep(self.config.keep_events).look().await.unwrap();
    }

    /// Returns the posts of this service.
    #[cfg(test)]
    pub(crate) fn posts(&self) -> crate::posts::Posts {
        self.parts.posts(crate::posts::post::Poster::new(crate::sending_right::SendingRight::Alone).unwrap())
    }

    /// Advances the clocks of the host and of Iterable.
    pub fn pass(&self, time: Duration) {
        self.stand_in.clock().advance(time);
        self.clock.advance(time);
    }

    /// Parks `connection`, so that its requests wait.
    pub async fn park(&self, connection: &'static str, why: &'static str) {
        let at = self.parts.clock.date_ms();
        write(&self.parts.store, move |tx| {
            Box::pin(async move { holds::park(tx, connection, at, why).await })
        })
        .await;
    }

    /// Resumes `connection`.
    pub async fn resume(&self, connection: &'static str) {
        write(&self.parts.store, move |tx| {
            Box::pin(async move { connections::resume(tx, connection).await })
        })
        .await;
        self.parts.requests.bell.ring();
    }

    /// Changes `connection` in the store. The host still serves it with its former settings.
    pub async fn change(
        &self,
        connection: &'static str,
        change: impl FnOnce(&mut StoredConnection) + Send + 'static,
    ) {
        let at = self.parts.clock.date_ms();
        write(&self.parts.store, move |tx| {
            Box::pin(async move {
                let mut stored = connections::find(tx, connection).await?.unwrap();
                change(&mut stored);
                connections::put(tx, at, &stored).await
            })
        })
        .await;
    }

    pub async fn submit(&self, connection: &str, asked: PersonTask, subject: Subject) -> Accepted {
        let connection = connection.to_owned();
        let submission = Submission {
            connection,
            subject,
            asked,
            idempotency_key: None,
            repeat: Repeat::Keep,
            callback: None,
        };
        self.parts.requests.accept(submission).await.unwrap()
    }

    pub async fn erase(&self, email: &str) -> String {
        self.submit("newsletter", PersonTask::Erasure, Subject::email(email)).await.view.id
    }

    pub async fn view(&self, id: &str) -> RequestView {
        let id = id.to_owned();
        let shown = self.parts.store.read(|c| Box::pin(async move { requests::show(c, &id).await }));
        shown.await.unwrap().unwrap()
    }

    pub async fn attempts(&self, id: &str) -> Vec<AttemptView> {
        let id = id.to_owned();
        let attempts = self.parts.store.read(|c| Box::pin(async move { attempts::attempts(c, &id).await }));
        attempts.await.unwrap()
    }

    /// Returns the request once `wanted` returns true for it. The clock advances by at most five seconds at once, and only
    /// while nothing is due or in progress: an attempt ends at the time it began, however slow the machine is.
    ///
    /// # Panics
    /// If that does not happen within an hour of the test clock, or an attempt takes a minute of the machine's clock.
    pub async fn once(&self, id: &str, wanted: impl Fn(&RequestView) -> bool) -> RequestView {
        let end = self.parts.clock.now() + Duration::from_hours(1);
        let mut looks = 0;
        let mut attempt_ends_by = Instant::now() + MAX_ATTEMPT;
        while self.parts.clock.now() < end && Instant::now() < attempt_ends_by {
            let view = self.view(id).await;
            if wanted(&view) {
                return view;
            }
            looks += 1;
            if self.is_running().await {
                tokio::time::sleep(LOOK).await;
                continue;
            }
            attempt_ends_by = Instant::now() + MAX_ATTEMPT;
            let left_ms = view.next_at.map_or(0, |next_at| next_at - self.parts.clock.date_ms());
            if left_ms > 0 {
                let seconds = u64::try_from(left_ms).unwrap().div_ceil(1_000).min(5);
                self.pass(Duration::from_secs(seconds));
            } else if looks < PATIENCE && !self.is_held_back(&view).await {
                tokio::time::sleep(LOOK).await;
            } else {
                self.pass(Duration::from_secs(10));
                looks = 0;
            }
        }
        panic!("{:?}", self.view(id).await);
    }

    /// Returns whether anything but the request itself delays it.
    async fn is_held_back(&self, view: &RequestView) -> bool {
        self.parts.requests.forecast(view).await.unwrap().held_back_by.is_some()
    }

    /// Returns whether an attempt of any request is in progress.
    async fn is_running(&self) -> bool {
        let gauges = self.parts.store.read(|c| Box::pin(gauges(c))).await.unwrap();
        gauges
            .requests
            .iter()
            .any(|gauge| gauge.labels.contains(&("status", RequestState::Running.to_string())))
    }

    /// Kills the process and starts it again: nothing that was in progress ends, and the store is reopened.
    pub async fn crash(&mut self, connections: &[(&'static str, &'static str)]) {
        if let Some(worker) = self.worker.take() {
            worker.abort();
            let _aborted = worker.await;
        }
        let ended = self.parts.store.replica().clone();
        self.parts.store.close().await;
        self.parts = self.another(connections).await;
        if self.second.is_some() {
            // As the other replica does after a while.
            write(&self.parts.store, move |tx| Box::pin(async move { replicas::leave(tx, &ended).await }))
                .await;
            self.parts.store.serve_as("first".to_owned()).await.unwrap();
        }
        let mut worker = self.parts.worker(self.config.workers);
        worker.reclaim(&Tasks::default()).await.unwrap();
    }
}

async fn parts(
    folder: &Folder,
    config: &ServiceConfig,
    stand_in: &StandIn,
    clock: &Arc<ManualClock>,
    sending_right: &SendingRight,
    connections: &[(&'static str, &'static str)],
) -> Parts {
    let limits = HostLimits { concurrent_calls: 16, tenant_concurrent_calls: 8, ..HostLimits::default() };
    let mut host =
        Config::default().with_host(limits).with_plugin("iterable", PluginSource::file(component())).unwrap();
    for (tenant, key) in connections {
        host = host.with_connection(spec(stand_in, tenant, key)).unwrap();
    }
    let store = folder.store().await;
    let clock: Arc<dyn Clock> = Arc::clone(clock) as _;
    let ledger = Arc::new(StoredLedger::new(store.clone(), Arc::clone(&clock)).await.unwrap());
    let host = Host::builder(host).with_clock(Arc::clone(&clock)).with_ledger(Arc::clone(&ledger) as _);
    let transport = Fenced::new(Arc::new(Network::default()), sending_right.clone());
    let host = host.with_transport(Arc::new(transport)).start().await.unwrap();
    // Nothing looks for changes here.
    let sync = SyncState::alone();
    Parts::new(host, store, clock, ledger, sync, &ConfigFile::default(), config)
}
