//! Releases in steps as this replica serves them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use host_harness::{
    connection::ConnectionSpec,
    plugin::{Plugin, Slot, Uses},
};
use host_model::{
    digest::Digest,
    release::{
        plan::{ReleasePlan, Side},
        share::Share,
    },
};
use host_store::releases::SteppedRelease;
use parking_lot::{Mutex, RwLock};

/// A release in steps. Each of its states is another value.
#[derive(Debug)]
pub(crate) struct ServedRelease {
    pub(super) id: String,
    pub(super) plan: ReleasePlan,
    pub(super) share: Share,
    pub(super) participants: Participants,
}

/// The connections that take part in a release.
#[derive(Clone, Debug)]
pub(super) enum Participants {
    /// The released version serves them too.
    Loaded(Arc<Slot>),
    /// The released version does not load here, or not yet: this replica makes only the calls of the version before. Their keys.
    NotLoaded(Arc<Mutex<BTreeSet<String>>>),
}

impl Participants {
    fn include(&self, key: &str) -> bool {
        match self {
            Self::Loaded(slot) => slot.current().connection(key).is_some(),
            Self::NotLoaded(keys) => keys.lock().contains(key),
        }
    }

    fn remove(&self, key: &str) {
        let _known = match self {
            Self::Loaded(slot) => slot.remove(key),
            Self::NotLoaded(keys) => keys.lock().remove(key),
        };
    }

    /// Has a connection take part whose settings fit the released version.
    fn join(&self, spec: &ConnectionSpec, version: Digest) {
        match self {
            Self::Loaded(slot) => {
                if let Err(errors) = slot.put(spec.clone()) {
                    let (key, errors) = (&spec.key, errors.len());
                    slot.remove(key);
                    tracing::warn!(connection = %key, digest = %version, errors, "connection takes no part in the release: its settings do not fit");
                }
            }
            // Whether they fit is not known here. If they do not, the other replicas carry out all of its requests.
            Self::NotLoaded(keys) => {
                keys.lock().insert(spec.key.clone());
            }
        }
    }
}

/// Whether the connections of a plugin have to be served again, since what is loaded for its release has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServedConnections {
    Kept,
    Outdated,
}

/// The releases in progress, by plugin. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServedReleases {
    in_progress: Arc<RwLock<BTreeMap<String, Arc<ServedRelease>>>>,
    /// The versions whose release has ended while calls ran on them.
    ended: Arc<Mutex<Vec<EndedRelease>>>,
}

/// A version that no longer serves, on which calls run at this replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DrainingVersion {
    pub(crate) plugin: String,
    pub(crate) digest: Digest,
    /// How many.
    pub(crate) calls: usize,
}

#[derive(Debug)]
struct EndedRelease {
    plugin: String,
    digest: Digest,
    calls: Uses,
}

impl ServedReleases {
    /// Serves `release` by `version`, which is the released one.
    pub(super) fn put(&self, release: &SteppedRelease, version: &Arc<Plugin>) -> ServedConnections {
        let slot = || Participants::Loaded(Arc::new(Slot::of(Arc::clone(version))));
        self.put_with(release, |known| matches!(known, Participants::Loaded(_)), slot)
    }

    /// Serves the share of `release` that the version before has: the released one is not loaded here. `keys` are those of the
    /// connections that the version before serves.
    pub(super) fn put_not_loaded(
        &self,
        release: &SteppedRelease,
        keys: BTreeSet<String>,
    ) -> ServedConnections {
        let new = || Participants::NotLoaded(Arc::new(Mutex::new(keys)));
        self.put_with(release, |known| matches!(known, Participants::NotLoaded(_)), new)
    }

    /// Serves `release` with the connections that are known to take part, if they are `kept`, or else with `new` ones.
    fn put_with(
        &self,
        release: &SteppedRelease,
        kept: impl Fn(&Participants) -> bool,
        new: impl FnOnce() -> Participants,
    ) -> ServedConnections {
        let mut releases = self.in_progress.write();
        let known = releases.get(&release.plugin).filter(|known| known.id == release.id);
        let known = known.map(|known| known.participants.clone()).filter(kept);
        let connections = if known.is_some() { ServedConnections::Kept } else { ServedConnections::Outdated };
        let served = ServedRelease {
            id: release.id.clone(),
            plan: release.plan.clone(),
            share: release.state.share(),
            participants: known.unwrap_or_else(new),
        };
        releases.insert(release.plugin.clone(), Arc::new(served));
        connections
    }

    /// Notes that `plugin` has no release in progress. The version that it runs serves all of its connections.
    pub(super) fn remove(&self, plugin: &str) {
        let Some(release) = self.in_progress.write().remove(plugin) else { return };
        if let Participants::Loaded(slot) = &release.participants {
            let (digest, calls) = (release.plan.version(), slot.current().plugin().uses());
            self.ended.lock().push(EndedRelease { plugin: plugin.to_owned(), digest, calls });
        }
    }

    /// Returns the versions whose release has ended, on which calls still run.
    pub(super) fn draining(&self) -> Vec<DrainingVersion> {
        let mut ended = self.ended.lock();
        ended.retain(|release| release.calls.left() > 0);
        let draining = ended.iter().map(|EndedRelease { plugin, digest, calls }| DrainingVersion {
            plugin: plugin.clone(),
            digest: *digest,
            calls: calls.left(),
        });
        draining.collect()
    }

    /// Returns the release that the connection with this key takes part in.
    pub(super) fn with_connection(&self, key: &str) -> Option<Arc<ServedRelease>> {
        let releases = self.in_progress.read();
        releases.values().find(|release| release.participants.include(key)).cloned()
    }

    /// Returns the version of `plugin` with this digest if it is being released.
    pub(super) fn version(&self, plugin: &str, digest: Digest) -> Option<Arc<Plugin>> {
        let releases = self.in_progress.read();
        let release = releases.get(plugin).filter(|release| release.plan.version() == digest)?;
        match &release.participants {
            Participants::Loaded(slot) => Some(Arc::clone(slot.current().plugin().uncounted())),
            Participants::NotLoaded(_) => None,
        }
    }

    /// Returns the version that is released to the connection with this key, if it is not loaded.
    pub(super) fn lacking(&self, key: &str) -> Option<Digest> {
        let release = self.with_connection(key)?;
        let is_lacking = matches!(release.participants, Participants::NotLoaded(_))
            && release.plan.side_of_connection(release.share, key) == Side::Released;
        is_lacking.then(|| release.plan.version())
    }

    /// Returns the plugins whose released version is not loaded.
    pub(super) fn all_lacking(&self) -> Vec<String> {
        let releases = self.in_progress.read();
        let lacking =
            releases.iter().filter(|(_, release)| matches!(release.participants, Participants::NotLoaded(_)));
        lacking.map(|(plugin, _)| plugin.clone()).collect()
    }

    /// Has `spec`, which the version that its plugin runs serves, take part in the release of its plugin. One whose settings
    /// do not fit the released version does not.
    pub(super) fn join(&self, spec: &ConnectionSpec) {
        for (plugin, release) in self.in_progress.read().iter() {
            if *plugin == spec.plugin {
                release.participants.join(spec, release.plan.version());
            } else {
                release.participants.remove(&spec.key);
            }
        }
    }

    /// Has the connection with this key take part in no release.
    pub(super) fn leave(&self, key: &str) {
        for release in self.in_progress.read().values() {
            release.participants.remove(key);
        }
    }
}
