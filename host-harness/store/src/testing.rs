//! A store in a temporary folder, for the tests of this crate and of dependent crates.
#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test without a store must fail")]

use std::path::PathBuf;

use futures::future::BoxFuture;
use host_model::secret::Secret;

use crate::{
    connections,
    database::Tx,
    error::StoreError,
    handle::Store,
    person::PersonId,
    seal::{MasterKey, PersonName},
};

/// Returns the master key of all test stores.
pub fn master_key() -> MasterKey {
    MasterKey::read(&Secret::new("0123456789abcdef".repeat(4)).unwrap()).unwrap()
}

/// A temporary folder with a store, deleted on drop.
pub struct Folder(tempfile::TempDir);

impl Folder {
    /// Creates an empty folder.
    #[expect(clippy::new_without_default, reason = "creating a folder on disk is not a default")]
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Creates a folder in memory, which needs no syncing, if the machine supports that.
    pub fn in_memory() -> Self {
        Self(tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap())
    }

    /// Returns the path of a file in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Opens the store in the folder, creating it if there is none.
    pub async fn store(&self) -> Store {
        Store::open(&self.file("host.db"), &master_key()).await.unwrap()
    }
}

/// Returns the keyed hash of an email address.
pub fn name(byte: u8) -> PersonName {
    PersonName { digest: [byte; 32], kind: "email".to_owned() }
}

/// Returns the person with this number.
pub fn person(number: i64) -> PersonId {
    PersonId(number)
}

/// Runs `work` in a transaction that must succeed.
pub async fn write<T: Send + 'static>(
    store: &Store,
    work: impl for<'c> FnOnce(&'c mut Tx) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
) -> T {
    store.write(work).await.unwrap()
}

/// Executes `statement`, for changes that no function of the store makes, such as damage.
pub async fn sql(store: &Store, statement: &'static str) {
    write(store, move |tx| Box::pin(async move { Ok(sqlx::query(statement).execute(tx).await.map(drop)?) }))
        .await;
}

/// Executes `statement`, for rows that this program would not write but another version could: connections that it
/// changes are authentic afterwards.
pub async fn authenticated_sql(store: &Store, statement: &'static str) {
    let vault = store.vault().clone();
    write(store, move |tx| {
        Box::pin(async move {
            sqlx::query(statement).execute(&mut *tx).await?;
            connections::authenticate_all(tx, &vault).await.map(drop)
        })
    })
    .await;
}

/// Returns the stored audit records of `tenant`, oldest first.
pub async fn audit_records(store: &Store, tenant: &'static str) -> Vec<String> {
    let read = store.read(move |connection| {
        Box::pin(async move {
            let records = sqlx::query_scalar("SELECT record FROM audit WHERE tenant = $1 ORDER BY line");
            Ok(records.bind(tenant).fetch_all(connection).await?)
        })
    });
    read.await.unwrap()
}

/// Inserts a minimal connection of `tenant` with this key, enabled for all actions.
pub async fn connection_row(store: &Store, tenant: &'static str, key: &'static str) {
    write(store, move |tx| {
        Box::pin(async move {
            sqlx::query(
                "INSERT INTO connections (key, tenant, plugin, enabled, actions, settings, sealed_secrets, created_at, \
                   changed_at, identifying) \
                 VALUES ($1, $2, 'iterable', 1, '[\"erasure\",\"consent\"]', '{}', $3, 0, 0, 'email')",
            )
            .bind(key)
            .bind(tenant)
            .bind(Vec::new())
            .execute(tx)
            .await?;
            Ok(())
        })
    })
    .await;
}
