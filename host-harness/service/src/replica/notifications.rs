//! Notifications between replicas, by way of the database: that there may be work, or changes to serve. Polling finds both
//! anyway.

use std::time::Duration;

use host_store::{DatabaseListener, PostgresAddress, Store};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::{announcer::Announcer, bell::Bell, sync_state::SyncState, telemetry::Telemetry};

/// How long announcements are collected: one notification stands for all of them.
const COLLECTED_FOR: Duration = Duration::from_millis(20);

/// How long the listener waits for the notification that it has sent itself. A pooler accepts `LISTEN` and never delivers.
const SELF_TEST: Duration = Duration::from_secs(5);

/// How long the listener hears nothing before it sends itself a notification again: a server whose machine has vanished closes no
/// connection.
const MAX_QUIET: Duration = Duration::from_mins(1);

/// How long until it connects again.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// How long until it connects again after it has heard nothing.
const AGAIN_AFTER_SILENCE: Duration = Duration::from_mins(5);

/// Sends and receives notifications.
pub(crate) struct Notifications {
    pub(crate) store: Store,
    /// Where they are received; `None` if the database is a file.
    pub(crate) address: Option<PostgresAddress>,
    pub(crate) announcer: Announcer,
    /// Rung when another replica has announced something.
    pub(crate) bells: [Bell; 2],
    pub(crate) sync: SyncState,
    pub(crate) telemetry: Telemetry,
}

impl Notifications {
    /// Sends what is announced, and wakes this replica for what others announce, until `stop` is cancelled.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let Some(address) = &self.address else { return stop.cancelled().await };
        let both = async { tokio::join!(self.send(), self.receive(address)) };
        stop.run_until_cancelled(both).await;
    }

    async fn send(&self) {
        loop {
            self.announcer.announced(COLLECTED_FOR).await;
            let sent = self.store.notify().await;
            self.telemetry.notification(if sent.is_ok() { "sent" } else { "not-sent" });
            if let Err(error) = sent {
                tracing::debug!(%error, "notification not sent; the others find out by polling");
            }
        }
    }

    async fn receive(&self, address: &PostgresAddress) {
        loop {
            let again_after = match Box::pin(self.listen(address)).await {
                Ok(never) => match never {},
                Err(NotListening::Lost(error)) => {
                    tracing::warn!(%error, "connection for notifications lost; polling meanwhile");
                    AGAIN_AFTER
                }
                Err(NotListening::Unanswered) => {
                    tracing::warn!("notifications do not arrive any more; polling meanwhile");
                    AGAIN_AFTER
                }
                Err(NotListening::Silent) => {
                    tracing::warn!(
                        next = "set listen-url to an address without a pooler",
                        "no notifications arrive at this replica; it finds work and changes by polling"
                    );
                    AGAIN_AFTER_SILENCE
                }
            };
            sleep(again_after).await;
        }
    }

    async fn listen(&self, address: &PostgresAddress) -> Result<std::convert::Infallible, NotListening> {
        let mut listener = DatabaseListener::connect(address).await?;
        self.announcer.announce();
        timeout(SELF_TEST, listener.heard()).await.map_err(|_| NotListening::Silent)??;
        loop {
            self.bells.iter().for_each(Bell::ring_here);
            self.sync.want();
            if let Ok(heard) = timeout(MAX_QUIET, listener.heard()).await {
                heard?;
            } else {
                self.announcer.announce();
                timeout(SELF_TEST, listener.heard()).await.map_err(|_| NotListening::Unanswered)??;
            }
            self.telemetry.notification("received");
        }
    }
}

/// Why no notifications are received.
enum NotListening {
    /// The connection was lost, or was not made.
    Lost(host_store::StoreError),
    /// Not even the replica's own arrive.
    Silent,
    /// They do not arrive any more.
    Unanswered,
}

impl From<host_store::StoreError> for NotListening {
    fn from(error: host_store::StoreError) -> Self {
        Self::Lost(error)
    }
}

#[cfg(test)]
mod tests;
