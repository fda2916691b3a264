//! What a call has used up, readable after its store is gone.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// Shared between a call's store and whoever waits for its end.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    requests: AtomicU32,
    may_have_acted: AtomicBool,
    cpu_spent: AtomicBool,
    memory_refused: AtomicBool,
}

impl Meter {
    /// Counts a request; false where `limit` of them have been made.
    pub(crate) fn request(&self, limit: u32) -> bool {
        self.requests.fetch_update(Relaxed, Relaxed, |made| (made < limit).then_some(made + 1)).is_ok()
    }

    /// A request that may change something is about to leave.
    pub(crate) fn acting(&self) {
        self.may_have_acted.store(true, Relaxed);
    }

    /// Whether the vendor may have acted on this call.
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
