//! The running stand-in: how it is started, looked into and made to misbehave.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clap::ValueEnum;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::call::Received;
use crate::clock::Clock;
use crate::deliveries::{Delivery, Outcome, deliver};
use crate::faults::{Fault, Planned};
use crate::project::acts::Act;
use crate::project::{Identifier, Profile, Project, ProjectType, Subscriptions};
use crate::routes::KeyKind;
use crate::server;
use crate::switches::Switches;
use crate::tls;

/// Where a project lives; its keys are unknown in the other place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DataCentre {
    /// `api.iterable.com`.
    #[default]
    Us,
    /// `api.eu.iterable.com`.
    Eu,
}

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

/// Why a stand-in does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is taken, or the system refuses it.
    #[error("cannot listen on 127.0.0.1:{port}: {source}; choose another port, or 0 for a free one")]
    Listen {
        /// The port asked for.
        port: u16,
        /// What the system said.
        source: std::io::Error,
    },
    /// Certificate, key or trusted authority cannot be used.
    #[error("cannot use this certificate, key or authority: {0}")]
    Tls(#[from] rustls::Error),
    /// The client for deliveries cannot be made.
    #[error("cannot make the client for deliveries: {0}")]
    Client(#[from] reqwest::Error),
}

/// A local Iterable, gone when it is dropped.
#[derive(Debug)]
pub struct StandIn {
    shared: Arc<Shared>,
    address: SocketAddr,
    scheme: &'static str,
    /// How many deliveries [`StandIn::next_delivery`] has handed out.
    handed_out: Mutex<usize>,
    /// Dropped last of all, and with it every connection.
    _tasks: JoinSet<()>,
}

/// What server, deliveries and handle share.
#[derive(Debug)]
pub(crate) struct Shared {
    clock: Clock,
    pub(crate) keys: ApiKeys,
    project: Mutex<Project>,
    received: Mutex<Vec<Received>>,
    faults: Mutex<Vec<Planned>>,
    changed: watch::Sender<()>,
}

/// The project's keys and where they count.
#[derive(Debug)]
pub(crate) struct ApiKeys {
    standard: String,
    read_only: String,
    mobile: String,
    data_centre: DataCentre,
}

impl ApiKeys {
    fn new(standard: String, data_centre: DataCentre) -> Self {
        let derived = |what: &str| short_hash(&format!("{what} {standard}"));
        Self { read_only: derived("read only"), mobile: derived("mobile"), standard, data_centre }
    }

    pub(crate) fn shown(&self) -> Value {
        json!({"standard": self.standard, "readOnly": self.read_only, "mobile": self.mobile})
    }

    /// The kind of the key that a request shows, where this project has it.
    pub(crate) fn kind(&self, received: &Received) -> Option<KeyKind> {
        let asked = match received.header("host") {
            Some("api.iterable.com") => DataCentre::Us,
            Some("api.eu.iterable.com") => DataCentre::Eu,
            _ => self.data_centre,
        };
        let key = received.key().filter(|_| asked == self.data_centre)?;
        [
            (&self.standard, KeyKind::Standard),
            (&self.read_only, KeyKind::ReadOnly),
            (&self.mobile, KeyKind::Mobile),
        ]
        .into_iter()
        .find(|(known, _)| known.as_str() == key)
        .map(|(_, kind)| kind)
    }
}

/// 32 hex characters, the length of a real key.
fn short_hash(text: &str) -> String {
    hex::encode(Sha256::digest(text).iter().take(16).copied().collect::<Vec<u8>>())
}

impl Shared {
    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Works on the project, brought to the clock's time.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Project) -> T) -> T {
        let mut project = lock(&self.project);
        project.settle(self.clock.now());
        work(&mut project)
    }

    /// Wakes whoever waits for something to have changed.
    pub(crate) fn tell(&self) {
        self.changed.send_replace(());
    }

    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(crate) fn remember(&self, received: Received) {
        lock(&self.received).push(received);
    }

    pub(crate) fn requests(&self) -> Vec<Received> {
        lock(&self.received).clone()
    }

    pub(crate) fn take_requests(&self) -> Vec<Received> {
        std::mem::take(&mut lock(&self.received))
    }

    pub(crate) fn plan(&self, planned: Planned) {
        lock(&self.faults).push(planned);
    }

    pub(crate) fn fault(&self, method: &str, path: &str) -> Option<Fault> {
        crate::faults::take(&mut lock(&self.faults), method, path)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
        let project = Project::new(self.project_id.unwrap_or(2158), self.project, self.switches, now);
        let (changed, _) = watch::channel(());
        let shared = Arc::new(Shared {
            clock,
            keys: ApiKeys::new(key, self.data_centre),
            project: Mutex::new(project),
            received: Mutex::default(),
            faults: Mutex::default(),
            changed,
        });
        let scheme = if tls.is_some() { "https" } else { "http" };
        let mut tasks = JoinSet::new();
        tasks.spawn(server::serve(listener, tls, shared.clone()));
        tasks.spawn(deliver(shared.clone(), client));
        Ok(StandIn { shared, address, scheme, handed_out: Mutex::new(0), _tasks: tasks })
    }
}

impl StandIn {
    /// A stand-in to be: email-based, defaults for every switch, plain HTTP on a free port.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base address, such as `http://127.0.0.1:4000`.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// The server-side standard key.
    pub fn api_key(&self) -> &str {
        &self.shared.keys.standard
    }

    /// A key of that kind.
    pub fn api_key_of(&self, kind: KeyKind) -> &str {
        match kind {
            KeyKind::Standard => &self.shared.keys.standard,
            KeyKind::ReadOnly => &self.shared.keys.read_only,
            KeyKind::Mobile => &self.shared.keys.mobile,
        }
    }

    /// The clock that everything here goes by.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Every request received, in order; those that a fault befell too.
    pub fn requests(&self) -> Vec<Received> {
        self.shared.requests()
    }

    /// The same, leaving none.
    pub fn take_requests(&self) -> Vec<Received> {
        self.shared.take_requests()
    }

    /// Works on the project itself: catalogue, webhooks, forgotten people, switches.
    pub fn with_project<T>(&self, work: impl FnOnce(&mut Project) -> T) -> T {
        let done = self.shared.with(work);
        self.shared.tell();
        done
    }

    /// A person's true state, whatever reads show yet; none where nobody is there. Text with an `@` is an e-mail.
    pub fn person(&self, id: impl Into<Identifier>) -> Option<Profile> {
        let id = id.into();
        self.shared.with(|project| project.person(&id).cloned())
    }

    /// A person's true arrays; none before the first subscription action.
    pub fn subscriptions(&self, id: impl Into<Identifier>) -> Option<Subscriptions> {
        self.person(id).and_then(|profile| profile.subscriptions)
    }

    /// Whether a person's erasure is in effect.
    pub fn is_forgotten(&self, id: impl Into<Identifier>) -> bool {
        let id = id.into();
        self.shared.with(|project| project.is_forgotten(&id))
    }

    /// Puts a person in who was there for long. Text with an `@` is an e-mail.
    pub fn seed(&self, id: impl Into<Identifier>, subscriptions: Option<Subscriptions>) {
        let (email, user_id) = match id.into() {
            Identifier::Email(email) => (Some(email), None),
            Identifier::UserId(id) => (None, Some(id)),
        };
        self.with_project(|project| project.seed(email.as_deref(), user_id.as_deref(), subscriptions));
    }

    /// Lets a person do something, which webhooks tell of.
    pub fn act(&self, id: impl Into<Identifier>, act: &Act) {
        let id = id.into();
        self.with_project(|project| project.act(&id, act));
    }

    /// Makes the next `times` requests to an endpoint such as `POST /api/users/forget` go wrong; a `*` stands for
    /// anything. Paths are compared as they come, encoded.
    pub fn fault(&self, fault: Fault, on: impl Into<String>, times: u32) {
        self.shared.plan(Planned { fault, on: on.into(), times });
    }

    /// Deliveries that ended, in that order, then those that wait.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.shared.with(|project| project.outbox.all())
    }

    /// The next delivery that ended and was not handed out yet; waits for it.
    pub async fn next_delivery(&self) -> Delivery {
        let mut changed = self.shared.changes();
        loop {
            changed.mark_unchanged();
            if let Some(delivery) = self.hand_out() {
                return delivery;
            }
            // The sender lives in `shared`, so waiting cannot fail.
            let _ = changed.changed().await;
        }
    }

    fn hand_out(&self) -> Option<Delivery> {
        let mut handed_out = lock(&self.handed_out);
        let next = self.shared.with(|project| project.outbox.ended(*handed_out).cloned())?;
        debug_assert_ne!(next.outcome, Outcome::Waiting);
        *handed_out += 1;
        Some(next)
    }
}
