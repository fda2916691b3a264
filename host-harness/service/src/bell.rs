//! What wakes a loop that waits for work.

use std::sync::Arc;

use tokio::sync::Notify;

/// Wakes one loop. A ring that comes while it is busy is not lost.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bell(Arc<Notify>);

impl Bell {
    /// There may be work.
    pub(crate) fn ring(&self) {
        self.0.notify_one();
    }

    /// Ends once it has been rung.
    pub(crate) async fn rung(&self) {
        self.0.notified().await;
    }
}
