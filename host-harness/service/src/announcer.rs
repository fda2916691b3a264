//! Announces to other replicas that there may be something new.

use std::{sync::Arc, time::Duration};

use futures::FutureExt as _;
use tokio::{sync::Notify, time::sleep};

/// Announces to other replicas that there may be work, or changes to serve. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Announcer(Arc<Notify>);

impl Announcer {
    /// Announces, a moment later.
    pub(crate) fn announce(&self) {
        self.0.notify_one();
    }

    /// Waits for an announcement and collects those of the next `moment`.
    pub(crate) async fn announced(&self, moment: Duration) {
        self.0.notified().await;
        sleep(moment).await;
        // Those of the moment need no other notification.
        let _collected = self.0.notified().now_or_never();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn announcements_of_a_moment_are_one_and_a_later_one_is_another() {
        const MOMENT: Duration = Duration::from_millis(20);
        let announcer = Announcer::default();
        let is_heard = async || timeout(MOMENT * 10, announcer.announced(MOMENT)).await.is_ok();
        let announce_on = async {
            for _ in 0..10 {
                announcer.announce();
                sleep(MOMENT / 11).await;
            }
        };
        assert!(tokio::join!(is_heard(), announce_on).0);
        assert!(!is_heard().await);
        announcer.announce();
        assert!(is_heard().await);
    }
}
