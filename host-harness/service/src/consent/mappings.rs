//! The mapping of a connection: merged with the vendor's current list when shown, and saved as a whole or not at all.
//! Tested in `src/consent/tests/definitions.rs`.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::json;

use crate::{
    served::{NotServed, Served},
    who::Who,
};
use host_harness::{clock::Clock, sandbox::Calls};
use host_model::{
    consent::mapping::{ConsentableItem, MappingFile, MappingProblem, StoredItem, check, merge},
    contract::consent::Item,
    requests::retry::AttemptFailure,
};
use host_store::{
    Store, StoreError,
    audit::{self, Record},
    items::{self, MappingContext},
};

/// The reason that a mapping was not shown or saved. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// The connection is not served.
    #[error(transparent)]
    NotServed(#[from] NotServed),
    /// The vendor's items could not be listed.
    #[error("the items cannot be listed: {0}")]
    NotListed(String),
    /// The mapping breaks rules.
    #[error("the mapping is not saved: {}", all(.0))]
    Problems(Vec<MappingProblem>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn all(problems: &[MappingProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The mappings of all connections, from items to notices. Clones share everything.
#[derive(Clone)]
pub struct Mappings {
    served: Served,
    store: Store,
    clock: Arc<dyn Clock>,
}

impl Mappings {
    /// Creates the mappings in `store`.
    pub(crate) fn new(served: Served, store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { served, store, clock }
    }

    /// Returns the vendor's current list merged with the saved mapping. Items that the vendor has renamed, moved or
    /// removed are updated in the store.
    pub async fn show(&self, connection: &str) -> Result<Vec<ConsentableItem>, MappingError> {
        let (tenant, listed) = self.listed(connection).await?;
        let connection = connection.to_owned();
        let shown = self.store.write(move |tx| {
            Box::pin(async move {
                let mut ground = items::ground(tx, &tenant, &connection).await?;
                let merged = merge(&ground.mapping, &listed);
                let vanished = vanished(&ground.mapping, &listed);
                if !merged.refreshed.is_empty() || vanished != ground.vanished {
                    for now in merged.refreshed {
                        ground.mapping.iter_mut().filter(|item| item.id == now.id).for_each(|item| {
                            item.clone_from(&now);
                        });
                    }
                    items::replace(tx, &connection, &ground.mapping, &vanished).await?;
                }
                Ok(merged.items)
            })
        });
        Ok(shown.await?)
    }

    /// Same as [`show`](Self::show), but `calls`, which may be on another version, lists the items, and nothing is stored.
    pub async fn rehearse(&self, calls: &Calls) -> Result<Vec<ConsentableItem>, MappingError> {
        let listed = listed(calls).await?;
        let connection = calls.connection();
        let (tenant, key) = (connection.tenant.0.clone(), connection.key.clone());
        let ground = self.store.read(|c| Box::pin(async move { items::ground(c, &tenant, &key).await }));
        Ok(merge(&ground.await?.mapping, &listed).items)
    }

    /// Replaces the saved mapping by `put` if it breaks no rule: see [`check`]. Returns the new mapping.
    pub async fn put(
        &self,
        connection: &str,
        put: Vec<ConsentableItem>,
        who: Who,
    ) -> Result<Vec<ConsentableItem>, MappingError> {
        let checked = move |ground: &MappingContext, known: &_| {
            check(&put, &ground.notices, ground.system.as_ref(), known)
        };
        self.save(connection, who, checked).await
    }

    /// Replaces the saved mapping by that of a file, under the same rules. Returns the new mapping.
    pub async fn import(
        &self,
        connection: &str,
        file: MappingFile,
        who: Who,
    ) -> Result<Vec<ConsentableItem>, MappingError> {
        let checked = move |ground: &MappingContext, known: &_| {
            file.check(&ground.notices, ground.system.as_ref(), known)
        };
        self.save(connection, who, checked).await
    }

    /// Returns the saved mapping as a file.
    pub async fn export(&self, connection: &str) -> Result<MappingFile, MappingError> {
        let tenant = self.served.calls(connection)?.connection().tenant.0.clone();
        let connection = connection.to_owned();
        let ground =
            self.store.read(|c| Box::pin(async move { items::ground(c, &tenant, &connection).await }));
        Ok(MappingFile::of(&ground.await?.mapping))
    }

    async fn save(
        &self,
        connection: &str,
        Who(by): Who,
        checked: impl FnOnce(&MappingContext, &[ConsentableItem]) -> Result<Vec<StoredItem>, Vec<MappingProblem>>
        + Send
        + 'static,
    ) -> Result<Vec<ConsentableItem>, MappingError> {
        let (tenant, listed) = self.listed(connection).await?;
        let (connection, at) = (connection.to_owned(), self.clock.date_ms());
        let vault = self.store.vault().clone();
        let saved = self.store.try_write(move |tx| {
            Box::pin(async move {
                let ground = items::ground(tx, &tenant, &connection).await?;
                let stored = match checked(&ground, &merge(&ground.mapping, &listed).items) {
                    Ok(stored) => stored,
                    Err(problems) => return Err(MappingError::Problems(problems)),
                };
                items::replace(tx, &connection, &stored, &vanished(&stored, &listed)).await?;
                let mapped = stored.iter().filter(|item| item.notice.is_some()).count();
                let record = Record {
                    connection: Some(connection),
                    detail: json!({ "items": stored.len(), "mapped": mapped, "by": by }),
                    ..Record::of("mapping-saved")
                };
                audit::append(tx, &vault, &tenant, at, &record).await?;
                Ok(merge(&stored, &listed).items)
            })
        });
        saved.await
    }

    async fn listed(&self, connection: &str) -> Result<(String, Vec<Item>), MappingError> {
        let calls = self.served.calls(connection)?;
        Ok((calls.connection().tenant.0.clone(), listed(&calls).await?))
    }
}

async fn listed(calls: &Calls) -> Result<Vec<Item>, MappingError> {
    let failure = match calls.list_items().await {
        Ok(Ok(items)) => return Ok(items),
        Ok(Err(error)) => AttemptFailure::Connector(error),
        Err(failure) => AttemptFailure::Call(failure),
    };
    Err(MappingError::NotListed(failure.reason()))
}

fn vanished(stored: &[StoredItem], listed: &[Item]) -> BTreeSet<host_model::contract::consent::ItemId> {
    let gone = stored.iter().filter(|item| !listed.iter().any(|now| now.id == item.id));
    gone.map(|item| item.id.clone()).collect()
}
