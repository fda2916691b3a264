//! The database and its keys, as the work around it holds them.

use std::{collections::HashMap, path::Path, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::{sync::oneshot, time::timeout};

use crate::{
    commits::Commits,
    database::{Act, Connection, Database, Undo, Work},
    error::StoreError,
    seal::{MasterKey, PersonKey, Vault},
    sqlite::Sqlite,
    unfinished::unfinished,
};

/// How long [`Store::answers`] may take: health checks time out after some seconds too, and may ask for more than this.
const MAX_WAIT: Duration = Duration::from_secs(4);

/// The database and the keys to what is sealed in it. Lives as long as the process; clones share it.
#[derive(Clone)]
pub struct Store {
    database: Arc<dyn Database>,
    commits: Arc<Commits>,
    vault: Vault,
    person_keys: Arc<Mutex<HashMap<String, Arc<PersonKey>>>>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

/// What work in a transaction seals and names people with: there, the store cannot be asked for a tenant's key.
#[derive(Clone)]
pub struct Keys {
    /// What seals and opens values.
    pub vault: Vault,
    /// The tenant's key for the hashes that stand for people.
    pub person: Arc<PersonKey>,
}

impl Store {
    /// Opens the SQLite database at `path`. It is made if there is none, and brought to this version's schema if it is
    /// older.
    pub async fn open(path: &Path, key: &MasterKey) -> Result<Self, StoreError> {
        if unfinished(path) {
            return Err(StoreError::RestoreCutOff);
        }
        Self::on(Arc::new(Sqlite::open(path).await?), key).await
    }

    /// The store on `database`, which has its tables already.
    pub async fn on(database: Arc<dyn Database>, key: &MasterKey) -> Result<Self, StoreError> {
        let store =
            Self { database, commits: Arc::default(), vault: key.vault(), person_keys: Arc::default() };
        store.check_key().await?;
        Ok(store)
    }

    /// Does `work` in one transaction, and returns once it is on disk. If it fails, nothing of it was done. For work that
    /// can fail only by the store; whatever it returns in `Ok` is committed.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.transact(work, |error| Some(error.clone())).await
    }

    /// Does `work` in one transaction, and returns once it is on disk. For work that may also refuse in its own words: any
    /// `Err` undoes all that it wrote. A failure to commit is returned as the store's error, in place of a refusal too: what
    /// was refused may have rested on what is not there now.
    pub async fn try_write<T: Send + 'static, E: From<StoreError> + Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    ) -> Result<T, E> {
        self.transact(work, |_| None).await
    }

    /// Does `work` in one transaction. `cause` returns the failure of the store that an error of the work is, if it is
    /// known to be one.
    async fn transact<T: Send + 'static, E: From<StoreError> + Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
        cause: fn(&E) -> Option<StoreError>,
    ) -> Result<T, E> {
        let (answer, answered) = oneshot::channel();
        let (told, written) = oneshot::channel();
        let act: Act = Box::new(move |connection| {
            Box::pin(async move {
                let result = work(connection).await;
                let end = result.as_ref().map(drop).map_err(|error| Undo { cause: cause(error) });
                // The caller may have gone.
                let _gone = answer.send(result);
                end
            })
        });
        self.database.write(Work { act, told }).await?;
        let committed = written.await.map_err(|_| StoreError::Closed)?;
        if let Err(error) = &committed {
            self.commits.note(Err(error.clone()));
        }
        committed?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Does `work` on a connection that only reads.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let mut reader = self.database.reader().await?;
        work(&mut reader).await
    }

    /// Checks that the database can be read, and that what is written to it is committed. After anyone's commit failed, that
    /// is an error until one succeeds; of a full disk reading alone would show nothing.
    pub async fn answers(&self) -> Result<(), StoreError> {
        timeout(MAX_WAIT, self.asked()).await.unwrap_or_else(|_| {
            let late = Err(StoreError::Busy(MAX_WAIT));
            self.commits.note(late.clone());
            late
        })
    }

    async fn asked(&self) -> Result<(), StoreError> {
        self.read(|connection| {
            Box::pin(async move { Ok(sqlx::query("SELECT 1").execute(connection).await?) })
        })
        .await?;
        // While a commit is pending, only what is known can be told.
        if let Some(Err(error)) = self.commits.fresh() {
            return Err(error);
        }
        let alone = Arc::clone(&self.commits.trying).lock_owned().await;
        if let Some(ended) = self.commits.fresh() {
            return ended;
        }
        // A write that is queued cannot be taken back. So it is waited for even if this caller gives up, and no other is
        // queued meanwhile: a disk that stalls would have one for each caller.
        let store = self.clone();
        let tried = tokio::spawn(async move {
            let ended = store.try_commit().await;
            store.commits.note(ended.clone());
            drop(alone);
            ended
        });
        tried.await.unwrap_or(Err(StoreError::Closed))
    }

    async fn try_commit(&self) -> Result<(), StoreError> {
        const ASKED: &str = "INSERT INTO marks (name, value) VALUES ('asked', x'00') \
                             ON CONFLICT (name) DO UPDATE SET value = CASE value WHEN x'00' THEN x'01' ELSE x'00' END";
        self.write(|tx| Box::pin(async move { Ok(sqlx::query(ASKED).execute(tx).await.map(drop)?) })).await
    }

    /// What seals and opens values.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// `tenant`'s key for the hashes that stand for people, made when it is first asked for.
    pub async fn person_key(&self, tenant: &str) -> Result<Arc<PersonKey>, StoreError> {
        if let Some(key) = self.person_keys.lock().get(tenant) {
            return Ok(Arc::clone(key));
        }
        let context = format!("tenant {tenant}");
        let (_, fresh) = self.vault.new_person_key(&context)?;
        let name = tenant.to_owned();
        let kept: Vec<u8> = self
            .write(move |tx| {
                Box::pin(async move {
                    let new = "INSERT INTO tenants (tenant, person_key) VALUES ($1, $2) ON CONFLICT (tenant) DO NOTHING";
                    sqlx::query(new).bind(&name).bind(fresh).execute(&mut *tx).await?;
                    let kept = sqlx::query_scalar("SELECT person_key FROM tenants WHERE tenant = $1").bind(&name);
                    Ok(kept.fetch_one(&mut *tx).await?)
                })
            })
            .await?;
        let key = Arc::new(self.vault.person_key(&context, &kept)?);
        Ok(Arc::clone(self.person_keys.lock().entry(tenant.to_owned()).or_insert(key)))
    }

    /// What work in a transaction for `tenant` needs.
    pub async fn keys(&self, tenant: &str) -> Result<Keys, StoreError> {
        Ok(Keys { vault: self.vault.clone(), person: self.person_key(tenant).await? })
    }

    /// Copies the whole database, as it is at one moment, to the new file `path`.
    pub async fn back_up(&self, path: &Path) -> Result<(), StoreError> {
        self.database.back_up(path).await
    }

    /// Ends the writer once everything given to it is on disk.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// The first start leaves a sealed mark; a later one that cannot open it has another key.
    async fn check_key(&self) -> Result<(), StoreError> {
        const MARK: &str = "master-key";
        let sealed = self.vault.seal(MARK, MARK.as_bytes())?;
        let kept: Vec<u8> = self
            .write(move |tx| {
                Box::pin(async move {
                    sqlx::query(
                        "INSERT INTO marks (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
                    )
                    .bind(MARK)
                    .bind(sealed)
                    .execute(&mut *tx)
                    .await?;
                    let kept = sqlx::query_scalar("SELECT value FROM marks WHERE name = $1").bind(MARK);
                    Ok(kept.fetch_one(&mut *tx).await?)
                })
            })
            .await?;
        self.vault.open(MARK, &kept).map(drop).map_err(|_| StoreError::WrongMasterKey)
    }
}
