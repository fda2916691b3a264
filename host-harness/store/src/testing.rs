//! A store in a folder of its own, for tests here and in the crates above.
#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test that cannot have its store ends")]

use std::path::PathBuf;

use futures::future::BoxFuture;
use host_model::secret::Secret;

use crate::{
    database::Connection,
    error::StoreError,
    handle::Store,
    person::PersonId,
    seal::{MasterKey, PersonName},
};

/// The key of every store here.
pub fn master_key() -> MasterKey {
    MasterKey::read(&Secret::new("0123456789abcdef".repeat(4)).unwrap()).unwrap()
}

/// A folder with a store in it, gone when dropped.
pub struct Folder(tempfile::TempDir);

impl Folder {
    /// An empty one.
    #[expect(clippy::new_without_default, reason = "a folder on the disk is no default of anything")]
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// One that syncs nothing, where the machine has such a place.
    pub fn in_memory() -> Self {
        Self(tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap())
    }

    /// The path of a file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The store in it, opened or made.
    pub async fn store(&self) -> Store {
        Store::open(&self.file("host.db"), &master_key()).await.unwrap()
    }
}

/// An email address as its keyed hash.
pub fn name(byte: u8) -> PersonName {
    PersonName { digest: [byte; 32], kind: "email".to_owned() }
}

/// The record of that number.
pub fn person(number: i64) -> PersonId {
    PersonId(number)
}

/// Writes for a test that has nothing to say about failure.
pub async fn write<T: Send + 'static>(
    store: &Store,
    work: impl for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
) -> T {
    store.write(work).await.unwrap()
}

/// Does what `statement` says, which no function of the store does: damage, say.
pub async fn sql(store: &Store, statement: &'static str) {
    write(store, move |tx| Box::pin(async move { Ok(sqlx::query(statement).execute(tx).await.map(drop)?) }))
        .await;
}

/// The audit records of `tenant` as they are stored, oldest first.
pub async fn audit_records(store: &Store, tenant: &'static str) -> Vec<String> {
    let read = store.read(move |connection| {
        Box::pin(async move {
            let records = sqlx::query_scalar("SELECT record FROM audit WHERE tenant = $1 ORDER BY line");
            Ok(records.bind(tenant).fetch_all(connection).await?)
        })
    });
    read.await.unwrap()
}

/// Puts a bare connection of `tenant` under that key: enabled, for all actions.
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
