//! The resources that a call has used, readable after its store has been dropped.
//! Tested in `tests/all/limits`.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// Shared between a call's store and the code that waits for its end.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    requests: AtomicU32,
    may_have_acted: AtomicBool,
    cpu_spent: AtomicBool,
    memory_refused: AtomicBool,
}

impl Meter {
    /// Counts a request. Returns `false` if `limit` requests have already been made.
    pub(crate) fn request(&self, limit: u32) -> bool {
        self.requests.fetch_update(Relaxed, Relaxed, |made| (made < limit).then_some(made + 1)).is_ok()
    }

    /// Records that a request that may change something is about to be sent.
    pub(crate) fn acting(&self) {
        self.may_have_acted.store(true, Relaxed);
    }

    /// Returns whether the vendor may have acted on this call.
    pub(crate) fn may_have_acted(&self) -> bool {
        self.may_have_acted.load(Relaxed)
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
