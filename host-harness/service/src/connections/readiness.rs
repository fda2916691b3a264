//! Whether the service can do its work.
//! Tested in `api/src/tests/document.rs`.

use std::{collections::BTreeSet, time::Duration};

use super::Connections;
use host_store::{StoreError, components};
use tokio::time::timeout;

/// The time limit: health checks themselves time out after some seconds.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Why the service is not ready.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// The database cannot be read, or does not commit.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Plugins of the file, or published ones, are not loaded.
    #[error("plugins are not loaded: {0:?}")]
    Plugins(BTreeSet<String>),
}

impl Connections {
    /// Checks that the database accepts writes and that every plugin is loaded. Returns the names of the plugins.
    pub async fn readiness(&self) -> Result<Vec<String>, NotReady> {
        let known = timeout(MAX_WAIT, async {
            self.store.answers().await?;
            self.store.read(|connection| Box::pin(components::published_plugins(connection))).await
        });
        let published = known.await.unwrap_or(Err(StoreError::Busy(MAX_WAIT)))?;
        let plugins: Vec<String> = self.served.host().plugins().keys().cloned().collect();
        let required = self.plugins_of_file().chain(&published);
        let lacking: BTreeSet<_> = required.filter(|name| !plugins.contains(name)).cloned().collect();
        if lacking.is_empty() { Ok(plugins) } else { Err(NotReady::Plugins(lacking)) }
    }

    /// Returns whether the database can be read within `limit`. Unlike [`readiness`](Self::readiness), it does not wait
    /// for a transaction that takes long.
    pub(crate) async fn responds_within(&self, limit: Duration) -> bool {
        let read = self.store.read(|connection| Box::pin(components::published_plugins(connection)));
        timeout(limit, read).await.is_ok_and(|read| read.is_ok())
    }
}
