//! The mapping of each connection, and the notices and systems that give it meaning.
//! Tested in `service/src/consent/tests/definitions.rs`.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{Row, any::AnyRow};

use crate::{choices::item, database::Tx, error::StoreError, notices};
use host_model::{
    consent::{
        Notice, System,
        mapping::{MarkBasis, SavedPlace, StoredItem},
        outbound::Terms,
    },
    contract::consent::ItemId,
};

/// The basis on which a connection's choices are interpreted.
#[derive(Clone, Debug)]
pub struct MappingContext {
    /// The key of its connection.
    pub connection: String,
    /// The system that it belongs to, for data uses; `None` if it belongs to none.
    pub system: Option<System>,
    /// The notices of the tenant.
    pub notices: Vec<Notice>,
    /// Its mapping: items, some of which represent a notice.
    pub mapping: Vec<StoredItem>,
    /// Items of the mapping that the vendor no longer has.
    pub vanished: BTreeSet<ItemId>,
    /// Where each item was when the mapping was saved.
    pub saved: BTreeMap<ItemId, SavedPlace>,
}

impl MappingContext {
    /// Returns the terms for turning requested preferences into item choices.
    pub fn terms(&self) -> Terms<'_> {
        Terms {
            connection: &self.connection,
            system: self.system.as_ref(),
            notices: &self.notices,
            mapping: &self.mapping,
        }
    }

    /// Returns what the items of the mapping are compared with.
    pub fn basis(&self) -> MarkBasis<'_> {
        MarkBasis { saved: &self.saved, notices: &self.notices, system: self.system.as_ref() }
    }

    /// Returns the notice that `item` represents; `None` if it represents none.
    pub fn notice_of(&self, item: &ItemId) -> Option<&str> {
        self.mapping.iter().find(|known| known.id == *item)?.notice.as_deref()
    }

    /// Returns the items that represent `notice` and still exist at the vendor.
    pub fn items_of(&self, notice: &str) -> Vec<ItemId> {
        let stands = |known: &&StoredItem| known.notice.as_deref() == Some(notice);
        let ids = self.mapping.iter().filter(stands).map(|known| &known.id);
        ids.filter(|id| !self.vanished.contains(id)).cloned().collect()
    }
}

/// Returns the system with this key. A system without a description is assumed to use no data.
pub fn described(systems: &[System], key: String) -> System {
    let known = systems.iter().find(|system| system.key == key).cloned();
    known.unwrap_or_else(|| System { name: key.clone(), key, data_uses: BTreeSet::new() })
}

/// Returns the [`MappingContext`] of `connection`, which belongs to `tenant`.
pub async fn ground(tx: &mut Tx, tenant: &str, connection: &str) -> Result<MappingContext, StoreError> {
    let key: Option<Option<String>> = sqlx::query_scalar("SELECT system FROM connections WHERE key = $1")
        .bind(connection)
        .fetch_optional(&mut *tx)
        .await?;
    let systems = notices::systems(tx, tenant).await?;
    let system = key.flatten().map(|key| described(&systems, key));
    let notices = notices::all(tx, tenant).await?;
    let mut context = MappingContext {
        connection: connection.to_owned(),
        system,
        notices,
        mapping: Vec::new(),
        vanished: BTreeSet::new(),
        saved: BTreeMap::new(),
    };
    for row in &stored(tx, connection).await? {
        context.add(row)?;
    }
    Ok(context)
}

async fn stored(tx: &mut Tx, connection: &str) -> Result<Vec<AnyRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT kind, id, name, parent_kind, parent_id, notice, listed, saved_name, saved_parent_kind, saved_parent_id \
         FROM items WHERE connection = $1 ORDER BY kind, id",
    );
    Ok(rows.bind(connection).fetch_all(tx).await?)
}

impl MappingContext {
    /// Adds a stored item.
    fn add(&mut self, row: &AnyRow) -> Result<(), StoreError> {
        let parent = |kind: &str, id: &str| -> Result<_, StoreError> {
            let (kind, id) = (row.try_get(kind)?, row.try_get(id)?);
            Ok(Option::zip(kind, id).map(|(kind, id)| ItemId { kind, id }))
        };
        let id = item(row)?;
        if row.try_get::<i64, _>("listed")? == 0 {
            self.vanished.insert(id.clone());
        }
        if let Some(name) = row.try_get("saved_name")? {
            let parent = parent("saved_parent_kind", "saved_parent_id")?;
            self.saved.insert(id.clone(), SavedPlace { name, parent });
        }
        let (name, parent) = (row.try_get("name")?, parent("parent_kind", "parent_id")?);
        self.mapping.push(StoredItem { id, name, parent, notice: row.try_get("notice")? });
        Ok(())
    }
}

/// Replaces the stored mapping with `mapping`. The items in `vanished` are known to be gone at the vendor.
pub async fn replace(
    tx: &mut Tx,
    connection: &str,
    mapping: &[StoredItem],
    vanished: &BTreeSet<ItemId>,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM items WHERE connection = $1").bind(connection).execute(&mut *tx).await?;
    for stored in mapping {
        sqlx::query(
            "INSERT INTO items (connection, kind, id, name, parent_kind, parent_id, notice, listed, saved_name, \
               saved_parent_kind, saved_parent_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $4, $5, $6)",
        )
        .bind(connection)
        .bind(&stored.id.kind)
        .bind(&stored.id.id)
        .bind(&stored.name)
        .bind(stored.parent.as_ref().map(|parent| parent.kind.as_str()))
        .bind(stored.parent.as_ref().map(|parent| parent.id.as_str()))
        .bind(stored.notice.as_deref())
        .bind(i64::from(!vanished.contains(&stored.id)))
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// Stores the current names and parents of `renamed` items of the mapping, and which of all its items are gone at the vendor.
/// Where they were when the mapping was saved stays known.
pub async fn refresh(
    tx: &mut Tx,
    connection: &str,
    renamed: &[StoredItem],
    vanished: &BTreeSet<ItemId>,
) -> Result<(), StoreError> {
    for now in renamed {
        sqlx::query(
            "UPDATE items SET name = $4, parent_kind = $5, parent_id = $6 WHERE connection = $1 AND kind = $2 AND id = $3",
        )
        .bind(connection)
        .bind(&now.id.kind)
        .bind(&now.id.id)
        .bind(&now.name)
        .bind(now.parent.as_ref().map(|parent| parent.kind.as_str()))
        .bind(now.parent.as_ref().map(|parent| parent.id.as_str()))
        .execute(&mut *tx)
        .await?;
    }
    let listed = "UPDATE items SET listed = 1 WHERE connection = $1 AND listed = 0";
    sqlx::query(listed).bind(connection).execute(&mut *tx).await?;
    for gone in vanished {
        sqlx::query("UPDATE items SET listed = 0 WHERE connection = $1 AND kind = $2 AND id = $3")
            .bind(connection)
            .bind(&gone.kind)
            .bind(&gone.id)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}
