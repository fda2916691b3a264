//! Wakes a loop that waits for work, here and at other replicas.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::announcer::Announcer;

/// Wakes one loop. A ring that arrives while the loop is busy is not lost.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bell {
    here: Arc<Notify>,
    elsewhere: Announcer,
}

impl Bell {
    /// Creates a bell that also wakes the loops of other replicas.
    pub(crate) fn announced_by(elsewhere: Announcer) -> Self {
        Self { here: Arc::default(), elsewhere }
    }

    /// Signals that there may be work.
    pub(crate) fn ring(&self) {
        self.ring_here();
        self.elsewhere.announce();
    }

    /// Signals that another replica says so.
    pub(crate) fn ring_here(&self) {
        self.here.notify_one();
    }

    /// Waits until the bell is rung.
    pub(crate) async fn rung(&self) {
        self.here.notified().await;
    }
}
