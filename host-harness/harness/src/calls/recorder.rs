//! Collects what the host observes in calls, also in those that fail.

use std::sync::Arc;

use parking_lot::Mutex;

use host_model::contract::observed::Observed;

/// Collects what the host observes in the calls that it is given to. Clones collect into the same record.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Arc<Mutex<Observed>>);

impl Recorder {
    /// Returns and forgets what was observed so far.
    pub fn take(&self) -> Observed {
        std::mem::take(&mut self.0.lock())
    }

    pub(super) fn add(&self, observed: Observed) {
        self.0.lock().extend(observed);
    }
}
