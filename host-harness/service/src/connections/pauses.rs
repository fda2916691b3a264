//! Pauses connections, and resumes those that are paused or parked.
//! Tested in `api/src/tests/paused_connections.rs`.

use serde_json::json;

use super::{Connections, owned::OwnedConnection};
use crate::who::Who;
use host_store::{
    RowChange, StoreError, Tx, Vault, alarms,
    audit::{self, Record},
    connections,
    pauses::{self, Pause},
};

/// What a connection was resumed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResumedFrom {
    /// Whether it was parked.
    pub parking: RowChange,
    /// Whether it was paused.
    pub pause: RowChange,
}

impl Connections {
    /// Pauses a connection: its requests wait, and what arrives is still stored and read. A pause that has begun keeps its
    /// reason.
    pub async fn pause(
        &self,
        who: &Who,
        owned: &OwnedConnection,
        why: String,
    ) -> Result<RowChange, StoreError> {
        let (key, tenant, at) = (owned.spec.key.clone(), owned.spec.tenant.0.clone(), self.clock.date_ms());
        let pause = Pause { why, by: who.0.clone(), at };
        let vault = self.store.vault().clone();
        let paused = self.store.write(move |tx| {
            Box::pin(async move {
                let change = pauses::begin(tx, &key, &pause).await?;
                if change == RowChange::Changed {
                    let detail = json!({"by": pause.by, "why": pause.why});
                    let record = Record { connection: Some(key), detail, ..Record::of("connection-paused") };
                    audit::append(tx, &vault, &tenant, at, &record).await?;
                }
                Ok(change)
            })
        });
        paused.await
    }

    /// Resumes a connection that is paused or parked.
    pub async fn resume(&self, who: &Who, owned: &OwnedConnection) -> Result<ResumedFrom, StoreError> {
        let (resuming, at, vault) =
            (Resuming::of(who, owned), self.clock.date_ms(), self.store.vault().clone());
        let resumed = self.store.write(move |tx| {
            Box::pin(async move {
                let parking = unpark(tx, &resuming.key, at).await?;
                let pause = pauses::end(tx, &resuming.key).await?;
                let resumed = ResumedFrom { parking, pause };
                if resumed != ResumedFrom::NOTHING {
                    resuming.append(tx, &vault, at).await?;
                }
                Ok(resumed)
            })
        });
        let resumed = resumed.await?;
        self.bell.ring();
        Ok(resumed)
    }

    /// Resumes a connection that is parked, since its test passed. A pause is an operator's to end.
    pub async fn end_parking(&self, who: &Who, owned: &OwnedConnection) -> Result<(), StoreError> {
        let (resuming, at, vault) =
            (Resuming::of(who, owned), self.clock.date_ms(), self.store.vault().clone());
        let resumed = self.store.write(move |tx| {
            Box::pin(async move {
                if unpark(tx, &resuming.key, at).await? == RowChange::Changed {
                    resuming.append(tx, &vault, at).await?;
                }
                Ok(())
            })
        });
        resumed.await?;
        self.bell.ring();
        Ok(())
    }
}

impl ResumedFrom {
    const NOTHING: Self = Self { parking: RowChange::Unchanged, pause: RowChange::Unchanged };
}

/// A connection that is resumed, and by whom.
struct Resuming {
    key: String,
    tenant: String,
    by: String,
}

impl Resuming {
    fn of(who: &Who, owned: &OwnedConnection) -> Self {
        Self { key: owned.spec.key.clone(), tenant: owned.spec.tenant.0.clone(), by: who.0.clone() }
    }

    async fn append(self, tx: &mut Tx, vault: &Vault, at: i64) -> Result<(), StoreError> {
        let (connection, detail) = (Some(self.key), json!({"by": self.by}));
        let record = Record { connection, detail, ..Record::of("connection-resumed") };
        audit::append(tx, vault, &self.tenant, at, &record).await
    }
}

async fn unpark(tx: &mut Tx, key: &str, at: i64) -> Result<RowChange, StoreError> {
    let change = connections::resume(tx, key).await?;
    if change == RowChange::Changed {
        alarms::is_over(tx, at, "connection-parked", key).await?;
    }
    Ok(change)
}
