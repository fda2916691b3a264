//! The host carries what the database has: connections that suit their plugins are served, the others listed with their problem.

use host_store::{
    StoreError,
    alarms::{self, Alarm},
    connections::Kept,
};

use super::{
    Connections,
    owned::{self, Owned},
};

/// A connection that cannot be read.
pub(super) const UNREADABLE: &str = "connection-unreadable";

impl Connections {
    /// Puts `owned` on the host and keys its people. If it does not suit its plugin, that is noted, and what was there before is
    /// taken away.
    pub(crate) async fn carry(&self, owned: &Owned) -> Result<(), StoreError> {
        self.served.carry(owned.for_calls(self.served.public_url()));
        self.key_people(&owned.spec.key).await
    }

    /// Puts every connection of the database on the host.
    pub async fn carry_all(&self) -> Result<(), StoreError> {
        for owned in owned::all(&self.store).await?.owned {
            self.carry(&owned).await?;
        }
        Ok(())
    }

    /// Raises an alarm for each connection that cannot be read.
    pub(crate) async fn tell_unreadable(
        &self,
        unreadable: Vec<(Kept, StoreError)>,
    ) -> Result<(), StoreError> {
        let at = self.clock.date_ms();
        for (kept, error) in unreadable {
            tracing::error!(tenant = kept.tenant, connection = kept.key, %error, "the connection cannot be read and is not served");
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
