//! Notifications between processes: that there may be something new. They accelerate what polling finds anyway, so that one
//! that is lost costs a moment.

use sqlx::postgres::PgListener;

use super::patience::{CONNECT, within};
use crate::{address::PostgresAddress, error::StoreError};

/// The channel, which each database has for itself.
const CHANNEL: &str = "connector_host";

/// Sends a notification, in a transaction of its own: one that notifies holds up the commits of the whole server.
pub(super) const NOTIFY: &str = "SELECT pg_notify('connector_host', '')";

/// Receives the notifications of a database.
pub struct DatabaseListener(PgListener);

impl std::fmt::Debug for DatabaseListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DatabaseListener")
    }
}

impl DatabaseListener {
    /// Connects to the database at `address`, which must not be behind a pooler: that would never deliver.
    pub async fn connect(address: &PostgresAddress) -> Result<Self, StoreError> {
        let listening = async {
            let mut listener = PgListener::connect(&address.with_password()).await?;
            listener.listen(CHANNEL).await?;
            Ok::<_, sqlx::Error>(Self(listener))
        };
        within(CONNECT, listening).await
    }

    /// Waits for a notification. Returns an error if the connection is lost: what was sent meanwhile is not received.
    pub async fn heard(&mut self) -> Result<(), StoreError> {
        match self.0.try_recv().await? {
            Some(_) => Ok(()),
            None => Err(StoreError::Closed),
        }
    }
}
