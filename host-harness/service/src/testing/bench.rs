//! A service for one test: a folder with its database, Iterable's stand-in, and a clock that stands still.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use host_harness::{
    clock::{Clock, ManualClock},
    config::{Config, HostLimits, PluginSource},
    connection::ConnectionSpec,
    egress::Reach,
    host::Host,
};
use host_model::{contract::Subject, requests::State, secret::Secret};
use host_store::{
    gauges::gauges,
    requests::{self, AttemptView, View},
    testing::{Folder, connection_row, master_key},
};
use iterable_stand_in::StandIn;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    limits::StoredLedger,
    requests::{
        accept::{Accepted, Submission},
        handler::Asked,
        late,
    },
    service::Parts,
    settings::{ServiceConfig, edge::EdgeConfig},
    work::Source,
};

/// Parts of a service, each of which a test starts when it wants it.
pub struct Bench {
    pub parts: Parts,
    pub stand_in: StandIn,
    pub clock: Arc<ManualClock>,
    pub folder: Folder,
    stop: CancellationToken,
    worker: Option<JoinHandle<()>>,
}

/// How many looks a request that is due is given before time passes all the same: its connection may hold it back.
const PATIENCE: usize = 50;

/// How long an attempt may take by the machine's clock: only one that hangs takes so long.
const LONGEST_ATTEMPT: Duration = Duration::from_mins(1);

/// A connection to `stand_in` under that key.
pub fn spec(stand_in: &StandIn, tenant: &str, key: &str) -> ConnectionSpec {
    let mut spec = ConnectionSpec::new(tenant, key, "iterable");
    let host = stand_in.address().to_string();
    spec.settings.insert("domain".to_owned(), host.clone());
    spec.policy.hosts.insert(host);
    spec.policy.reach = Reach::Loopback;
    spec.secrets.insert("api-key".to_owned(), Secret::new(stand_in.api_key()).unwrap());
    spec
}

fn config(folder: &Folder) -> ServiceConfig {
    ServiceConfig {
        database: folder.file("host.db"),
        master_key: master_key(),
        listen: ([127, 0, 0, 1], 0).into(),
        webhook_listen: None,
        public_url: None,
        workers: 8,
        token_lifetime: Duration::from_hours(90 * 24),
        token_window: Duration::from_hours(7 * 24),
        keep_deliveries: Duration::from_hours(30 * 24),
        keep_events: Duration::from_hours(90 * 24),
        alarm_url: None,
        stop_grace: Duration::ZERO,
        edge: EdgeConfig::default(),
    }
}

pub fn component() -> PathBuf {
    xtask::components::current("iterable").unwrap_or_else(|error| panic!("{error}"))
}

impl Bench {
    /// A service with the connection `newsletter` of the tenant `acme`; nothing runs yet.
    pub async fn new() -> Self {
        Self::with(&[("acme", "newsletter")]).await
    }

    /// The same with these connections, as tenant and key.
    pub async fn with(connections: &[(&'static str, &'static str)]) -> Self {
        let stand_in = StandIn::builder().start().await.unwrap();
        let clock = Arc::new(ManualClock::default());
        // One time on both sides: whether an event is an echo goes by it.
        stand_in.clock().freeze_at(clock.date().try_into().unwrap());
        let folder = Folder::new();
        let parts = parts(&folder, &stand_in, &clock, connections).await;
        for (tenant, key) in connections {
            connection_row(&parts.store, tenant, key).await;
        }
        Self { parts, stand_in, clock, folder, stop: CancellationToken::new(), worker: None }
    }

    /// Begins to carry out requests.
    pub fn work(&mut self) {
        assert!(self.worker.is_none(), "another one would outlive a crash");
        let config = config(&self.folder);
        let worker = self.parts.worker(config.workers).run(self.stop.clone(), config.stop_grace);
        let upkeep = self.parts.upkeep(config.keep_events).run(self.stop.clone());
        self.worker = Some(tokio::spawn(async move { tokio::join!(worker, upkeep).0 }));
    }

    /// Looks after the queue and after people, once.
    pub async fn look_after(&self) {
        late::look(&self.parts.store, self.parts.clock.date_ms()).await.unwrap();
        self.parts.upkeep(config(&self.folder).keep_events).look().await.unwrap();
    }

    /// What posts for this service.
    #[cfg(test)]
    pub(crate) fn posts(&self) -> crate::posts::Posts {
        self.parts.posts(crate::posts::post::Poster::new().unwrap())
    }

    /// Lets time pass for the host and for Iterable.
    pub fn pass(&self, time: Duration) {
        self.stand_in.clock().advance(time);
        self.clock.advance(time);
    }

    pub async fn submit(&self, connection: &str, asked: Asked, subject: Subject) -> Accepted {
        let connection = connection.to_owned();
        let submission = Submission { connection, subject, asked, idempotency_key: None };
        self.parts.requests.accept(submission).await.unwrap()
    }

    pub async fn erase(&self, email: &str) -> String {
        self.submit("newsletter", Asked::Erasure, Subject::email(email)).await.view.id
    }

    pub async fn view(&self, id: &str) -> View {
        let id = id.to_owned();
        let shown = self.parts.store.read(|c| Box::pin(async move { requests::show(c, &id).await }));
        shown.await.unwrap().unwrap()
    }

    pub async fn attempts(&self, id: &str) -> Vec<AttemptView> {
        let id = id.to_owned();
        let attempts = self.parts.store.read(|c| Box::pin(async move { requests::attempts(c, &id).await }));
        attempts.await.unwrap()
    }

    /// The request once it is as `wanted` says. Time passes by the second, and only while nothing is due or under way: an
    /// attempt ends at the time it began, however slow the machine is.
    ///
    /// # Panics
    /// If it is not within an hour of that time, or an attempt takes a minute of the machine's.
    pub async fn once(&self, id: &str, wanted: impl Fn(&View) -> bool) -> View {
        let end = self.parts.clock.now() + Duration::from_hours(1);
        let mut looks = 0;
        let mut attempt_ends_by = Instant::now() + LONGEST_ATTEMPT;
        while self.parts.clock.now() < end && Instant::now() < attempt_ends_by {
            let view = self.view(id).await;
            if wanted(&view) {
                return view;
            }
            let is_due = view.next_at.is_some_and(|next_at| next_at <= self.parts.clock.date_ms());
            let is_running = self.is_running().await;
            looks += 1;
            if is_running || is_due && looks < PATIENCE {
                tokio::time::sleep(Duration::from_millis(2)).await;
            } else {
                self.pass(Duration::from_secs(if is_due { 10 } else { 1 }));
                looks = 0;
            }
            if !is_running {
                attempt_ends_by = Instant::now() + LONGEST_ATTEMPT;
            }
        }
        panic!("{:?}", self.view(id).await);
    }

    /// Whether an attempt at any request is under way.
    async fn is_running(&self) -> bool {
        let gauges = self.parts.store.read(|c| Box::pin(gauges(c))).await.unwrap();
        gauges.requests.iter().any(|gauge| gauge.labels.contains(&("status", State::Running.to_string())))
    }

    /// The process is killed and starts again: nothing that ran ends, and the store is opened anew.
    pub async fn crash(&mut self, connections: &[(&'static str, &'static str)]) {
        if let Some(worker) = self.worker.take() {
            worker.abort();
            let _aborted = worker.await;
        }
        self.parts.store.close().await;
        self.parts = parts(&self.folder, &self.stand_in, &self.clock, connections).await;
        let mut worker = self.parts.worker(config(&self.folder).workers);
        worker.take_back().await.unwrap();
    }
}

async fn parts(
    folder: &Folder,
    stand_in: &StandIn,
    clock: &Arc<ManualClock>,
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
    let host = Host::builder(host).by_clock(Arc::clone(&clock)).counting_in(Arc::clone(&ledger) as _);
    let host = host.start().await.unwrap();
    Parts::new((host, store), (clock, ledger), (&Config::default(), &config(folder)))
}
