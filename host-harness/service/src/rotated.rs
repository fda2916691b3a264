//! Keeps rotated secrets in the database, sealed, and the replicas from exchanging the same one.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use host_harness::{
    clock::Clock,
    connection::Connection,
    egress::{ExchangeTurn, IssuedSecret, NotStored, RotatedSecrets},
};
use host_model::time::millis;
use host_store::{
    Keys, RowChange, Store, StoreError,
    captured_secrets::{self, CapturedSecret, SecretHolder},
    changes::{ChangeKind, NewChange},
    secret_exchanges,
};
use tokio::time::{Instant, sleep};

use crate::limits::host_keys;

/// How much longer a turn lasts than its exchange, because the result must be stored too: as long as a replica may wait for
/// its turn to write.
const LEASE_MARGIN: Duration = Duration::from_secs(30);

/// How often a replica looks whether the turn of another one has ended. An exchange takes a vendor a fraction of a second.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

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

    /// Takes the turn of `connection` until shortly after `ends_at`; `None` while another replica has it.
    async fn take_turn(&self, connection: &str, ends_at: Instant) -> Result<Option<i64>, StoreError> {
        let (connection, replica) = (connection.to_owned(), self.store.replica().clone());
        let taken = self.store.write(move |tx| {
            Box::pin(async move {
                let lasts = ends_at.saturating_duration_since(Instant::now()) + LEASE_MARGIN;
                secret_exchanges::begin(tx, &connection, &replica, lasts).await
            })
        });
        taken.await
    }

    /// Stores `secrets`, unless the result of a later turn is stored.
    async fn store_result(
        &self,
        holder: SecretHolder,
        turn: ExchangeTurn,
        secrets: Vec<CapturedSecret>,
    ) -> Result<RowChange, StoreError> {
        let (keys, at) = (self.keys.clone(), self.clock.date_ms());
        // Whatever another replica changed: these secrets are the newest.
        let (replica, applied) = (self.store.replica().clone(), i64::MAX);
        let change =
            NewChange { replica, applied, kind: ChangeKind::Secret, name: holder.connection.clone() };
        let stored = self.store.write(move |tx| {
            Box::pin(async move {
                let recorded = secret_exchanges::record_stored(tx, &holder.connection, turn.0).await?;
                if recorded == RowChange::Changed {
                    change.record(tx).await?;
                    for secret in &secrets {
                        captured_secrets::save(tx, &keys, &holder, secret, at).await?;
                    }
                }
                Ok(recorded)
            })
        });
        stored.await
    }
}

fn holder(connection: &Connection) -> SecretHolder {
    SecretHolder {
        tenant: connection.tenant.0.clone(),
        connection: connection.key.clone(),
        account: connection.account,
        own: connection.secrets.clone(),
    }
}

impl RotatedSecrets for StoredSecrets {
    fn begin_exchange<'a>(
        &'a self,
        connection: &'a Connection,
        ends_at: Instant,
    ) -> BoxFuture<'a, Result<ExchangeTurn, NotStored>> {
        Box::pin(async move {
            loop {
                let taken = self.take_turn(&connection.key, ends_at).await;
                if let Some(turn) = taken.map_err(|error| reported(&error))? {
                    return Ok(ExchangeTurn(turn));
                }
                sleep(POLL_INTERVAL).await;
            }
        })
    }

    fn end_exchange<'a>(&'a self, connection: &'a Connection, turn: ExchangeTurn) -> BoxFuture<'a, ()> {
        let connection = connection.key.clone();
        let ended = self
            .store
            .write(move |tx| Box::pin(async move { secret_exchanges::end(tx, &connection, turn.0).await }));
        Box::pin(async move {
            if let Err(error) = ended.await {
                tracing::warn!(%error, "end of an exchange of secrets not stored: its turn ends by itself");
            }
        })
    }

    fn load<'a>(&'a self, connection: &'a Connection) -> BoxFuture<'a, Result<Vec<IssuedSecret>, NotStored>> {
        let (holder, keys) = (holder(connection), self.keys.clone());
        let read =
            self.store.read(|c| Box::pin(async move { captured_secrets::load(c, &keys, &holder).await }));
        Box::pin(async move {
            let stored = read.await.map_err(|error| reported(&error))?;
            let now = self.clock.date_ms();
            let issued = stored.into_iter().map(|CapturedSecret { name, secret, expires_at }| {
                let left = |end: i64| u64::try_from(end.saturating_sub(now)).unwrap_or(0);
                IssuedSecret { name, secret, lifetime: expires_at.map(left).map(Duration::from_millis) }
            });
            Ok(issued.collect())
        })
    }

    fn save<'a>(
        &'a self,
        connection: &'a Connection,
        turn: ExchangeTurn,
        secrets: &'a [IssuedSecret],
    ) -> BoxFuture<'a, Result<(), NotStored>> {
        let now = self.clock.date_ms();
        let captured = secrets.iter().map(|issued| CapturedSecret {
            name: issued.name.clone(),
            secret: issued.secret.clone(),
            expires_at: issued.lifetime.map(|lifetime| now.saturating_add(millis(lifetime))),
        });
        let stored = self.store_result(holder(connection), turn, captured.collect());
        Box::pin(async move {
            match stored.await {
                Ok(RowChange::Changed) => Ok(()),
                Ok(RowChange::Unchanged) => Err(NotStored::Superseded),
                Err(error) => Err(reported(&error)),
            }
        })
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
    use host_model::{
        contract::manifest::{Manifest, SettingSpec},
        secret::Secret,
    };
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
        secrets.into_iter().map(|issued| (issued.name, issued.secret.expose().to_owned())).collect()
    }

    /// Stores `text` as what the vendor issued for the secret `name` in a turn of its own.
    async fn exchanged(store: &Store, connection: &Connection, name: &str, text: &str) {
        let stored = stored(store).await;
        let turn = stored.begin_exchange(connection, Instant::now()).await.unwrap();
        stored.save(connection, turn, &[issued(name, text)]).await.unwrap();
        stored.end_exchange(connection, turn).await;
    }

    fn issued(name: &str, text: &str) -> IssuedSecret {
        IssuedSecret { name: name.to_owned(), secret: Secret::new(text).unwrap(), lifetime: None }
    }

    #[tokio::test]
    async fn a_rotated_secret_is_sealed_and_belongs_to_the_secret_whose_place_it_takes() {
        let folder = Folder::new();
        let store = folder.file_store().await;
        let acme = connection("acme", "k-one-1234", "c-one-1234");
        for text in ["rotated-first", "rotated-second"] {
            exchanged(&store, &acme, "refresh", text).await;
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
    #[tokio::test]
    async fn a_secret_in_the_place_of_none_is_void_once_any_of_the_connections_own_was_changed() {
        let folder = Folder::new();
        let store = folder.store().await;
        let acme = connection("acme", "k-one-1234", "c-one-1234");
        exchanged(&store, &acme, "access", "access-first").await;
        assert_eq!(loaded(&store, &acme).await, [("access".to_owned(), "access-first".to_owned())]);
        assert_eq!(loaded(&store, &connection("acme", "k-one-1234", "c-two-1234")).await, []);
    }

    #[tokio::test]
    async fn a_secret_is_loaded_for_as_long_as_the_vendor_accepts_it() {
        let folder = Folder::new();
        let store = folder.store().await;
        let clock = Arc::new(ManualClock::default());
        let stored = StoredSecrets::new(store.clone(), Arc::clone(&clock) as _).await.unwrap();
        let acme = connection("acme", "k-one-1234", "c-one-1234");
        let turn = stored.begin_exchange(&acme, Instant::now()).await.unwrap();
        let lifetime = Some(Duration::from_mins(10));
        stored.save(&acme, turn, &[IssuedSecret { lifetime, ..issued("access", "access-1") }]).await.unwrap();
        for (later, left) in [(4, 6), (5, 1), (2, 0)] {
            clock.advance(Duration::from_mins(later));
            let loaded = stored.load(&acme).await.unwrap();
            assert_eq!(loaded[0].lifetime, Some(Duration::from_mins(left)));
        }
    }

    #[tokio::test]
    async fn a_replica_that_was_frozen_during_its_exchange_replaces_no_newer_secret() {
        let folder = Folder::new();
        if !folder.is_on_server() {
            return;
        }
        let (frozen, other) = (folder.store().await, folder.store().await);
        let acme = connection("acme", "k-one-1234", "c-one-1234");
        let turn = stored(&frozen).await.begin_exchange(&acme, Instant::now()).await.unwrap();
        exchanged(&other, &acme, "refresh", "rotated-newer").await;
        let late = stored(&frozen).await.save(&acme, turn, &[issued("refresh", "rotated-older")]).await;
        assert_eq!(late.unwrap_err(), NotStored::Superseded);
        assert_eq!(loaded(&frozen, &acme).await, [("refresh".to_owned(), "rotated-newer".to_owned())]);
    }
}
