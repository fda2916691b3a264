//! A tenant's notices and systems, as defined by its platform.
//! Tested in `src/consent/tests/definitions.rs`.

use host_store::RowChange;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::who::Who;
use host_harness::clock::Clock;
use host_model::{
    consent::{NotPropagated, Notice, System, notice::UnfitField},
    contract::consent::ItemId,
};
use host_store::{
    Store, StoreError, Tx, Vault,
    audit::{self, Record},
    items::{self, MappingContext},
    notices::{self, connections},
};

/// The reason that a notice or system was not changed. Nothing was changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CatalogueError {
    /// A text is too long, or contains a hidden character.
    #[error(transparent)]
    Unfit(#[from] UnfitField),
    /// A mapping would no longer be valid.
    #[error("connection {connection} maps {item}: {why}; map the item elsewhere first")]
    Breaks {
        /// The connection's key.
        connection: String,
        /// The mapped item.
        item: ItemId,
        /// What would be wrong with the mapping.
        why: MappingConflict,
    },
    /// Another notice already has the key.
    #[error("notice `{notice}` already has the key `{key}`: each of a tenant's notices needs its own key")]
    KeyTaken {
        /// The id of the other notice.
        notice: String,
        /// The key.
        key: String,
    },
    /// A connection belongs to the system.
    #[error("connection {connection} belongs to system `{system}`: assign it to another system first")]
    SystemInUse {
        /// The connection's key.
        connection: String,
        /// The system's key.
        system: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What would be wrong with an item's notice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingConflict {
    /// The notice would no longer exist.
    #[error("the notice would no longer exist")]
    Gone,
    /// The notice's choices would no longer reach it.
    #[error(transparent)]
    NotPropagated(#[from] NotPropagated),
}

/// The tenants' notices and systems. Clones share everything.
#[derive(Clone)]
pub struct Catalogue {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl Catalogue {
    /// Creates the catalogue of the notices and systems in `store`.
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Returns all notices of `tenant`, ordered by id.
    pub async fn notices(&self, tenant: &str) -> Result<Vec<Notice>, StoreError> {
        let tenant = tenant.to_owned();
        self.store.read(|c| Box::pin(async move { notices::all(c, &tenant).await })).await
    }

    /// Returns all systems of `tenant`, ordered by key.
    pub async fn systems(&self, tenant: &str) -> Result<Vec<System>, StoreError> {
        let tenant = tenant.to_owned();
        self.store.read(|c| Box::pin(async move { notices::systems(c, &tenant).await })).await
    }

    /// Stores `notice`, replacing the one with the same id.
    pub async fn put_notice(&self, tenant: &str, notice: Notice, Who(by): Who) -> Result<(), CatalogueError> {
        notice.check()?;
        let (tenant, at) = (tenant.to_owned(), self.clock.date_ms());
        let vault = self.store.vault().clone();
        let stored = self.store.try_write(move |tx| {
            Box::pin(async move {
                let mut after = notices::all(tx, &tenant).await?;
                after.retain(|known| known.id != notice.id);
                let same = after.iter().find(|known| known.key.is_some() && known.key == notice.key);
                if let (Some(same), Some(key)) = (same, notice.key.clone()) {
                    return Err(CatalogueError::KeyTaken { notice: same.id.clone(), key });
                }
                after.push(notice.clone());
                let systems = notices::systems(tx, &tenant).await?;
                if let Some(broken) = broken(tx, &tenant, &after, &systems).await? {
                    return Err(broken);
                }
                notices::put(tx, &tenant, &notice).await?;
                let detail = json!({ "notice": notice.id, "by": by });
                Ok(append_audit(tx, &vault, &tenant, at, "notice-saved", detail).await?)
            })
        });
        stored.await
    }

    /// Deletes the notice with this id, if it exists.
    pub async fn delete_notice(
        &self,
        tenant: &str,
        id: &str,
        Who(by): Who,
    ) -> Result<RowChange, CatalogueError> {
        let (tenant, id, at) = (tenant.to_owned(), id.to_owned(), self.clock.date_ms());
        let vault = self.store.vault().clone();
        let deleted = self.store.try_write(move |tx| {
            Box::pin(async move {
                let mut after = notices::all(tx, &tenant).await?;
                after.retain(|known| known.id != id);
                let systems = notices::systems(tx, &tenant).await?;
                if let Some(broken) = broken(tx, &tenant, &after, &systems).await? {
                    return Err(broken);
                }
                let change = notices::delete(tx, &tenant, &id).await?;
                if change == RowChange::Changed {
                    append_audit(
                        tx,
                        &vault,
                        &tenant,
                        at,
                        "notice-deleted",
                        json!({ "notice": id, "by": by }),
                    )
                    .await?;
                }
                Ok(change)
            })
        });
        deleted.await
    }

    /// Stores `system`, replacing the one with the same key.
    pub async fn put_system(&self, tenant: &str, system: System, Who(by): Who) -> Result<(), CatalogueError> {
        system.check()?;
        let (tenant, at) = (tenant.to_owned(), self.clock.date_ms());
        let vault = self.store.vault().clone();
        let stored = self.store.try_write(move |tx| {
            Box::pin(async move {
                let mut after = notices::systems(tx, &tenant).await?;
                after.retain(|known| known.key != system.key);
                after.push(system.clone());
                let notices = notices::all(tx, &tenant).await?;
                if let Some(broken) = broken(tx, &tenant, &notices, &after).await? {
                    return Err(broken);
                }
                notices::put_system(tx, &tenant, &system).await?;
                let detail = json!({ "system": system.key, "by": by });
                Ok(append_audit(tx, &vault, &tenant, at, "system-saved", detail).await?)
            })
        });
        stored.await
    }

    /// Deletes the system with this key if it exists and no connection belongs to it.
    pub async fn delete_system(
        &self,
        tenant: &str,
        key: &str,
        Who(by): Who,
    ) -> Result<RowChange, CatalogueError> {
        let (tenant, key, at) = (tenant.to_owned(), key.to_owned(), self.clock.date_ms());
        let vault = self.store.vault().clone();
        let deleted = self.store.try_write(move |tx| {
            Box::pin(async move {
                let connections = connections(tx, &tenant).await?;
                let user = connections.into_iter().find(|(_, system)| system.as_ref() == Some(&key));
                if let Some((connection, _)) = user {
                    return Err(CatalogueError::SystemInUse { connection, system: key });
                }
                let change = notices::delete_system(tx, &tenant, &key).await?;
                if change == RowChange::Changed {
                    append_audit(
                        tx,
                        &vault,
                        &tenant,
                        at,
                        "system-deleted",
                        json!({ "system": key, "by": by }),
                    )
                    .await?;
                }
                Ok(change)
            })
        });
        deleted.await
    }
}

async fn append_audit(
    tx: &mut Tx,
    vault: &Vault,
    tenant: &str,
    at: i64,
    what: &'static str,
    detail: Value,
) -> Result<(), StoreError> {
    audit::append(tx, vault, tenant, at, &Record { detail, ..Record::of(what) }).await
}

/// Returns what would be wrong with the mapping of `connection` if it belonged to `system`.
pub(crate) async fn broken_by_system(
    tx: &mut Tx,
    tenant: &str,
    connection: &str,
    system: Option<&str>,
) -> Result<Option<CatalogueError>, StoreError> {
    let ground = items::ground(tx, tenant, connection).await?;
    let systems = notices::systems(tx, tenant).await?;
    let system = system.map(|key| items::described(&systems, key.to_owned()));
    Ok(first_broken(&ground, &ground.notices, system.as_ref()))
}

/// Returns an error for the first mapped item that `notices` and `systems` would leave without a notice that reaches
/// it.
async fn broken(
    tx: &mut Tx,
    tenant: &str,
    notices: &[Notice],
    systems: &[System],
) -> Result<Option<CatalogueError>, StoreError> {
    for (connection, system) in connections(tx, tenant).await? {
        let system = system.map(|key| items::described(systems, key));
        let ground = items::ground(tx, tenant, &connection).await?;
        if let Some(broken) = first_broken(&ground, notices, system.as_ref()) {
            return Ok(Some(broken));
        }
    }
    Ok(None)
}

fn first_broken(
    ground: &MappingContext,
    notices: &[Notice],
    system: Option<&System>,
) -> Option<CatalogueError> {
    ground.mapping.iter().find_map(|stored| {
        let id = stored.notice.as_ref()?;
        let why = match notices.iter().find(|notice| notice.id == *id) {
            Some(notice) => MappingConflict::from(notice.reaches(system).err()?),
            None => MappingConflict::Gone,
        };
        Some(CatalogueError::Breaks { connection: ground.connection.clone(), item: stored.id.clone(), why })
    })
}
