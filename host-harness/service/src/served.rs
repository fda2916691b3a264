//! The connections that the host serves, each by which version, and the reasons that it does not serve the others.

mod not_served;
pub(crate) mod release;
pub(crate) mod release_counter;
pub(crate) mod serving;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Release},
        },
    },
    time::Duration,
};

use host_harness::{
    connection::ConnectionSpec,
    host::Host,
    plugin::{Plugin, RetiredVersion},
    sandbox::Calls,
};
use host_model::{
    digest::Digest,
    release::{call_kind::CallKind, counts::CallEnd},
};
use host_store::{pins::Pin, releases::SteppedRelease};
use parking_lot::Mutex;
use tokio::sync::Notify;

pub use self::not_served::{NotServed, ServingProblem};
use self::{
    release::{DrainingVersion, Participants, ServedConnections, ServedReleases},
    release_counter::ReleaseCounter,
    serving::{ConnectionCalls, InRelease, ReleasedCalls, ServingCalls},
};
use crate::sync_state::SyncState;

/// The version that is to serve a connection.
#[derive(Clone, Debug)]
pub(crate) enum ServingVersion {
    /// The one that its plugin runs.
    Running,
    /// The one that it is pinned to.
    Pinned(Pin, Arc<Plugin>),
    /// The one that it is pinned to, which cannot be used.
    Unusable(Pin, ServingProblem),
}

impl ServingVersion {
    /// Returns the pin that decides; `None` if none does.
    pub(crate) fn pin(&self) -> Option<&Pin> {
        match self {
            Self::Running => None,
            Self::Pinned(pin, _) | Self::Unusable(pin, _) => Some(pin),
        }
    }
}

/// What decides which version serves which connection. It differs if any of them is served by another version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServingState {
    /// The number of changes of connections, pins and releases.
    changes: u64,
    /// The version that each plugin runs.
    running: Vec<Digest>,
}

/// The host, with the pins and problems of its connections. Clones share everything.
#[derive(Clone)]
pub struct Served {
    host: Arc<Host>,
    problems: Arc<Mutex<BTreeMap<String, ServingProblem>>>,
    /// The pins that decide about connections, by the connection's key.
    pins: Arc<Mutex<BTreeMap<String, Pin>>>,
    releases: ServedReleases,
    counter: ReleaseCounter,
    /// Notified when another version may read deliveries that could not be read.
    unread: Arc<Notify>,
    changes: Arc<AtomicU64>,
    /// The address at which vendors reach this service, for connections without an address of their own.
    public_url: Option<Arc<str>>,
    sync: SyncState,
}

impl Served {
    pub(crate) fn new(host: Host, public_url: Option<&str>, sync: SyncState) -> Self {
        Self {
            host: Arc::new(host),
            problems: Arc::default(),
            pins: Arc::default(),
            releases: ServedReleases::default(),
            counter: ReleaseCounter::default(),
            unread: Arc::default(),
            changes: Arc::default(),
            public_url: public_url.map(Arc::from),
            sync,
        }
    }

    /// Returns the calls of the connection with this key that are about no single person, on the version that serves it: the
    /// one that it is pinned to, the one that its plugin runs, or the one that is released to it.
    pub fn calls(&self, key: &str) -> Result<Calls, NotServed> {
        self.of_connection(key).map(|of| of.calls().clone())
    }

    /// Returns the version that serves the calls of the connection with this key that are about no single person.
    pub(crate) fn of_connection(&self, key: &str) -> Result<ConnectionCalls, NotServed> {
        ConnectionCalls::of(self.serving(key)?)
    }

    /// Returns the versions that serve the people of the connection with this key now.
    pub(crate) fn serving(&self, key: &str) -> Result<ServingCalls, NotServed> {
        let running = self.host.connection(key).map_err(|unknown| match self.problem(key) {
            Some(problem) => NotServed::Problem { connection: key.to_owned(), problem: Box::new(problem) },
            None => NotServed::Unknown(unknown),
        })?;
        let release = self.releases.with_connection(key).and_then(|release| {
            let calls = match &release.participants {
                Participants::Loaded(slot) => ReleasedCalls::Here(self.host.connection_in(slot, key)?),
                Participants::NotLoaded(_) => ReleasedCalls::Elsewhere,
            };
            Some(InRelease { release, calls, counter: self.counter.clone() })
        });
        Ok(ServingCalls::of(running, release))
    }

    /// Returns the version of a plugin with this digest if it serves, all of the plugin's connections or some of them.
    pub(crate) fn version(&self, plugin: &str, digest: Digest) -> Option<Arc<Plugin>> {
        let serving = self.host.serving_version(plugin, digest);
        serving.or_else(|| self.released_version(plugin, digest))
    }

    /// Returns the version of a plugin with this digest if it is being released and loaded for that.
    pub(crate) fn released_version(&self, plugin: &str, digest: Digest) -> Option<Arc<Plugin>> {
        self.releases.version(plugin, digest)
    }

    /// Serves `release`, which is in progress, by `version`, which is the released one.
    pub(crate) fn put_release(&self, release: &SteppedRelease, version: &Arc<Plugin>) -> ServedConnections {
        let connections = self.releases.put(release, version);
        self.changes.fetch_add(1, Release);
        connections
    }

    /// Serves `release`, which is in progress, although its version is not loaded here: only the people and connections that the
    /// version before still has. Those that were moved to the released version must not be moved back.
    pub(crate) fn lacks_release(&self, release: &SteppedRelease) -> ServedConnections {
        let running = self.host.plugin(&release.plugin).map(|slot| slot.current());
        let served = running.iter().flat_map(|running| running.connections());
        let keys = served.map(|connection| connection.key.clone()).collect();
        let connections = self.releases.put_not_loaded(release, keys);
        self.changes.fetch_add(1, Release);
        connections
    }

    /// Ends the release of `plugin`. The version that it runs serves all connections that took part.
    pub(crate) fn end_release(&self, plugin: &str) {
        self.releases.remove(plugin);
        self.changes.fetch_add(1, Release);
        self.unread.notify_one();
    }

    /// Notes that `version` could not read a delivery of the connection with this key, which another version may.
    pub(crate) fn could_not_read(&self, key: &str, version: Digest) {
        let runs_another = |serving: ServingCalls| serving.running().plugin().digest() != version;
        if self.serving(key).is_ok_and(runs_another) {
            self.unread.notify_one();
        }
    }

    /// Completes when another version may read deliveries that could not be read, since this was last waited for: a release has
    /// ended, or its version could not read one.
    pub(crate) async fn may_read_again(&self) {
        self.unread.notified().await;
    }

    /// Returns the versions that were replaced, on which calls still run.
    pub(crate) fn draining(&self) -> Vec<DrainingVersion> {
        let plugins = self.host.plugins();
        let retired = plugins.iter().flat_map(|(plugin, slot)| {
            let version = |retired: RetiredVersion| DrainingVersion {
                plugin: plugin.clone(),
                digest: retired.digest,
                calls: retired.in_flight,
            };
            slot.retired().into_iter().map(version)
        });
        retired.chain(self.releases.draining()).collect()
    }

    /// Returns the plugins whose released version is not loaded here.
    pub(crate) fn lacking_releases(&self) -> Vec<String> {
        self.releases.all_lacking()
    }

    /// Counts a delivery to the connection with this key that `version` refused at the door, if that is one of a release.
    pub(crate) fn count_unauthenticated(&self, key: &str, version: Digest) {
        if let Ok(serving) = self.serving(key) {
            serving.count(CallKind::WebhookVerify, version, CallEnd::Unauthenticated, Duration::ZERO);
        }
    }

    /// Returns what was counted of the calls of releases.
    pub(crate) fn counter(&self) -> &ReleaseCounter {
        &self.counter
    }

    /// Returns how far this replica serves the changes of the others.
    pub(crate) fn sync(&self) -> &SyncState {
        &self.sync
    }

    /// Returns the host itself, for its plugins.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Returns the keys of the served connections, in order.
    pub fn keys(&self) -> Vec<String> {
        self.host.connection_keys()
    }

    /// Returns the address at which vendors reach this service, if configured.
    pub fn public_url(&self) -> Option<&str> {
        self.public_url.as_deref()
    }

    /// Returns why the connection with this key is not served, or `None` if it is served.
    pub fn problem(&self, key: &str) -> Option<ServingProblem> {
        let problem = self.problems.lock().get(key).cloned();
        problem.or_else(|| self.releases.lacking(key).map(ServingProblem::NotLoaded))
    }

    /// Returns the pin that decides about the connection with this key; `None` if none does.
    pub fn pin(&self, key: &str) -> Option<Pin> {
        self.pins.lock().get(key).cloned()
    }

    /// Returns the keys of the connections that cannot be served as they are.
    pub(crate) fn unserved(&self) -> Vec<String> {
        self.problems.lock().keys().cloned().collect()
    }

    /// Returns the connections whose pinned version cannot be used.
    pub(crate) fn with_unusable_version(&self) -> Vec<String> {
        let problems = self.problems.lock();
        let unusable = |problem: &ServingProblem| {
            matches!(problem, ServingProblem::ForeignPin | ServingProblem::PinnedVersion { .. })
        };
        problems.iter().filter(|(_, problem)| unusable(problem)).map(|(key, _)| key.clone()).collect()
    }

    /// Returns what decides now which version serves which connection.
    pub(crate) fn state(&self) -> ServingState {
        // Read first: a change after it is seen the next time.
        let changes = self.changes.load(Acquire);
        let plugins = self.host.plugins();
        ServingState {
            changes,
            running: plugins.values().map(|slot| slot.current().plugin().digest()).collect(),
        }
    }

    /// Serves `spec` by `version` from now on, replacing the connection with its key. If that is not possible, everything
    /// stays as it is.
    pub(crate) fn put(&self, spec: ConnectionSpec, version: &ServingVersion) -> Result<(), ServingProblem> {
        let key = spec.key.clone();
        match version {
            ServingVersion::Running => {
                self.host.put_connection(spec.clone())?;
                self.releases.join(&spec);
            }
            ServingVersion::Pinned(_, plugin) => {
                self.host.put_connection_on(plugin, spec)?;
                self.releases.leave(&key);
            }
            ServingVersion::Unusable(_, problem) => return Err(problem.clone()),
        }
        self.problems.lock().remove(&key);
        self.note_pin(&key, version);
        Ok(())
    }

    /// Serves `spec` by `version` from now on. If that is not possible, the connection is no longer served and its problem
    /// is recorded.
    pub(crate) fn serve(&self, spec: ConnectionSpec, version: &ServingVersion) {
        let key = spec.key.clone();
        if let Err(problem) = self.put(spec, version) {
            tracing::warn!(connection = %key, %problem, "connection not served");
            self.host.remove_connection(&key);
            self.releases.leave(&key);
            self.problems.lock().insert(key.clone(), problem);
            self.note_pin(&key, version);
        }
    }

    /// Stops serving the connection with this key, because of `problem`.
    pub(crate) fn cannot_serve(&self, key: &str, problem: ServingProblem) {
        self.host.remove_connection(key);
        self.releases.leave(key);
        self.problems.lock().insert(key.to_owned(), problem);
        self.changes.fetch_add(1, Release);
    }

    /// Stops serving the connection with this key.
    pub(crate) fn remove(&self, key: &str) {
        self.host.remove_connection(key);
        self.releases.leave(key);
        self.problems.lock().remove(key);
        self.pins.lock().remove(key);
        self.changes.fetch_add(1, Release);
    }

    fn note_pin(&self, key: &str, version: &ServingVersion) {
        match version.pin() {
            Some(pin) => drop(self.pins.lock().insert(key.to_owned(), pin.clone())),
            None => drop(self.pins.lock().remove(key)),
        }
        self.changes.fetch_add(1, Release);
    }
}
