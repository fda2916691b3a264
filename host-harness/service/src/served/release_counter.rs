//! Counts the calls of both versions of a release, and keeps what is not stored yet.
//! Tested in `api/src/tests/releases.rs`.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::Arc,
    time::Duration,
};

use host_model::release::{
    compared::CountPlace,
    counts::{CallCounts, CallEnd},
};
use host_store::release_counts::AcceptedErasure;
use parking_lot::Mutex;
use uuid::Uuid;

/// What was counted of a release and is not stored.
#[derive(Debug, Default)]
pub(crate) struct UnstoredCounts {
    /// The totals of this process at the places where they have changed.
    pub(crate) totals: BTreeMap<CountPlace, CallCounts>,
    pub(crate) accepted: Vec<AcceptedErasure>,
}

#[derive(Debug, Default)]
struct CountedRelease {
    totals: BTreeMap<CountPlace, CallCounts>,
    changed: BTreeSet<CountPlace>,
    accepted: Vec<AcceptedErasure>,
}

impl CountedRelease {
    fn take(&mut self) -> UnstoredCounts {
        let changed = mem::take(&mut self.changed);
        let total = |place: CountPlace| self.totals.get(&place).cloned().map(|total| (place, total));
        UnstoredCounts {
            totals: changed.into_iter().filter_map(total).collect(),
            accepted: mem::take(&mut self.accepted),
        }
    }

    fn is_stored(&self) -> bool {
        self.changed.is_empty() && self.accepted.is_empty()
    }
}

/// The counts of all releases, by the release's id. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct ReleaseCounter {
    /// The id under which this process stores its totals. Another one than that of the replica, which may be that of an earlier
    /// process.
    process: Arc<str>,
    releases: Arc<Mutex<BTreeMap<String, CountedRelease>>>,
}

impl Default for ReleaseCounter {
    fn default() -> Self {
        Self { process: Uuid::now_v7().to_string().into(), releases: Arc::default() }
    }
}

impl ReleaseCounter {
    pub(super) fn add(&self, release: &str, place: CountPlace, end: CallEnd, took: Duration) {
        let mut releases = self.releases.lock();
        let counted = releases.entry(release.to_owned()).or_default();
        counted.totals.entry(place.clone()).or_default().record(end, took);
        counted.changed.insert(place);
    }

    pub(super) fn add_accepted(&self, release: &str, erasure: AcceptedErasure) {
        self.releases.lock().entry(release.to_owned()).or_default().accepted.push(erasure);
    }

    /// Returns the id under which this process stores its totals.
    pub(crate) fn process(&self) -> &Arc<str> {
        &self.process
    }

    /// Takes what is not stored, by the release's id.
    pub(crate) fn take(&self) -> BTreeMap<String, UnstoredCounts> {
        let mut releases = self.releases.lock();
        let unstored = releases.iter_mut().filter(|(_, counted)| !counted.is_stored());
        unstored.map(|(release, counted)| (release.clone(), counted.take())).collect()
    }

    /// Puts back what may not have been stored.
    pub(crate) fn put_back(&self, release: String, unstored: &UnstoredCounts) {
        let mut releases = self.releases.lock();
        let counted = releases.entry(release).or_default();
        counted.changed.extend(unstored.totals.keys().cloned());
        counted.accepted.extend(&unstored.accepted);
    }

    /// Forgets what was counted of a release that has ended.
    pub(crate) fn forget(&self, release: &str) {
        self.releases.lock().remove(release);
    }
}
