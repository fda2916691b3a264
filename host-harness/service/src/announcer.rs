//! Announces to other replicas that there may be something new.

use std::sync::Arc;

use tokio::sync::Notify;

/// Announces to other replicas that there may be work, or changes to serve. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Announcer(Arc<Notify>);

impl Announcer {
    /// Announces, a moment later.
    pub(crate) fn announce(&self) {
        self.0.notify_one();
    }

    /// Waits for an announcement.
    pub(crate) async fn announced(&self) {
        self.0.notified().await;
    }
}
