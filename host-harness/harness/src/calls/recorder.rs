//! Collects what the host observes in calls, also in those that fail.

use std::sync::Arc;

use parking_lot::Mutex;

use host_model::contract::observed::Observed;

/// What the host observed in some calls.
#[derive(Clone, Debug, Default)]
pub struct CallsRecord {
    /// The requests that were sent, and what they show.
    pub observed: Observed,
    /// Whether the host could not send a request, such as while its database did not respond.
    pub was_host_unavailable: bool,
}

/// Collects what the host observes in the calls that it is given to. Clones collect into the same record.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Arc<Mutex<CallsRecord>>);

impl Recorder {
    /// Returns and forgets what was observed so far.
    pub fn take(&self) -> CallsRecord {
        std::mem::take(&mut self.0.lock())
    }

    pub(super) fn add(&self, later: CallsRecord) {
        let mut record = self.0.lock();
        record.observed.extend(later.observed);
        record.was_host_unavailable |= later.was_host_unavailable;
    }
}
