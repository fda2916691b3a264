//! What outlives the process: connections, requests, people's choices, tokens, the audit chain.
//!
//! One database. Everything that has to happen together happens in one `Store::write`; SQL stands in the files of this
//! folder and nowhere else. Times are milliseconds since 1970 in UTC.

pub(crate) mod ages;
pub(crate) mod alarms;
pub(crate) mod api_keys;
pub(crate) mod attributes;
pub(crate) mod audit;
pub(crate) mod choices;
pub(crate) mod components;
pub(crate) mod connections;
pub(crate) mod cut_off;
mod database;
pub(crate) mod deliveries;
pub(crate) mod details;
pub(crate) mod events;
pub(crate) mod gauges;
pub(crate) mod holds;
pub(crate) mod items;
pub(crate) mod merged;
mod named;
pub(crate) mod notices;
pub(crate) mod people;
pub(crate) mod queue;
pub(crate) mod rekey;
pub(crate) mod requests;
mod restore;
mod schema;
mod seal;
pub(crate) mod sends;
mod sqlite;
pub(crate) mod tokens;

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

pub use api_keys::{ApiKey, Scope};
use database::{Act, Work};
pub(crate) use database::{Connection, Database};
use futures::future::BoxFuture;
use host_model::words::UnknownWord;
pub(crate) use named::Named;
pub use restore::{RestoreError, restore};
pub(crate) use seal::{DataKey, PersonKey, PersonName, Unsealable, Vault};
pub use seal::{MasterKey, NotAMasterKey};
pub use sqlite::Sqlite;
use tokio::sync::oneshot;

/// Why the store did not do what was asked. Nothing of it was done.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, is full, or refused.
    #[error("the database does not answer as it should: {0}")]
    Database(Arc<sqlx::Error>),
    /// Its tables cannot be brought to what this version needs.
    #[error("the database cannot be brought to this version: {0}")]
    Migration(Arc<sqlx::migrate::MigrateError>),
    /// A newer program has brought its tables further.
    #[error(
        "the database has schema {found}, written by connector-host {written_by}; this is connector-host {}, which knows \
         schema {known} and older: start the newer program, or restore a backup that this one wrote",
        env!("CARGO_PKG_VERSION")
    )]
    NewerDatabase {
        /// Its schema.
        found: i64,
        /// The version of the program that wrote it last.
        written_by: String,
        /// The newest schema that this program knows.
        known: i64,
    },
    /// A library with a known fault.
    #[error("SQLite {found} can corrupt a database (fixed in 3.51.3); this build needs a newer one")]
    OldLibrary {
        /// Its version.
        found: String,
    },
    /// Sealed with another key.
    #[error("the master key is not the one that this database was made with")]
    WrongMasterKey,
    /// A sealed value that cannot be opened: it was changed, moved or cut.
    #[error(transparent)]
    Unsealable(#[from] Unsealable),
    /// A value that this version did not write.
    #[error("the database holds what this version does not understand: {0}")]
    Unreadable(String),
    /// The people of the connection are not keyed by the identifiers that its plugin says identify them.
    #[error(
        "the people of connection {0} are not keyed by what identifies them now: they are once its plugin loads"
    )]
    NotKeyed(String),
    /// Half of it is another database's.
    #[error("a restore of this database was cut off: do it again, with --replace")]
    RestoreCutOff,
    /// The writer has ended.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether only what was read is broken: the rest of the database can be used.
    pub(crate) fn is_about_one_row(&self) -> bool {
        matches!(self, Self::Unsealable(_) | Self::Unreadable(_))
    }
}

impl From<UnknownWord> for StoreError {
    fn from(error: UnknownWord) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(Arc::new(error))
    }
}

/// The database and the keys to what is sealed in it. Lives as long as the process; clones share it.
#[derive(Clone)]
pub struct Store {
    database: Arc<dyn Database>,
    vault: Vault,
    person_keys: Arc<Mutex<HashMap<String, Arc<PersonKey>>>>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

/// What work in a transaction seals and names people with: there, nobody can ask the store for a tenant's key.
#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) vault: Vault,
    /// The tenant's.
    pub(crate) person: Arc<PersonKey>,
}

impl Store {
    /// Opens the SQLite database at `path`, made where there is none and brought to this version where it is older.
    pub async fn open(path: &Path, key: &MasterKey) -> Result<Self, StoreError> {
        if restore::unfinished(path) {
            return Err(StoreError::RestoreCutOff);
        }
        Self::on(Arc::new(Sqlite::open(path).await?), key).await
    }

    /// The store on `database`, which has its tables already.
    pub(crate) async fn on(database: Arc<dyn Database>, key: &MasterKey) -> Result<Self, StoreError> {
        let store = Self { database, vault: key.vault(), person_keys: Arc::default() };
        store.check_key().await?;
        Ok(store)
    }

    /// Does `work` in one transaction, and returns once it is on disk. Where it fails, nothing of it was done.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let (told, written) = oneshot::channel();
        let act: Act = Box::new(move |connection| {
            Box::pin(async move {
                let result = work(connection).await;
                let end = result.as_ref().map(drop).map_err(Clone::clone);
                // Whoever asked may have gone.
                let _gone = answer.send(result);
                end
            })
        });
        self.database.write(Work { act, told }).await?;
        written.await.map_err(|_| StoreError::Closed)??;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Does `work` on a connection that only reads.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let mut reader = self.database.reader().await?;
        work(&mut reader).await
    }

    /// Ends well where the database can be read and written: a full disk reads well.
    pub(crate) async fn answers(&self) -> Result<(), StoreError> {
        const ASKED: &str = "INSERT INTO marks (name, value) VALUES ('asked', x'00') \
                             ON CONFLICT (name) DO UPDATE SET value = CASE value WHEN x'00' THEN x'01' ELSE x'00' END";
        self.read(|connection| {
            Box::pin(async move { Ok(sqlx::query("SELECT 1").execute(connection).await?) })
        })
        .await?;
        self.write(|tx| Box::pin(async move { Ok(sqlx::query(ASKED).execute(tx).await?) })).await.map(drop)
    }

    /// What seals and opens values.
    pub(crate) fn vault(&self) -> &Vault {
        &self.vault
    }

    /// `tenant`'s key for the hashes that stand for people, made when it is first asked for.
    pub(crate) async fn person_key(&self, tenant: &str) -> Result<Arc<PersonKey>, StoreError> {
        if let Some(key) = self.person_keys().get(tenant) {
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
        Ok(Arc::clone(self.person_keys().entry(tenant.to_owned()).or_insert(key)))
    }

    /// What work in a transaction for `tenant` needs.
    pub(crate) async fn keys(&self, tenant: &str) -> Result<Keys, StoreError> {
        Ok(Keys { vault: self.vault.clone(), person: self.person_key(tenant).await? })
    }

    fn person_keys(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<PersonKey>>> {
        self.person_keys.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
pub(crate) mod tests;
