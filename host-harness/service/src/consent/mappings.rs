//! The mapping of a connection: merged with the vendor's current list when shown, and saved as a whole or not at all.
//! Tested in `src/consent/tests/definitions.rs`.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::json;

use crate::{
    served::{NotServed, Served},
    who::Who,
};
use host_harness::{
    clock::Clock,
    sandbox::{CallResult, Calls},
};
use host_model::{
    consent::mapping::{
        ConsentableItem, ItemChange, MappingFile, MappingProblem, StoredItem, changes, check, mark, merge,
    },
    contract::consent::{Item, ItemId},
    release::call_kind::CallKind,
    requests::retry::AttemptFailure,
};
use host_store::{
    Store, StoreError,
    audit::{self, Record},
    concerned::{self, ConcernedPeople},
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

/// A mapping as a caller sends it.
enum Submitted {
    /// The vendor's tree.
    Tree(Vec<ConsentableItem>),
    /// A file.
    File(MappingFile),
}

impl Submitted {
    /// Returns the items to save, if no rule is broken.
    fn checked(&self, ground: &MappingContext, listed: &[Item]) -> Result<Vec<StoredItem>, MappingError> {
        let known = merge(&ground.mapping, listed).items;
        let (notices, system) = (&ground.notices, ground.system.as_ref());
        let checked = match self {
            Self::Tree(put) => check(put, notices, system, &known),
            Self::File(file) => file.check(notices, system, &known),
        };
        checked.map_err(MappingError::Problems)
    }
}

/// What saving a mapping would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingPreview {
    /// The items whose notice would change.
    pub changes: Vec<ItemChange>,
    /// The people for whom that matters.
    pub concerned: ConcernedPeople,
    /// The number of items that would be saved.
    pub saved: usize,
    /// The number of saved items that would be forgotten.
    pub forgotten: usize,
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
                let ground = items::ground(tx, &tenant, &connection).await?;
                let merged = merge(&ground.mapping, &listed);
                let vanished = vanished(&ground.mapping, &listed);
                if !merged.refreshed.is_empty() || vanished != ground.vanished {
                    items::refresh(tx, &connection, &merged.refreshed, &vanished).await?;
                }
                Ok(marked(merged.items, &ground))
            })
        });
        Ok(shown.await?)
    }

    /// Same as [`show`](Self::show), but `calls`, which may be on another version, lists the items, and nothing is stored.
    pub async fn rehearse(&self, calls: &Calls) -> Result<Vec<ConsentableItem>, MappingError> {
        let listed = listed(calls.list_items().await)?;
        let connection = calls.connection();
        let (tenant, key) = (connection.tenant.0.clone(), connection.key.clone());
        let ground = self.store.read(|c| Box::pin(async move { items::ground(c, &tenant, &key).await }));
        let ground = ground.await?;
        Ok(marked(merge(&ground.mapping, &listed).items, &ground))
    }

    /// Replaces the saved mapping by `put` if it breaks no rule: see [`check`]. Returns the new mapping.
    pub async fn put(
        &self,
        connection: &str,
        put: Vec<ConsentableItem>,
        who: Who,
    ) -> Result<Vec<ConsentableItem>, MappingError> {
        self.save(connection, who, Submitted::Tree(put)).await
    }

    /// Replaces the saved mapping by that of a file, under the same rules. Returns the new mapping.
    pub async fn import(
        &self,
        connection: &str,
        file: MappingFile,
        who: Who,
    ) -> Result<Vec<ConsentableItem>, MappingError> {
        self.save(connection, who, Submitted::File(file)).await
    }

    /// Returns what [`put`](Self::put) would change, under the same rules.
    pub async fn preview(
        &self,
        connection: &str,
        put: Vec<ConsentableItem>,
    ) -> Result<MappingPreview, MappingError> {
        self.compare(connection, Submitted::Tree(put)).await
    }

    /// Returns what [`import`](Self::import) would change, under the same rules.
    pub async fn preview_import(
        &self,
        connection: &str,
        file: MappingFile,
    ) -> Result<MappingPreview, MappingError> {
        self.compare(connection, Submitted::File(file)).await
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
        submitted: Submitted,
    ) -> Result<Vec<ConsentableItem>, MappingError> {
        let (tenant, listed) = self.listed(connection).await?;
        let (connection, at) = (connection.to_owned(), self.clock.date_ms());
        let vault = self.store.vault().clone();
        let saved = self.store.try_write(move |tx| {
            Box::pin(async move {
                let ground = items::ground(tx, &tenant, &connection).await?;
                let stored = submitted.checked(&ground, &listed)?;
                items::replace(tx, &connection, &stored, &vanished(&stored, &listed)).await?;
                let mapped = stored.iter().filter(|item| item.notice.is_some()).count();
                let record = Record {
                    connection: Some(connection.clone()),
                    detail: json!({ "items": stored.len(), "mapped": mapped, "by": by }),
                    ..Record::of("mapping-saved")
                };
                audit::append(tx, &vault, &tenant, at, &record).await?;
                let ground = items::ground(tx, &tenant, &connection).await?;
                Ok(marked(merge(&stored, &listed).items, &ground))
            })
        });
        saved.await
    }

    async fn compare(&self, connection: &str, submitted: Submitted) -> Result<MappingPreview, MappingError> {
        let (tenant, listed) = self.listed(connection).await?;
        let key = connection.to_owned();
        let ground = self.store.read(|c| Box::pin(async move { items::ground(c, &tenant, &key).await }));
        let ground = ground.await?;
        let after = submitted.checked(&ground, &listed)?;
        let changes = changes(&ground.mapping, &after);
        let (key, counted) = (connection.to_owned(), changes.clone());
        let concerned =
            self.store.read(|c| Box::pin(async move { concerned::count(c, &key, &counted).await }));
        let concerned = concerned.await?;
        let kept: BTreeSet<&ItemId> = after.iter().map(|item| &item.id).collect();
        let forgotten = ground.mapping.iter().filter(|item| !kept.contains(&item.id)).count();
        Ok(MappingPreview { changes, concerned, saved: after.len(), forgotten })
    }

    async fn listed(&self, connection: &str) -> Result<(String, Vec<Item>), MappingError> {
        let of = self.served.of_connection(connection)?;
        let answer = of.call(CallKind::ListItems, async |calls| calls.list_items().await).await;
        Ok((of.calls().connection().tenant.0.clone(), listed(answer)?))
    }
}

fn listed(answer: CallResult<Vec<Item>>) -> Result<Vec<Item>, MappingError> {
    let failure = match answer {
        Ok(Ok(items)) => return Ok(items),
        Ok(Err(error)) => AttemptFailure::Connector(error),
        Err(failure) => AttemptFailure::Call(failure),
    };
    Err(MappingError::NotListed(failure.reason()))
}

fn marked(mut items: Vec<ConsentableItem>, ground: &MappingContext) -> Vec<ConsentableItem> {
    mark(&mut items, ground.basis());
    items
}

fn vanished(stored: &[StoredItem], listed: &[Item]) -> BTreeSet<ItemId> {
    let gone = stored.iter().filter(|item| !listed.iter().any(|now| now.id == item.id));
    gone.map(|item| item.id.clone()).collect()
}
