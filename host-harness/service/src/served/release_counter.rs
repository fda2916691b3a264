//! Counts the calls of both versions of a release until they are stored.
//! Tested in `api/src/tests/releases.rs`.

use std::{collections::BTreeMap, mem, sync::Arc, time::Duration};

use host_model::release::{
    compared::CountPlace,
    counts::{CallCounts, CallEnd},
};
use host_store::release_counts::AcceptedErasure;
use parking_lot::Mutex;

/// What was counted of a release since it was last stored.
#[derive(Debug, Default)]
pub(crate) struct ReleaseCounts {
    pub(crate) calls: BTreeMap<CountPlace, CallCounts>,
    pub(crate) accepted: Vec<AcceptedErasure>,
}

/// The counts of all releases, by the release's id. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReleaseCounter(Arc<Mutex<BTreeMap<String, ReleaseCounts>>>);

impl ReleaseCounter {
    pub(super) fn add(&self, release: &str, place: CountPlace, end: CallEnd, took: Duration) {
        let mut counts = self.0.lock();
        counts.entry(release.to_owned()).or_default().calls.entry(place).or_default().record(end, took);
    }

    pub(super) fn add_accepted(&self, release: &str, erasure: AcceptedErasure) {
        self.0.lock().entry(release.to_owned()).or_default().accepted.push(erasure);
    }

    /// Takes what was counted, by the release's id.
    pub(crate) fn take(&self) -> BTreeMap<String, ReleaseCounts> {
        mem::take(&mut self.0.lock())
    }

    /// Puts back what could not be stored.
    pub(crate) fn put_back(&self, release: String, unstored: ReleaseCounts) {
        let mut counts = self.0.lock();
        let counts = counts.entry(release).or_default();
        for (place, calls) in unstored.calls {
            counts.calls.entry(place).or_default().merge(&calls);
        }
        counts.accepted.extend(unstored.accepted);
    }
}
