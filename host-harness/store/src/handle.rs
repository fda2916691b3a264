//! The handle to the database and its keys.
//! Tested in `src/tests.rs`.

use std::{collections::HashMap, path::Path, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::{sync::oneshot, time::timeout};

use crate::{
    address::DatabaseAddress,
    commits::Commits,
    database::{Act, Database, ReadLength, Rollback, Tx, Work},
    error::StoreError,
    master_mark,
    portion::Portion,
    postgres::Postgres,
    replica_id::ReplicaId,
    replicas,
    seal::{MasterKey, PersonKey, Vault},
    sqlite::Sqlite,
    tenure::Tenure,
    transfer_mark,
    unfinished::unfinished,
};

/// Timeout of [`Store::answers`] and [`Store::read_soon`]: health checks time out after a few seconds, too, and may check more than the store.
const MAX_WAIT: Duration = Duration::from_secs(4);

/// The database and the keys to its sealed values. It lives as long as the process, and clones share it.
#[derive(Clone)]
pub struct Store {
    database: Arc<dyn Database>,
    commits: Arc<Commits>,
    vault: Arc<Vault>,
    person_keys: Arc<Mutex<HashMap<String, Arc<PersonKey>>>>,
    replica: ReplicaId,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

/// The keys with which work in a transaction seals values and hashes identifiers. Inside a transaction, a tenant's key
/// cannot be requested from the store.
#[derive(Clone)]
pub struct Keys {
    /// Seals and opens values.
    pub vault: Arc<Vault>,
    /// The tenant's key for hashing people's identifiers.
    pub person: Arc<PersonKey>,
}

impl Store {
    /// Returns whether there is a database of this program at `address`, whatever its version.
    pub async fn is_at(address: &DatabaseAddress) -> Result<bool, StoreError> {
        match address {
            DatabaseAddress::File(path) => Ok(path.exists()),
            DatabaseAddress::Server(address) => Postgres::is_migrated(address).await,
        }
    }

    /// Opens the database at `address`. Migrates it if its schema is older, and creates a file that does not exist.
    pub async fn open_at(address: &DatabaseAddress, key: &MasterKey) -> Result<Self, StoreError> {
        match address {
            DatabaseAddress::File(path) => Self::open(path, key).await,
            DatabaseAddress::Server(address) => {
                Self::on(Arc::new(Postgres::open(address, &key.vault()).await?), key).await
            }
        }
    }

    /// Opens the SQLite database at `path`. Creates it if it does not exist, and migrates it if its schema is older.
    pub async fn open(path: &Path, key: &MasterKey) -> Result<Self, StoreError> {
        if unfinished(path) {
            return Err(StoreError::RestoreCutOff);
        }
        Self::on(Arc::new(Sqlite::open(path, &key.vault()).await?), key).await
    }

    /// Creates a store on `database`, which must already have this version's schema. Refuses one whose rows are being moved to
    /// another database or were, and one into which rows are being moved.
    pub async fn on(database: Arc<dyn Database>, key: &MasterKey) -> Result<Self, StoreError> {
        let store = Self {
            database,
            commits: Arc::default(),
            vault: Arc::new(key.vault()),
            person_keys: Arc::default(),
            replica: ReplicaId::random(),
        };
        let vault = store.vault.clone();
        let checked = store.write(move |tx| {
            Box::pin(async move {
                master_mark::check(tx, &vault).await?;
                transfer_mark::check_none(tx).await
            })
        });
        checked.await?;
        Ok(store)
    }

    /// Runs `work` in one transaction and returns once it is on disk. If it fails, nothing is written. For work that
    /// can fail only with an error of the store; if it returns `Ok`, everything it wrote is committed.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(&'c mut Tx) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.transact(Self::queue_write, work, |error| Some(error.clone())).await
    }

    /// Same as [`write`](Self::write), without waiting for the turn to write, which processes that share a database take. For
    /// work that only inserts rows whose order among others does not matter: what it reads may be changed at the same time.
    pub async fn append<T: Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(&'c mut Tx) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.transact(Self::queue_append, work, |error| Some(error.clone())).await
    }

    /// Runs `work` in one transaction and returns once it is on disk. For work with an error type of its own: any `Err`
    /// rolls back everything that it wrote. If the commit fails, the error of the store is returned, even in place of a
    /// refusal: the refusal may have been based on data that was never committed.
    pub async fn try_write<T: Send + 'static, E: From<StoreError> + Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(&'c mut Tx) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    ) -> Result<T, E> {
        self.transact(Self::queue_write, work, |_| None).await
    }

    /// Runs `portion` in writes of their own until one returns [`Portion::Last`]. What was written before a failure stays.
    pub async fn write_in_portions(
        &self,
        portion: impl for<'c> Fn(&'c mut Tx) -> BoxFuture<'c, Result<Portion, StoreError>>
        + Clone
        + Send
        + 'static,
    ) -> Result<(), StoreError> {
        while self.write(portion.clone()).await? == Portion::Full {}
        Ok(())
    }

    fn queue_write(&self, work: Work) -> BoxFuture<'_, Result<(), StoreError>> {
        self.database.write(work)
    }

    fn queue_append(&self, work: Work) -> BoxFuture<'_, Result<(), StoreError>> {
        self.database.append(work)
    }

    /// Runs `work` in one transaction, to which `queue` adds it. `cause` returns the failure of the store behind an error of the work, if it is
    /// known to be one.
    async fn transact<T: Send + 'static, E: From<StoreError> + Send + 'static>(
        &self,
        queue: fn(&Self, Work) -> BoxFuture<'_, Result<(), StoreError>>,
        work: impl for<'c> FnOnce(&'c mut Tx) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
        cause: fn(&E) -> Option<StoreError>,
    ) -> Result<T, E> {
        let (answer, answered) = oneshot::channel();
        let (told, written) = oneshot::channel();
        let tenure = Tenure::current();
        let act: Act = Box::new(move |connection| {
            Box::pin(async move {
                let may_write = match &tenure {
                    Some(tenure) => tenure.check(connection).await,
                    None => Ok(()),
                };
                let result = match may_write {
                    Ok(()) => work(connection).await,
                    Err(lost) => Err(lost.into()),
                };
                let end = result.as_ref().map(drop).map_err(|error| Rollback { cause: cause(error) });
                // The caller may have been dropped.
                let _gone = answer.send(result);
                end
            })
        });
        queue(self, Work { act, told }).await?;
        let committed = written.await.map_err(|_| StoreError::Closed)?;
        if let Err(error) = &committed {
            self.commits.note(Err(error.clone()));
        }
        committed?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Runs `work` in a read-only transaction: its queries all see the same state of the database. Fails with
    /// [`StoreError::Unresponsive`] if a server does not respond for a minute.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(&'c mut Tx) -> BoxFuture<'c, Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        self.read_within(ReadLength::Part, work).await
    }

    /// Same as [`read`](Self::read), for work that reads all of something that grows for years. It may take minutes.
    pub async fn read_everything<T: Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(&'c mut Tx) -> BoxFuture<'c, Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        self.read_within(ReadLength::Everything, work).await
    }

    async fn read_within<T: Send + 'static>(
        &self,
        length: ReadLength,
        work: impl for<'c> FnOnce(&'c mut Tx) -> BoxFuture<'c, Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let mut reader = self.database.reader(length).await?;
        let read = reader.read(work);
        match self.database.max_read(length) {
            Some(limit) => timeout(limit, read).await.unwrap_or(Err(StoreError::Unresponsive(limit))),
            None => read.await,
        }
    }

    /// Same as [`read`](Self::read), for callers that ask how the database is: fails with [`StoreError::Busy`] if it does not
    /// respond in time.
    pub async fn read_soon<T: Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(&'c mut Tx) -> BoxFuture<'c, Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        timeout(MAX_WAIT, self.read(work)).await.unwrap_or(Err(StoreError::Busy(MAX_WAIT)))
    }

    /// Checks that the database can be read and that writes are committed. After a failed commit of any caller, it
    /// returns an error until a commit succeeds. A full disk would not show up in a read alone.
    pub async fn answers(&self) -> Result<(), StoreError> {
        timeout(MAX_WAIT, self.check()).await.unwrap_or_else(|_| {
            let late = Err(StoreError::Busy(MAX_WAIT));
            self.commits.note(late.clone());
            late
        })
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.read(|connection| {
            Box::pin(async move { Ok(sqlx::query("SELECT 1").execute(connection).await?) })
        })
        .await?;
        // A recent failure is returned without waiting for a pending commit.
        if let Some(Err(error)) = self.commits.fresh() {
            return Err(error);
        }
        let alone = Arc::clone(&self.commits.trying).lock_owned().await;
        if let Some(ended) = self.commits.fresh() {
            return ended;
        }
        // A queued write cannot be withdrawn. So the task waits for it even if this caller gives up, and no other write
        // is queued meanwhile: otherwise a stalled disk would accumulate one write per caller.
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
        const ASKED: &str = "INSERT INTO marks (name, value) VALUES ('asked', $1) \
                             ON CONFLICT (name) DO UPDATE SET value = CASE marks.value WHEN $1 THEN $2 ELSE $1 END";
        let asked = sqlx::query(ASKED).bind(vec![0_u8]).bind(vec![1_u8]);
        self.write(|tx| Box::pin(async move { Ok(asked.execute(tx).await.map(drop)?) })).await
    }

    /// Returns the id of this process among those that serve the database.
    pub fn replica(&self) -> &ReplicaId {
        &self.replica
    }

    /// Returns whether other processes may serve the database at the same time.
    pub fn is_shared(&self) -> bool {
        self.database.is_shared()
    }

    /// Enters this process among those that serve the database, under the name `name` for operators. From then on, it
    /// writes only as long as no other one has taken over its work. A file is served by one process, so the others have
    /// ended.
    pub async fn serve_as(&self, name: String) -> Result<(), StoreError> {
        let (replica, is_shared) = (self.replica.clone(), self.is_shared());
        let joined = self.write(move |tx| {
            Box::pin(async move {
                if !is_shared {
                    replicas::remove_others(tx, &replica).await?;
                }
                replicas::join(tx, &replica, &name).await
            })
        });
        joined.await?;
        self.database.serve_as(&self.replica);
        Ok(())
    }

    /// Notifies the processes that listen to the database that there may be something new.
    pub async fn notify(&self) -> Result<(), StoreError> {
        self.database.notify().await
    }

    /// Seals and opens values.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Returns `tenant`'s key for hashing people's identifiers. The key is created on first use.
    pub async fn person_key(&self, tenant: &str) -> Result<Arc<PersonKey>, StoreError> {
        if let Some(key) = self.person_keys.lock().get(tenant) {
            return Ok(Arc::clone(key));
        }
        let (_, fresh) = self.vault.new_person_key(tenant)?;
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
        let key = Arc::new(self.vault.person_key(tenant, &kept)?);
        Ok(Arc::clone(self.person_keys.lock().entry(tenant.to_owned()).or_insert(key)))
    }

    /// Returns the keys for a transaction on behalf of `tenant`.
    pub async fn keys(&self, tenant: &str) -> Result<Keys, StoreError> {
        Ok(Keys { vault: self.vault.clone(), person: self.person_key(tenant).await? })
    }

    /// Writes a consistent copy of the whole database to the new file `path`.
    pub async fn back_up(&self, path: &Path) -> Result<(), StoreError> {
        self.database.back_up(path).await
    }

    /// Stops the writer once everything queued is on disk.
    pub async fn close(&self) {
        self.database.close().await;
    }
}
