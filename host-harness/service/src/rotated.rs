//! Keeps rotated secrets in the database, sealed.

use std::sync::Arc;

use futures::future::BoxFuture;
use host_harness::{
    clock::Clock,
    connection::Connection,
    egress::{NotStored, RotatedSecrets},
};
use host_model::secret::{Secret, Secrets};
use host_store::{
    PersonKey, Store, StoreError,
    captured_secrets::{self, SecretHolder},
};

use crate::limits::host_key;

/// Rotated secrets in the database.
pub(crate) struct StoredSecrets {
    store: Store,
    clock: Arc<dyn Clock>,
    /// The key that hashes the name of a vendor account.
    key: Arc<PersonKey>,
}

impl StoredSecrets {
    pub(crate) async fn new(store: Store, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let key = host_key(&store).await?;
        Ok(Self { store, clock, key })
    }

    fn holder(&self, connection: &Connection) -> SecretHolder {
        SecretHolder {
            tenant: connection.tenant.0.clone(),
            connection: connection.key.clone(),
            account: self.key.digest(&connection.account),
        }
    }
}

impl RotatedSecrets for StoredSecrets {
    fn load<'a>(&'a self, connection: &'a Connection) -> BoxFuture<'a, Result<Secrets, NotStored>> {
        let (holder, vault) = (self.holder(connection), self.store.vault().clone());
        let read =
            self.store.read(|c| Box::pin(async move { captured_secrets::load(c, &vault, &holder).await }));
        Box::pin(async move { read.await.map_err(|error| reported(&error)) })
    }

    fn save<'a>(
        &'a self,
        connection: &'a Connection,
        name: &'a str,
        secret: &'a Secret,
    ) -> BoxFuture<'a, Result<(), NotStored>> {
        let (holder, vault, at) = (self.holder(connection), self.store.vault().clone(), self.clock.date_ms());
        let (name, secret) = (name.to_owned(), secret.clone());
        let written = self.store.write(move |tx| {
            Box::pin(async move { captured_secrets::save(tx, &vault, &holder, &name, &secret, at).await })
        });
        Box::pin(async move { written.await.map_err(|error| reported(&error)) })
    }
}

/// Logs the failure; a guest learns no more than that there is one.
fn reported(error: &StoreError) -> NotStored {
    tracing::error!(%error, "rotated secrets of a connection cannot be read or stored");
    NotStored("the host's database did not answer".to_owned())
}

#[cfg(test)]
mod tests {
    use host_harness::{clock::ManualClock, connection::ConnectionSpec};
    use host_model::contract::manifest::{Manifest, SettingSpec};
    use host_store::testing::Folder;

    use super::*;

    fn connection(tenant: &str, key: &str) -> Connection {
        let setting = SettingSpec { name: "refresh".into(), secret: true, ..Default::default() };
        let manifest = Manifest { settings: vec![setting], ..Default::default() };
        let mut spec = ConnectionSpec::new(tenant, "crm", "example");
        spec.secrets.insert("refresh".into(), Secret::new(key).unwrap());
        spec.resolve(&manifest).unwrap()
    }

    async fn stored(store: &Store) -> StoredSecrets {
        StoredSecrets::new(store.clone(), Arc::new(ManualClock::default())).await.unwrap()
    }

    #[tokio::test]
    async fn a_rotated_secret_is_sealed_in_the_database_and_belongs_to_its_tenant_and_account() {
        let folder = Folder::new();
        let store = folder.store().await;
        let (acme, other, changed) = (
            connection("acme", "k-one-1234"),
            connection("other", "k-one-1234"),
            connection("acme", "k-two-1234"),
        );
        for text in ["rotated-first", "rotated-second"] {
            let secret = Secret::new(text).unwrap();
            stored(&store).await.save(&acme, "refresh", &secret).await.unwrap();
        }
        store.close().await;
        let file = std::fs::read(folder.file("host.db")).unwrap();
        assert!(!file.windows(8).any(|bytes| bytes == b"rotated-"), "it is in the file in plain text");

        let store = folder.store().await;
        let again = stored(&store).await;
        let loaded = again.load(&acme).await.unwrap();
        let loaded: Vec<_> = loaded.iter().map(|(name, secret)| (name.as_str(), secret.expose())).collect();
        assert_eq!(loaded, [("refresh", "rotated-second")]);
        assert!(again.load(&changed).await.unwrap().is_empty());
        assert_eq!(
            again.load(&other).await.unwrap_err(),
            NotStored("the host's database did not answer".into()),
            "it does not open for another tenant"
        );
    }
}
