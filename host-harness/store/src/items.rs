//! The mapping of each connection, and the notices and systems that give it meaning.
//! Tested in `service/src/consent/tests/definitions.rs`.

use std::collections::BTreeSet;

use sqlx::{Row, any::AnyRow};

use crate::{choices::item, database::Tx, error::StoreError, notices};
use host_model::{
    consent::{Notice, System, mapping::StoredItem, outbound::Terms},
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
    let (mapping, vanished) = saved(tx, connection).await?;
    Ok(MappingContext { connection: connection.to_owned(), system, notices, mapping, vanished })
}

async fn saved(tx: &mut Tx, connection: &str) -> Result<(Vec<StoredItem>, BTreeSet<ItemId>), StoreError> {
    let rows = sqlx::query(
        "SELECT kind, id, name, parent_kind, parent_id, notice, listed FROM items WHERE connection = $1 \
         ORDER BY kind, id",
    )
    .bind(connection)
    .fetch_all(tx)
    .await?;
    let stored = |row: &AnyRow| {
        let (kind, id) = (row.try_get("parent_kind")?, row.try_get("parent_id")?);
        let parent = Option::zip(kind, id).map(|(kind, id)| ItemId { kind, id });
        Ok(StoredItem { id: item(row)?, name: row.try_get("name")?, parent, notice: row.try_get("notice")? })
    };
    let mut vanished = BTreeSet::new();
    for row in &rows {
        if row.try_get::<i64, _>("listed")? == 0 {
            vanished.insert(item(row)?);
        }
    }
    Ok((rows.iter().map(stored).collect::<Result<_, StoreError>>()?, vanished))
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
            "INSERT INTO items (connection, kind, id, name, parent_kind, parent_id, notice, listed) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
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
