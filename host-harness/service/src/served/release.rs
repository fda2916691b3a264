//! Releases in steps as this replica serves them.

use std::{collections::BTreeMap, sync::Arc};

use host_harness::{
    connection::ConnectionSpec,
    plugin::{Plugin, Slot, Uses},
};
use host_model::{
    digest::Digest,
    release::{plan::ReleasePlan, share::Share},
};
use host_store::releases::SteppedRelease;
use parking_lot::{Mutex, RwLock};

/// A release in steps. Each of its states is another value.
#[derive(Debug)]
pub(crate) struct ServedRelease {
    pub(super) id: String,
    pub(super) plan: ReleasePlan,
    pub(super) share: Share,
    /// The released version, with the connections that take part.
    pub(super) slot: Arc<Slot>,
}

/// The release of a plugin at this replica.
#[derive(Clone, Debug)]
enum ReleaseHere {
    Loaded(Arc<ServedRelease>),
    /// The released version does not load here, or not yet.
    NotLoaded(Digest),
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
    in_progress: Arc<RwLock<BTreeMap<String, ReleaseHere>>>,
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
        let mut releases = self.in_progress.write();
        let kept = match releases.get(&release.plugin) {
            Some(ReleaseHere::Loaded(known)) if known.id == release.id => Some(Arc::clone(&known.slot)),
            _ => None,
        };
        let connections = if kept.is_some() { ServedConnections::Kept } else { ServedConnections::Outdated };
        let served = ServedRelease {
            id: release.id.clone(),
            plan: release.plan.clone(),
            share: release.state.share(),
            slot: kept.unwrap_or_else(|| Arc::new(Slot::of(Arc::clone(version)))),
        };
        releases.insert(release.plugin.clone(), ReleaseHere::Loaded(Arc::new(served)));
        connections
    }

    /// Notes that the released version of `plugin` is not loaded here.
    pub(super) fn put_not_loaded(&self, plugin: &str, digest: Digest) -> ServedConnections {
        let before = self.in_progress.write().insert(plugin.to_owned(), ReleaseHere::NotLoaded(digest));
        match before {
            Some(ReleaseHere::NotLoaded(before)) if before == digest => ServedConnections::Kept,
            _ => ServedConnections::Outdated,
        }
    }

    /// Notes that `plugin` has no release in progress.
    pub(super) fn remove(&self, plugin: &str) -> ServedConnections {
        match self.in_progress.write().remove(plugin) {
            None => ServedConnections::Kept,
            // The version before serves all of them.
            Some(ReleaseHere::Loaded(release)) => {
                let (digest, calls) = (release.plan.version(), release.slot.current().plugin().uses());
                self.ended.lock().push(EndedRelease { plugin: plugin.to_owned(), digest, calls });
                ServedConnections::Kept
            }
            Some(ReleaseHere::NotLoaded(_)) => ServedConnections::Outdated,
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
        self.in_progress.read().values().find_map(|here| match here {
            ReleaseHere::Loaded(release) if release.slot.current().connection(key).is_some() => {
                Some(Arc::clone(release))
            }
            ReleaseHere::Loaded(_) | ReleaseHere::NotLoaded(_) => None,
        })
    }

    /// Returns the version of `plugin` with this digest if it is being released.
    pub(super) fn version(&self, plugin: &str, digest: Digest) -> Option<Arc<Plugin>> {
        match self.in_progress.read().get(plugin) {
            Some(ReleaseHere::Loaded(release)) if release.plan.version() == digest => {
                Some(Arc::clone(release.slot.current().plugin().uncounted()))
            }
            _ => None,
        }
    }

    /// Returns the version that is to serve a share of the connections of `plugin` and is not loaded.
    pub(super) fn lacking(&self, plugin: &str) -> Option<Digest> {
        match self.in_progress.read().get(plugin) {
            Some(ReleaseHere::NotLoaded(digest)) => Some(*digest),
            _ => None,
        }
    }

    /// Returns the plugins whose released version is not loaded.
    pub(super) fn all_lacking(&self) -> Vec<String> {
        let releases = self.in_progress.read();
        let lacking = releases.iter().filter(|(_, here)| matches!(here, ReleaseHere::NotLoaded(_)));
        lacking.map(|(plugin, _)| plugin.clone()).collect()
    }

    /// Has `spec`, which the version that its plugin runs serves, take part in the release of its plugin. One whose settings
    /// do not fit the released version does not.
    pub(super) fn join(&self, spec: &ConnectionSpec) {
        for (plugin, here) in self.in_progress.read().iter() {
            let ReleaseHere::Loaded(release) = here else { continue };
            let slot = &release.slot;
            if *plugin != spec.plugin {
                slot.remove(&spec.key);
            } else if let Err(errors) = slot.put(spec.clone()) {
                let (key, digest, errors) = (&spec.key, release.plan.version(), errors.len());
                slot.remove(key);
                tracing::warn!(connection = %key, %digest, errors, "connection takes no part in the release: its settings do not fit");
            }
        }
    }

    /// Has the connection with this key take part in no release.
    pub(super) fn leave(&self, key: &str) {
        for here in self.in_progress.read().values() {
            if let ReleaseHere::Loaded(release) = here {
                release.slot.remove(key);
            }
        }
    }
}
