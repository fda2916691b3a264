//! Wakes a loop that waits for work.

use std::sync::Arc;

use tokio::sync::Notify;

/// Wakes one loop. A ring that arrives while the loop is busy is not lost.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bell(Arc<Notify>);

impl Bell {
    /// Signals that there may be work.
    pub(crate) fn ring(&self) {
        self.0.notify_one();
    }

    /// Waits until the bell is rung.
    pub(crate) async fn rung(&self) {
        self.0.notified().await;
    }
}
