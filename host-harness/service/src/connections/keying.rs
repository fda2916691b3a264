//! Keeps people keyed by the identifiers that identify them: their connection's plugin and settings say which.

use super::{Connections, approval::Approval, change::ChangeError};
use host_harness::connection::ConnectionSpec;
use host_model::contract::manifest::Identifying;
use host_store::{
    Connection, StoreError,
    alarms::{self, Alarm},
    connections, rekey,
};

/// A connection whose people are still keyed as schema 5 did.
const NOT_KEYED: &str = "people-not-keyed";

const NOT_KEYED_DETAIL: &str =
    "people who share an identifier may still be one record, and their consents and events wait";

impl Connections {
    /// Refuses `spec` if it changes what identifies people at its connection, nobody has approved of that, and there are people.
    pub(super) async fn check_keying(
        &self,
        spec: &ConnectionSpec,
        approval: Approval,
    ) -> Result<(), ChangeError> {
        let Some(after) = self.identifying(spec).filter(|_| approval == Approval::Missing) else {
            return Ok(());
        };
        let key = spec.key.clone();
        let known = self.store.read(move |c| {
            Box::pin(async move { Ok((connections::keyed_by(c, &key).await?, rekey::count(c, &key).await?)) })
        });
        match known.await? {
            (Some(before), people) if before != after && people > 0 => {
                Err(ChangeError::RekeysPeople { before, after, people })
            }
            _ => Ok(()),
        }
    }

    /// The kinds that identify people under `spec`; `None` if it does not suit its plugin.
    fn identifying(&self, spec: &ConnectionSpec) -> Option<Identifying> {
        let slot = self.served.host().plugin(&spec.plugin)?;
        spec.resolve(slot.current().plugin().manifest()).ok().map(|connection| connection.identifying)
    }

    /// Keys the people of the connection of that key by what identifies them now, if the host carries it. Rows that cannot be read leave
    /// them keyed as they were, with an alarm: one connection stops no other.
    pub(crate) async fn key_people(&self, key: &str) -> Result<(), StoreError> {
        let Err(error) = self.try_to_key(key).await else { return Ok(()) };
        if matches!(error, StoreError::Closed) {
            return Err(error);
        }
        tracing::error!(connection = key, %error, "the connection's people cannot be keyed by what identifies them");
        let (at, key) = (self.clock.date_ms(), key.to_owned());
        let raised = self.store.write(move |tx| {
            Box::pin(async move {
                let Some(tenant) = connections::tenant(tx, &key).await? else { return Ok(()) };
                let detail = format!("{NOT_KEYED_DETAIL}: {error}");
                raise(tx, (&tenant, &key), &detail, at).await
            })
        });
        raised.await
    }

    async fn try_to_key(&self, key: &str) -> Result<(), StoreError> {
        let Ok(calls) = self.served.calls(key) else { return Ok(()) };
        let (tenant, identifying) =
            (calls.connection().tenant.0.clone(), calls.connection().identifying.clone());
        let (keys, at, key) = (self.store.keys(&tenant).await?, self.clock.date_ms(), key.to_owned());
        let rekeyed = self.store.write(move |tx| {
            Box::pin(async move {
                let rekeyed = rekey::rekey(tx, &keys, (&tenant, &key), &identifying, at).await?;
                alarms::is_over(tx, at, NOT_KEYED, &key).await?;
                Ok(rekeyed.map(|rekeyed| (tenant, key, identifying, rekeyed)))
            })
        });
        if let Some((tenant, connection, identifying, rekeyed)) = rekeyed.await? {
            let (split, people, opt_ins_dropped) = (rekeyed.split, rekeyed.people, rekeyed.opt_ins_dropped);
            tracing::warn!(
                tenant, connection, %identifying, split, people, opt_ins_dropped,
                "the connection's people are keyed anew; `connector-host person merged` lists what that was about"
            );
        }
        Ok(())
    }

    /// Raises an alarm for each connection whose people could not be keyed, since the host does not carry it.
    pub(crate) async fn alarm_not_keyed(&self) -> Result<(), StoreError> {
        let at = self.clock.date_ms();
        let raised = self.store.write(move |tx| {
            Box::pin(async move {
                for (tenant, connection) in connections::not_keyed(tx).await? {
                    let detail = format!("{NOT_KEYED_DETAIL}: its plugin does not load");
                    raise(tx, (&tenant, &connection), &detail, at).await?;
                }
                Ok(())
            })
        });
        raised.await
    }
}

async fn raise(
    tx: &mut Connection,
    (tenant, connection): (&str, &str),
    detail: &str,
    at: i64,
) -> Result<(), StoreError> {
    let about = connection;
    let alarm = Alarm { tenant, connection: Some(connection), kind: NOT_KEYED, about, detail };
    alarms::raise(tx, at, &alarm).await
}
