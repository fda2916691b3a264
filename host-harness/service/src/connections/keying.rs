//! Keeps people keyed by the identifiers that identify them, as their connection's plugin and settings define.
//! Tested in `src/service/upgrade_tests.rs`.

use super::{Connections, approval::Approval, change::ChangeError};
use host_harness::{connection::ConnectionSpec, plugin::Plugin};
use host_model::contract::manifest::Identifying;
use host_store::{
    StoreError, Tx,
    alarms::{self, Alarm},
    connections, rekey,
};

/// The alarm for a connection whose people are still keyed as in schema 5.
const NOT_KEYED: &str = "people-not-keyed";

const NOT_KEYED_DETAIL: &str =
    "people who share an identifier may still be one record, and their consents and events wait";

impl Connections {
    /// Refuses `spec` if it changes what identifies people at its connection, the change is not approved, and people
    /// are known there.
    pub(super) async fn check_keying(
        &self,
        spec: &ConnectionSpec,
        approval: Approval,
    ) -> Result<(), ChangeError> {
        if approval == Approval::Given {
            return Ok(());
        }
        match self.plugin_for(spec).await? {
            Some(version) => self.check_keying_on(&version, spec).await,
            None => Ok(()),
        }
    }

    /// Refuses to serve `spec` by `version` if that changes what identifies people there and people are known.
    pub(super) async fn check_keying_on(
        &self,
        version: &Plugin,
        spec: &ConnectionSpec,
    ) -> Result<(), ChangeError> {
        let Some(after) = identifying(version, spec) else { return Ok(()) };
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

    /// Keys the people of the connection with this key by what identifies them now, if the host serves it. If rows
    /// cannot be read, the people stay keyed as they were and an alarm is raised: one connection does not affect
    /// another.
    pub(crate) async fn key_people(&self, key: &str) -> Result<(), StoreError> {
        let Err(error) = self.try_to_key(key).await else { return Ok(()) };
        if matches!(error, StoreError::Closed) {
            return Err(error);
        }
        tracing::error!(connection = key, %error, "people of the connection cannot be rekeyed");
        let (at, key) = (self.clock.date_ms(), key.to_owned());
        let raised = self.store.write(move |tx| {
            Box::pin(async move {
                let Some(tenant) = connections::tenant(tx, &key).await? else { return Ok(()) };
                let detail = format!("{NOT_KEYED_DETAIL}: {error}");
                raise(tx, &tenant, &key, &detail, at).await
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
                let rekeyed = rekey::rekey(tx, &keys, &tenant, &key, &identifying, at).await?;
                alarms::is_over(tx, at, NOT_KEYED, &key).await?;
                Ok(rekeyed.map(|rekeyed| (tenant, key, identifying, rekeyed)))
            })
        });
        if let Some((tenant, connection, identifying, rekeyed)) = rekeyed.await? {
            let (split, people, opt_ins_dropped) = (rekeyed.split, rekeyed.people, rekeyed.opt_ins_dropped);
            tracing::warn!(
                tenant, connection, %identifying, split, people, opt_ins_dropped,
                "people of the connection rekeyed; `connector-host person merged` lists those affected"
            );
        }
        Ok(())
    }

    /// Raises an alarm for each connection whose people could not be keyed because the host does not serve it.
    pub(crate) async fn alarm_not_keyed(&self) -> Result<(), StoreError> {
        let at = self.clock.date_ms();
        let raised = self.store.write(move |tx| {
            Box::pin(async move {
                for (tenant, connection) in connections::not_keyed(tx).await? {
                    let detail = format!("{NOT_KEYED_DETAIL}: its plugin does not load");
                    raise(tx, &tenant, &connection, &detail, at).await?;
                }
                Ok(())
            })
        });
        raised.await
    }
}

/// Returns the kinds that identify people under `spec`, or `None` if it does not suit `version`.
fn identifying(version: &Plugin, spec: &ConnectionSpec) -> Option<Identifying> {
    spec.resolve(version.manifest()).ok().map(|connection| connection.identifying)
}

async fn raise(tx: &mut Tx, tenant: &str, connection: &str, detail: &str, at: i64) -> Result<(), StoreError> {
    let about = connection;
    let alarm = Alarm { tenant, connection: Some(connection), kind: NOT_KEYED, about, detail };
    alarms::raise(tx, at, &alarm).await
}
