//! Creates, changes and deletes connections through the API.
//! Tested in `api/src/tests/connections.rs`.

use serde_json::{Value, json};

use super::{
    Connections, approval::Approval, carry::UNREADABLE, differences::differences, owned::OwnedConnection,
};
use crate::{
    consent::catalogue::{self, CatalogueError},
    served::ServingProblem,
    who::Who,
};
use host_model::contract::manifest::Identifying;
use host_store::{
    StoreError, Tx, Vault, alarms,
    audit::{self, Record},
    changes::ChangeKind,
    connections::{self, StoredConnection},
    pins,
};

/// The reason that a connection was not changed. It stays as it was.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ChangeError {
    /// A connection with this key exists, possibly of another tenant.
    #[error("the key `{0}` is in use; keys are unique across tenants: choose another one")]
    KeyTaken(String),
    /// There is no connection with this key.
    #[error("there is no connection `{0}`")]
    Unknown(String),
    /// The configuration file owns the connection.
    #[error("the connection `{key}` comes from {file}: change it there, then reload")]
    OwnedByFile {
        /// The connection.
        key: String,
        /// The name of the file.
        file: String,
    },
    /// The file names a connection that the API owns.
    #[error(
        "it was created through the API, which owns it: delete it there, or choose another key in the file"
    )]
    OwnedByApi,
    /// The file names a connection of another tenant.
    #[error(
        "its key belongs to another tenant: remove the connection from the file, reload and add it again, or choose \
         another key"
    )]
    OfAnotherTenant,
    /// The connection does not suit the version that is to serve it, or the host.
    #[error(transparent)]
    Unsuited(#[from] ServingProblem),
    /// The connection has unfinished requests.
    #[error(
        "{count} of its requests have not ended: wait for them, or delete the connection with abandon=true, which ends \
         them as failed"
    )]
    Unfinished {
        /// The number of unfinished requests.
        count: i64,
    },
    /// The change alters which identifiers identify people.
    #[error(
        "the kinds that identify a person at the connection would change from `{before}` to `{after}`: \
         its {people} people would be rekeyed, some would be split and some merged; approve the change to continue"
    )]
    RekeysPeople {
        /// The kinds by which people are keyed now.
        before: Identifying,
        /// The kinds by which people would be keyed.
        after: Identifying,
        /// The number of known people.
        people: i64,
    },
    /// The connection's mapping would no longer be valid.
    #[error(transparent)]
    BreaksMapping(Box<CatalogueError>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl OwnedConnection {
    /// Fails if a file owns the connection and still names it.
    pub(super) fn check_owner(&self) -> Result<(), ChangeError> {
        match &self.file {
            Some(file) if !self.left_file => {
                Err(ChangeError::OwnedByFile { key: self.spec.key.clone(), file: file.clone() })
            }
            _ => Ok(()),
        }
    }
}

/// What becomes of the requests of a connection that is deleted before they have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnfinishedRequests {
    /// The connection is not deleted.
    Refuse,
    /// They end as failed.
    Abandon,
}

impl Connections {
    /// Returns the connection with this key.
    pub async fn find(&self, key: &str) -> Result<Option<OwnedConnection>, StoreError> {
        let kept = self.find_stored(key).await?;
        kept.map(|kept| OwnedConnection::open(self.store.vault(), &kept)).transpose()
    }

    /// Returns the stored row of the connection with this key, which may not be readable.
    pub(super) async fn find_stored(&self, key: &str) -> Result<Option<StoredConnection>, StoreError> {
        let key = key.to_owned();
        self.store.read(move |c| Box::pin(async move { connections::find(c, &key).await })).await
    }

    /// Creates `new` if it suits its plugin.
    pub async fn create(&self, who: &Who, new: OwnedConnection) -> Result<OwnedConnection, ChangeError> {
        self.prepare(&new.spec).await?;
        let _alone = self.sources.changing.lock().await;
        let key = new.spec.key.clone();
        if self.find(&key).await?.is_some() {
            return Err(ChangeError::KeyTaken(key));
        }
        let version = self.serving_version(&new.spec).await?;
        self.served.put(new.for_calls(self.served.public_url()), &version)?;
        let detail = json!({"by": who.0, "plugin": new.spec.plugin});
        if let Err(error) = self.put(&new, "connection-created", detail).await {
            self.served.remove(&key);
            return Err(error);
        }
        self.key_people(&key).await?;
        self.find(&key).await?.ok_or(ChangeError::Unknown(key))
    }

    /// Replaces the connection with this key by what `change` makes of it, if that suits its plugin.
    pub async fn change<E: From<ChangeError>>(
        &self,
        who: &Who,
        key: &str,
        approval: Approval,
        change: impl FnOnce(&OwnedConnection) -> Result<OwnedConnection, E> + Send,
    ) -> Result<OwnedConnection, E> {
        let _alone = self.sources.changing.lock().await;
        let unknown = || ChangeError::Unknown(key.to_owned());
        let before = self.find(key).await.map_err(ChangeError::from)?.ok_or_else(unknown)?;
        before.check_owner()?;
        let mut after = change(&before)?;
        if before.left_file {
            // A change through the API takes the connection over.
            (after.file, after.left_file) = (None, false);
        }
        self.check_keying(&after.for_calls(self.served.public_url()), approval).await?;
        let version = self.serving_version(&after.spec).await.map_err(ChangeError::from)?;
        let put = self.served.put(after.for_calls(self.served.public_url()), &version);
        put.map_err(ChangeError::from)?;
        let detail = json!({"by": who.0, "changed": differences(&before, &after)});
        if let Err(error) = self.put(&after, "connection-changed", detail).await {
            self.load_connection(&before).await.map_err(ChangeError::from)?;
            return Err(error.into());
        }
        self.key_people(key).await.map_err(ChangeError::from)?;
        Ok(self.find(key).await.map_err(ChangeError::from)?.ok_or_else(unknown)?)
    }

    /// Deletes the connection with this key and everything that is only about it. Returns the number of requests that
    /// were ended. An unreadable connection may be deleted regardless of its owner.
    pub async fn delete(
        &self,
        who: &Who,
        key: &str,
        unfinished: UnfinishedRequests,
    ) -> Result<u64, ChangeError> {
        let _alone = self.sources.changing.lock().await;
        let found = self.find_stored(key).await?.ok_or_else(|| ChangeError::Unknown(key.to_owned()))?;
        if let Ok(owned) = OwnedConnection::open(self.store.vault(), &found) {
            owned.check_owner()?;
        }
        let StoredConnection { key, tenant, .. } = found;
        let (name, by, at) = (key.clone(), who.0.clone(), self.clock.date_ms());
        let vault = self.store.vault().clone();
        let change = self.new_change(ChangeKind::Connection, &key);
        let removed = self.store.try_write(move |tx| {
            Box::pin(async move {
                change.record(tx).await?;
                let count = connections::unfinished(tx, &key).await?;
                if count > 0 && unfinished == UnfinishedRequests::Refuse {
                    return Err(ChangeError::Unfinished { count });
                }
                let abandoned = connections::abandon(tx, &key, at).await?;
                connections::forget_connection(tx, &key).await?;
                alarms::are_over(tx, at, &key).await?;
                let record = Record {
                    connection: Some(key),
                    detail: json!({"by": by, "requests-abandoned": abandoned}),
                    ..Record::of("connection-deleted")
                };
                audit::append(tx, &vault, &tenant, at, &record).await?;
                Ok(abandoned)
            })
        });
        let abandoned = removed.await?;
        self.served.remove(&name);
        self.bell.ring();
        Ok(abandoned)
    }

    /// Stores `owned` together with an audit record, unless that breaks its mapping.
    pub(super) async fn put(
        &self,
        owned: &OwnedConnection,
        what: &'static str,
        detail: Value,
    ) -> Result<(), ChangeError> {
        let (kept, at) = (owned.seal(self.store.vault())?, self.clock.date_ms());
        let (system, by) = (owned.duties.system.clone(), detail.get("by").cloned());
        let vault = self.store.vault().clone();
        let change = self.new_change(ChangeKind::Connection, &kept.key);
        let stored = self.store.try_write(move |tx| {
            Box::pin(async move {
                change.record(tx).await?;
                let broken =
                    catalogue::broken_by_system(tx, &kept.tenant, &kept.key, system.as_deref()).await?;
                if let Some(broken) = broken {
                    return Err(ChangeError::BreaksMapping(Box::new(broken)));
                }
                connections::put(tx, at, &kept).await?;
                alarms::is_over(tx, at, UNREADABLE, &kept.key).await?;
                unpin_from_others(tx, &vault, &kept, by, at).await?;
                let record = Record { connection: Some(kept.key), detail, ..Record::of(what) };
                audit::append(tx, &vault, &kept.tenant, at, &record).await?;
                Ok(())
            })
        });
        stored.await?;
        self.bell.ring();
        Ok(())
    }
}

/// Removes the connection's own pins to versions of plugins that it does not use any more.
async fn unpin_from_others(
    tx: &mut Tx,
    vault: &Vault,
    kept: &StoredConnection,
    by: Option<Value>,
    at: i64,
) -> Result<(), StoreError> {
    for pin in pins::remove_from_others(tx, &kept.key, &kept.plugin).await? {
        let detail = json!({"by": by, "plugin": pin.plugin, "why": "the connection uses another plugin"});
        let (connection, digest) = (Some(kept.key.clone()), Some(pin.digest.to_string()));
        let record = Record { connection, digest, detail, ..Record::of("plugin-unpinned") };
        audit::append(tx, vault, &kept.tenant, at, &record).await?;
    }
    Ok(())
}
