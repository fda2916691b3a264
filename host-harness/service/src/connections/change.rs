//! A connection made, changed and removed through the API.

use serde_json::{Value, json};

use super::{Connections, approval::Approval, carry::UNREADABLE, differences::differences, owned::Owned};
use crate::{
    consent::catalogue::{self, CatalogueError},
    who::Who,
};
use host_harness::host::PutError;
use host_model::contract::manifest::Identifying;
use host_store::{
    StoreError, alarms,
    audit::{self, Record},
    connections::{self, Kept},
};

/// Why a connection was not changed. It is as it was.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ChangeError {
    /// There is one of that key, maybe another tenant's.
    #[error("the key `{0}` is in use; keys are unique across tenants: choose another one")]
    KeyTaken(String),
    /// There is none of that key.
    #[error("there is no connection `{0}`")]
    Unknown(String),
    /// The configuration file owns it.
    #[error("the connection `{key}` comes from {file}: change it there, then reload")]
    OwnedByFile {
        /// The connection.
        key: String,
        /// The file's name.
        file: String,
    },
    /// The API owns what the file names too.
    #[error(
        "it was made through the API, which goes on owning it: delete it there, or choose another key in the file"
    )]
    OwnedByApi,
    /// The file's is another tenant's.
    #[error("its key is another tenant's: take it out, reload, and add it again, or choose another key")]
    OfAnotherTenant,
    /// It does not suit its plugin, or the host.
    #[error(transparent)]
    Unsuited(#[from] PutError),
    /// Requests of it have not ended.
    #[error(
        "{count} of its requests have not ended: wait for them, or delete it with abandon=true, which ends them as failed"
    )]
    Unfinished {
        /// How many.
        count: i64,
    },
    /// It changes what identifies people.
    #[error(
        "it changes what identifies a person at the connection from `{before}` to `{after}`: its {people} people would be keyed \
         anew, some split and some joined. Agree to it to go on"
    )]
    RekeysPeople {
        /// The kinds by which people are keyed.
        before: Identifying,
        /// The kinds by which they would be.
        after: Identifying,
        /// How many people are known.
        people: i64,
    },
    /// Its mapping would no longer hold.
    #[error(transparent)]
    BreaksMapping(Box<CatalogueError>),
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Owned {
    /// The file that owns it, unless that has let it go.
    fn check_owner(&self) -> Result<(), ChangeError> {
        match &self.file {
            Some(file) if !self.left_file => {
                Err(ChangeError::OwnedByFile { key: self.spec.key.clone(), file: file.clone() })
            }
            _ => Ok(()),
        }
    }
}

impl Connections {
    /// The connection of that key.
    pub async fn find(&self, key: &str) -> Result<Option<Owned>, StoreError> {
        let kept = self.find_kept(key).await?;
        kept.map(|kept| Owned::open(self.store.vault(), &kept)).transpose()
    }

    /// The same as it is kept, which may not be readable.
    pub(super) async fn find_kept(&self, key: &str) -> Result<Option<Kept>, StoreError> {
        let key = key.to_owned();
        self.store.read(move |c| Box::pin(async move { connections::find(c, &key).await })).await
    }

    /// Makes `new`, once it suits its plugin.
    pub async fn create(&self, who: &Who, new: Owned) -> Result<Owned, ChangeError> {
        let _alone = self.sources.changing.lock().await;
        let key = new.spec.key.clone();
        if self.find(&key).await?.is_some() {
            return Err(ChangeError::KeyTaken(key));
        }
        self.served.put(new.for_calls(self.served.public_url()))?;
        let detail = json!({"by": who.0, "plugin": new.spec.plugin});
        if let Err(error) = self.put(&new, "connection-created", detail).await {
            self.served.remove(&key);
            return Err(error);
        }
        self.key_people(&key).await?;
        self.find(&key).await?.ok_or(ChangeError::Unknown(key))
    }

    /// Changes the connection of that key to what `change` makes of it, once that suits its plugin.
    pub async fn change<E: From<ChangeError>>(
        &self,
        who: &Who,
        key: &str,
        approval: Approval,
        change: impl FnOnce(&Owned) -> Result<Owned, E> + Send,
    ) -> Result<Owned, E> {
        let _alone = self.sources.changing.lock().await;
        let unknown = || ChangeError::Unknown(key.to_owned());
        let before = self.find(key).await.map_err(ChangeError::from)?.ok_or_else(unknown)?;
        before.check_owner()?;
        let mut after = change(&before)?;
        if before.left_file {
            // Whoever changes it has taken it over.
            (after.file, after.left_file) = (None, false);
        }
        self.check_keying(&after.for_calls(self.served.public_url()), approval).await?;
        let put = self.served.put(after.for_calls(self.served.public_url()));
        put.map_err(ChangeError::from)?;
        let detail = json!({"by": who.0, "changed": differences(&before, &after)});
        if let Err(error) = self.put(&after, "connection-changed", detail).await {
            self.carry(&before).await.map_err(ChangeError::from)?;
            return Err(error.into());
        }
        self.key_people(key).await.map_err(ChangeError::from)?;
        Ok(self.find(key).await.map_err(ChangeError::from)?.ok_or_else(unknown)?)
    }

    /// Removes the connection of that key and everything that is only about it; how many requests that ended. One that cannot be
    /// read may be removed whoever owned it.
    pub async fn delete(&self, who: &Who, key: &str, abandon: bool) -> Result<u64, ChangeError> {
        let _alone = self.sources.changing.lock().await;
        let found = self.find_kept(key).await?.ok_or_else(|| ChangeError::Unknown(key.to_owned()))?;
        if let Ok(owned) = Owned::open(self.store.vault(), &found) {
            owned.check_owner()?;
        }
        let Kept { key, tenant, .. } = found;
        let (name, by, at) = (key.clone(), who.0.clone(), self.clock.date_ms());
        let removed = self.store.try_write(move |tx| {
            Box::pin(async move {
                let count = connections::unfinished(tx, &key).await?;
                if count > 0 && !abandon {
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
                audit::append(tx, &tenant, at, &record).await?;
                Ok(abandoned)
            })
        });
        let abandoned = removed.await?;
        self.served.remove(&name);
        Ok(abandoned)
    }

    /// Stores `owned` and that it was made or changed, unless that breaks its mapping.
    pub(super) async fn put(
        &self,
        owned: &Owned,
        what: &'static str,
        detail: Value,
    ) -> Result<(), ChangeError> {
        let (kept, at) = (owned.seal(self.store.vault())?, self.clock.date_ms());
        let system = owned.duties.system.clone();
        let stored = self.store.try_write(move |tx| {
            Box::pin(async move {
                let broken =
                    catalogue::broken_by_system(tx, &kept.tenant, &kept.key, system.as_deref()).await?;
                if let Some(broken) = broken {
                    return Err(ChangeError::BreaksMapping(Box::new(broken)));
                }
                connections::put(tx, at, &kept).await?;
                alarms::is_over(tx, at, UNREADABLE, &kept.key).await?;
                let record = Record { connection: Some(kept.key), detail, ..Record::of(what) };
                audit::append(tx, &kept.tenant, at, &record).await?;
                Ok(())
            })
        });
        stored.await
    }
}
