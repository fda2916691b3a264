//! The mapping of a connection: shown over what the vendor lists, and saved as a whole or not at all.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::json;

use crate::{
    served::{NotServed, Served},
    who::Who,
};
use host_harness::clock::Clock;
use host_model::{
    consent::mapping::{ConsentableItem, MappingFile, MappingProblem, StoredItem, check, merge},
    contract::consent::Item,
    requests::retry::Failure,
};
use host_store::{
    Store, StoreError,
    audit::{self, Record},
    items::{self, Ground},
};

/// Why a mapping is not shown or saved. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// The connection has no calls.
    #[error(transparent)]
    NotServed(#[from] NotServed),
    /// The vendor's items are not to be had.
    #[error("the items cannot be listed: {0}")]
    NotListed(String),
    /// It breaks rules.
    #[error("the mapping is not saved: {}", all(.0))]
    Problems(Vec<MappingProblem>),
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn all(problems: &[MappingProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// What the items of each connection stand for. Clones share everything.
#[derive(Clone)]
pub struct Mappings {
    served: Served,
    store: Store,
    clock: Arc<dyn Clock>,
}

impl Mappings {
    /// Those in `store`.
    pub(crate) fn new(served: Served, store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { served, store, clock }
    }

    /// What the vendor lists now, over what is saved; what it has renamed, moved or given up since is saved so.
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

    /// Saves `put` in place of what was saved, if it breaks no rule: see [`check`]. The mapping as it is then.
    pub async fn put(
        &self,
        connection: &str,
        put: Vec<ConsentableItem>,
        who: Who,
    ) -> Result<Vec<ConsentableItem>, MappingError> {
        let checked =
            move |ground: &Ground, known: &_| check(&put, &ground.notices, ground.system.as_ref(), known);
        self.save(connection, who, checked).await
    }

    /// The same from a file.
    pub async fn import(
        &self,
        connection: &str,
        file: MappingFile,
        who: Who,
    ) -> Result<Vec<ConsentableItem>, MappingError> {
        let checked =
            move |ground: &Ground, known: &_| file.check(&ground.notices, ground.system.as_ref(), known);
        self.save(connection, who, checked).await
    }

    /// What is saved, as a file.
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
        checked: impl FnOnce(&Ground, &[ConsentableItem]) -> Result<Vec<StoredItem>, Vec<MappingProblem>>
        + Send
        + 'static,
    ) -> Result<Vec<ConsentableItem>, MappingError> {
        let (tenant, listed) = self.listed(connection).await?;
        let (connection, at) = (connection.to_owned(), self.clock.date_ms());
        let saved = self.store.write(move |tx| {
            Box::pin(async move {
                let ground = items::ground(tx, &tenant, &connection).await?;
                let stored = match checked(&ground, &merge(&ground.mapping, &listed).items) {
                    Ok(stored) => stored,
                    Err(problems) => return Ok(Err(MappingError::Problems(problems))),
                };
                items::replace(tx, &connection, &stored, &vanished(&stored, &listed)).await?;
                let mapped = stored.iter().filter(|item| item.notice.is_some()).count();
                let record = Record {
                    connection: Some(connection),
                    detail: json!({ "items": stored.len(), "mapped": mapped, "by": by }),
                    ..Record::of("mapping-saved")
                };
                audit::append(tx, &tenant, at, &record).await?;
                Ok(Ok(merge(&stored, &listed).items))
            })
        });
        saved.await?
    }

    async fn listed(&self, connection: &str) -> Result<(String, Vec<Item>), MappingError> {
        let calls = self.served.calls(connection)?;
        let failure = match calls.list_items().await {
            Ok(Ok(items)) => return Ok((calls.connection().tenant.0.clone(), items)),
            Ok(Err(error)) => Failure::Connector(error),
            Err(failure) => Failure::Call(failure),
        };
        Err(MappingError::NotListed(failure.reason()))
    }
}

fn vanished(stored: &[StoredItem], listed: &[Item]) -> BTreeSet<host_model::contract::consent::ItemId> {
    let gone = stored.iter().filter(|item| !listed.iter().any(|now| now.id == item.id));
    gone.map(|item| item.id.clone()).collect()
}
