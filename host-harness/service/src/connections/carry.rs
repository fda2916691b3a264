//! Loads the database's connections into the host: those that suit their plugins are served, the others are listed
//! with their problem.
//! Tested in `api/src/tests/connections.rs`.

use host_store::{
    StoreError,
    alarms::{self, Alarm},
    connections::StoredConnection,
};

use super::{
    Connections,
    owned::{self, OwnedConnection},
};

/// The alarm for a connection that cannot be read.
pub(super) const UNREADABLE: &str = "connection-unreadable";

impl Connections {
    /// Loads `owned` into the host, on the version that it is pinned to or the one that its plugin runs, and keys its people.
    /// If it does not suit that version, the problem is recorded and the connection is no longer served.
    pub(crate) async fn load_connection(&self, owned: &OwnedConnection) -> Result<(), StoreError> {
        let version = self.serving_version(&owned.spec).await?;
        self.served.serve(owned.for_calls(self.served.public_url()), &version);
        self.report_serving(&owned.spec, &version).await?;
        self.key_people(&owned.spec.key).await
    }

    /// Same as [`load_all`](Self::load_all) once a version serves and is stored, which a failure must not take back: it is
    /// logged.
    pub(super) async fn load_all_again(&self) {
        if let Err(error) = self.load_all().await {
            tracing::error!(%error, "connections not loaded again after a version began to serve");
        }
        if let Err(error) = self.report_signatures().await {
            tracing::error!(%error, "signature of a version that began to serve not looked at");
        }
    }

    /// Loads every connection of the database into the host.
    pub async fn load_all(&self) -> Result<(), StoreError> {
        for owned in owned::all(&self.store).await?.owned {
            self.load_connection(&owned).await?;
        }
        Ok(())
    }

    /// Raises an alarm for each connection that cannot be read.
    pub(crate) async fn report_unreadable(
        &self,
        unreadable: Vec<(StoredConnection, StoreError)>,
    ) -> Result<(), StoreError> {
        let at = self.clock.date_ms();
        for (kept, error) in unreadable {
            tracing::error!(
                tenant = kept.tenant, connection = kept.key, %error,
                "connection unreadable and not served"
            );
            let raised = self.store.write(move |tx| {
                Box::pin(async move {
                    let alarm = Alarm {
                        tenant: &kept.tenant,
                        connection: Some(&kept.key),
                        kind: UNREADABLE,
                        about: &kept.key,
                        detail: &format!(
                            "it is not served: {error}; delete it, or reload the file that names it"
                        ),
                    };
                    alarms::raise(tx, at, &alarm).await
                })
            });
            raised.await?;
        }
        Ok(())
    }
}
