//! The resources that a call has used, readable after its store has been dropped.
//! Tested in `tests/all/limits`.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use host_model::contract::observed::ObservedRequest;
use parking_lot::Mutex;

use super::ticks::TICK;

/// Shared between a call's store and the code that waits for its end.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    requests: AtomicU32,
    ticks: AtomicU64,
    memory_bytes: AtomicUsize,
    frames: OnceLock<Vec<String>>,
    may_have_acted: AtomicBool,
    cpu_spent: AtomicBool,
    memory_refused: AtomicBool,
    host_unavailable: AtomicBool,
    sent: Mutex<Vec<Observation>>,
}

/// A request that a call sent.
#[derive(Clone, Debug)]
pub(crate) struct Observation {
    pub(crate) request: ObservedRequest,
    /// The people of the call whom it named, by position.
    pub(crate) names: Vec<usize>,
}

impl Meter {
    /// Counts a request. Returns `false` if `limit` requests have already been made.
    pub(crate) fn request(&self, limit: u32) -> bool {
        self.requests.fetch_update(Relaxed, Relaxed, |made| (made < limit).then_some(made + 1)).is_ok()
    }

    /// Returns the number of requests that have been made.
    pub(crate) fn requests(&self) -> u32 {
        self.requests.load(Relaxed)
    }

    /// Records computing time.
    pub(super) fn computed(&self, ticks: u64) {
        self.ticks.fetch_add(ticks, Relaxed);
    }

    /// Returns the computing time in whole ticks.
    pub(crate) fn computing(&self) -> Duration {
        TICK * u32::try_from(self.ticks.load(Relaxed)).unwrap_or(u32::MAX)
    }

    /// Records that memories have grown by `bytes`.
    pub(super) fn grown(&self, bytes: usize) {
        self.memory_bytes.fetch_add(bytes, Relaxed);
    }

    /// Returns the total size of all memories, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory_bytes.load(Relaxed)
    }

    /// Records the guest's functions when the sandbox ended the call.
    pub(super) fn stopped_in(&self, frames: Vec<String>) {
        let _already_stopped = self.frames.set(frames);
    }

    /// Returns the guest's functions when the sandbox ended the call, innermost first.
    pub(crate) fn frames(&self) -> &[String] {
        self.frames.get().map(Vec::as_slice).unwrap_or_default()
    }

    /// Records a request that was sent, and the people of the call whom it named.
    pub(crate) fn sent(&self, request: ObservedRequest, names: Vec<usize>) {
        self.sent.lock().push(Observation { request, names });
    }

    /// Returns and forgets the requests that were sent, in order.
    pub(crate) fn take_sent(&self) -> Vec<Observation> {
        std::mem::take(&mut self.sent.lock())
    }

    /// Records that a request that may change something is about to be sent.
    pub(crate) fn acting(&self) {
        self.may_have_acted.store(true, Relaxed);
    }

    /// Returns whether the vendor may have acted on this call.
    pub(crate) fn may_have_acted(&self) -> bool {
        self.may_have_acted.load(Relaxed)
    }

    /// Records that the host could not send a request.
    pub(crate) fn host_unavailable(&self) {
        self.host_unavailable.store(true, Relaxed);
    }

    /// Returns whether the host could not send a request of this call.
    pub(crate) fn was_host_unavailable(&self) -> bool {
        self.host_unavailable.load(Relaxed)
    }

    pub(crate) fn cpu_spent(&self) {
        self.cpu_spent.store(true, Relaxed);
    }

    pub(crate) fn is_cpu_spent(&self) -> bool {
        self.cpu_spent.load(Relaxed)
    }

    pub(crate) fn memory_refused(&self) {
        self.memory_refused.store(true, Relaxed);
    }

    pub(crate) fn is_memory_refused(&self) -> bool {
        self.memory_refused.load(Relaxed)
    }
}
