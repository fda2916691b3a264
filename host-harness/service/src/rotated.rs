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
    Keys, Store, StoreError,
    captured_secrets::{self, SecretHolder},
    changes::{ChangeKind, NewChange},
};

use crate::limits::host_keys;

/// Rotated secrets in the database.
pub(crate) struct StoredSecrets {
    store: Store,
    clock: Arc<dyn Clock>,
    keys: Keys,
}

impl StoredSecrets {
    pub(crate) async fn new(store: Store, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let keys = host_keys(&store).await?;
        Ok(Self { store, clock, keys })
    }
}

fn holder(connection: &Connection) -> SecretHolder {
    SecretHolder { tenant: connection.tenant.0.clone(), connection: connection.key.clone() }
}

impl RotatedSecrets for StoredSecrets {
    fn load<'a>(&'a self, connection: &'a Connection) -> BoxFuture<'a, Result<Secrets, NotStored>> {
        let (holder, keys, own) = (holder(connection), self.keys.clone(), connection.secrets.clone());
        let read = self
            .store
            .read(|c| Box::pin(async move { captured_secrets::load(c, &keys, &holder, &own).await }));
        Box::pin(async move { read.await.map_err(|error| reported(&error)) })
    }

    fn save<'a>(
        &'a self,
        connection: &'a Connection,
        name: &'a str,
        secret: &'a Secret,
    ) -> BoxFuture<'a, Result<(), NotStored>> {
        let Some(own) = connection.secrets.get(name).cloned() else {
            // An optional secret that the operator left empty: there is nothing that it could be void with.
            return Box::pin(std::future::ready(Ok(())));
        };
        let (holder, keys, at) = (holder(connection), self.keys.clone(), self.clock.date_ms());
        let (name, secret) = (name.to_owned(), secret.clone());
        // Whatever another replica changed: this secret is the newest.
        let (replica, applied) = (self.store.replica().clone(), i64::MAX);
        let change = NewChange { replica, applied, kind: ChangeKind::Secret, name: connection.key.clone() };
        let written = self.store.write(move |tx| {
            Box::pin(async move {
                change.record(tx).await?;
                captured_secrets::save(tx, &keys, &holder, &name, &own, &secret, at).await
            })
        });
        Box::pin(async move { written.await.map_err(|error| reported(&error)) })
    }
}

/// Logs the failure; a guest learns no more than what the operator can do.
fn reported(error: &StoreError) -> NotStored {
    tracing::error!(%error, "rotated secrets of a connection cannot be read or stored");
    if error.is_about_one_row() {
        return NotStored::Damaged;
    }
    NotStored::Unreachable("the host's database did not answer".to_owned())
}

#[cfg(test)]
mod tests {
    use host_harness::{clock::ManualClock, connection::ConnectionSpec};
    use host_model::contract::manifest::{Manifest, SettingSpec};
    use host_store::testing::Folder;

    use super::*;

    fn connection(tenant: &str, refresh: &str, other: &str) -> Connection {
        let setting = |name: &str| SettingSpec { name: name.into(), secret: true, ..Default::default() };
        let manifest =
            Manifest { settings: vec![setting("refresh"), setting("client-secret")], ..Default::default() };
        let mut spec = ConnectionSpec::new(tenant, "crm", "example");
        spec.secrets.insert("refresh".into(), Secret::new(refresh).unwrap());
        spec.secrets.insert("client-secret".into(), Secret::new(other).unwrap());
        spec.resolve(&manifest).unwrap()
    }

    async fn stored(store: &Store) -> StoredSecrets {
        StoredSecrets::new(store.clone(), Arc::new(ManualClock::default())).await.unwrap()
    }

    async fn loaded(store: &Store, connection: &Connection) -> Vec<(String, String)> {
        let secrets = stored(store).await.load(connection).await.unwrap();
        secrets.iter().map(|(name, secret)| (name.clone(), secret.expose().to_owned())).collect()
    }

    #[tokio::test]
    async fn a_rotated_secret_is_sealed_and_belongs_to_the_secret_whose_place_it_takes() {
        let folder = Folder::new();
        let store = folder.file_store().await;
        let acme = connection("acme", "k-one-1234", "c-one-1234");
        for text in ["rotated-first", "rotated-second"] {
            let secret = Secret::new(text).unwrap();
            stored(&store).await.save(&acme, "refresh", &secret).await.unwrap();
        }
        store.close().await;
        let file = std::fs::read(folder.file("host.db")).unwrap();
        assert!(!file.windows(8).any(|bytes| bytes == b"rotated-"), "it is in the file in plain text");

        let store = folder.file_store().await;
        let second = [("refresh".to_owned(), "rotated-second".to_owned())];
        assert_eq!(loaded(&store, &acme).await, second);
        assert_eq!(loaded(&store, &connection("acme", "k-one-1234", "c-two-1234")).await, second);
        assert_eq!(loaded(&store, &connection("acme", "k-two-1234", "c-one-1234")).await, []);
        let other_tenant = connection("other", "k-one-1234", "c-one-1234");
        let refused = stored(&store).await.load(&other_tenant).await.unwrap_err();
        assert_eq!(refused, NotStored::Damaged, "it does not open for another tenant");
    }
}
