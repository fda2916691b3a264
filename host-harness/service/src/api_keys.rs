//! API keys, created and revoked by callers.
//! Tested in `api/src/tests/api_keys.rs`.

use std::sync::Arc;

use host_harness::clock::Clock;
use host_model::secret::Secret;
use host_store::{
    ApiKey, Batched, Store, StoreError,
    api_keys::{self, NewApiKey, PREFIX},
    grant::{Grant, GrantPart, KeyReach},
};

use crate::who::Who;

/// The API keys. Clones share everything.
#[derive(Clone)]
pub struct ApiKeys {
    store: Store,
    clock: Arc<dyn Clock>,
    /// Looks up the keys that callers present.
    holders: Batched<Vec<u8>, Result<Option<ApiKey>, StoreError>>,
}

/// A key that was created, with its text, which is shown once.
#[derive(Debug)]
pub struct CreatedApiKey {
    /// The key.
    pub key: ApiKey,
    /// Its text.
    pub text: Secret,
}

/// Why a key was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateKeyError {
    /// The key would grant more than the one that creates it.
    #[error("the new key would have more than your own: {}", words(.0))]
    ExceedsOwn(Vec<GrantPart>),
    /// A key in use has the name.
    #[error("an API key named {0} already exists: revoke it, or choose another name")]
    NameTaken(String),
    /// The system provides no randomness.
    #[error("the system provides no randomness for a key")]
    NoRandomness,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Maximum number of keys that are looked up at once: more than callers send requests during a look-up.
const MAX_LOOKED_UP_AT_ONCE: usize = 256;

/// Looks up the keys that several callers present.
fn holders_in(store: Store) -> Batched<Vec<u8>, Result<Option<ApiKey>, StoreError>> {
    Batched::start(MAX_LOOKED_UP_AT_ONCE, move |presented: Vec<Vec<u8>>| {
        let store = store.clone();
        async move {
            let vault = store.vault().clone();
            store.read(|c| Box::pin(async move { api_keys::holders(c, &vault, &presented).await })).await
        }
    })
}

fn words(parts: &[GrantPart]) -> String {
    parts.iter().map(|part| part.as_ref().replace('_', " ")).collect::<Vec<_>>().join(", ")
}

impl ApiKeys {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        let holders = holders_in(store.clone());
        Self { store, clock, holders }
    }

    /// Returns the key in use whose text is `presented`; `None` if there is none. Returns [`StoreError::NotAuthentic`] for a
    /// key that was changed or inserted in the database from outside.
    pub async fn holder(&self, presented: Vec<u8>) -> Result<Option<ApiKey>, StoreError> {
        self.holders.carry_out(presented).await?
    }

    /// Returns the keys whose data lies within `reach`, the newest first, including revoked ones.
    pub async fn list(&self, reach: &KeyReach) -> Result<Vec<ApiKey>, StoreError> {
        let keys = self.store.read(|connection| Box::pin(api_keys::list(connection))).await?;
        Ok(keys.into_iter().rev().filter(|key| reach.includes_all_of(&key.grant.reach)).collect())
    }

    /// Creates a key that grants `grant`, on behalf of `by`, whose own grant must include it.
    pub async fn create(
        &self,
        name: String,
        grant: Grant,
        own: &Grant,
        Who(by): Who,
    ) -> Result<CreatedApiKey, CreateKeyError> {
        let exceeded = own.exceeded_by(&grant);
        if !exceeded.is_empty() {
            return Err(CreateKeyError::ExceedsOwn(exceeded));
        }
        let text = Secret::random(PREFIX).map_err(|_| CreateKeyError::NoRandomness)?;
        let (vault, at) = (self.store.vault().clone(), self.clock.date_ms());
        let (kept, named) = (text.clone(), name.clone());
        let created = self.store.write(move |tx| {
            Box::pin(async move {
                let new = NewApiKey { name: &named, grant: &grant, text: &kept, by: &by };
                api_keys::create(tx, &vault, at, new).await
            })
        });
        let key = created.await?.ok_or(CreateKeyError::NameTaken(name))?;
        Ok(CreatedApiKey { key, text })
    }

    /// Revokes the key in use with this id, if its data lies within `reach`, on behalf of `by`. Returns `None` if there is
    /// no such key.
    pub async fn revoke(
        &self,
        id: String,
        reach: KeyReach,
        Who(by): Who,
    ) -> Result<Option<ApiKey>, StoreError> {
        let (vault, at) = (self.store.vault().clone(), self.clock.date_ms());
        let revoked = self.store.write(move |tx| {
            Box::pin(async move {
                let keys = api_keys::list(tx).await?;
                let is_it = |key: &ApiKey| key.id == id && reach.includes_all_of(&key.grant.reach);
                if !keys.iter().any(is_it) {
                    return Ok(None);
                }
                api_keys::revoke(tx, &vault, at, &id, &by).await
            })
        });
        revoked.await
    }
}
