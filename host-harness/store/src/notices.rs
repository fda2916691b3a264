//! A tenant's notices, and the systems that its connections belong to.
//! Tested in `service/src/consent/tests`.

use std::collections::BTreeSet;

use sqlx::{Row, any::AnyRow};

use crate::{columns::word, database::Tx, error::StoreError, row_change::RowChange};
use host_model::consent::{Notice, System};

/// Returns all notices of `tenant`, ordered by id.
pub async fn all(tx: &mut Tx, tenant: &str) -> Result<Vec<Notice>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, key, name, data_uses, enforcement FROM notices WHERE tenant = $1 ORDER BY id",
    )
    .bind(tenant)
    .fetch_all(tx)
    .await?;
    let notice = |row: &AnyRow| {
        Ok(Notice {
            id: row.try_get("id")?,
            key: row.try_get("key")?,
            name: row.try_get("name")?,
            data_uses: data_uses(row)?,
            enforcement: word("the enforcement level", row.try_get("enforcement")?)?,
        })
    };
    rows.iter().map(notice).collect()
}

/// Stores `notice`, replacing one with the same id.
pub async fn put(tx: &mut Tx, tenant: &str, notice: &Notice) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO notices (tenant, id, key, name, data_uses, enforcement) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (tenant, id) DO UPDATE SET key = excluded.key, name = excluded.name, \
           data_uses = excluded.data_uses, enforcement = excluded.enforcement",
    )
    .bind(tenant)
    .bind(&notice.id)
    .bind(notice.key.as_deref())
    .bind(&notice.name)
    .bind(list(&notice.data_uses))
    .bind(notice.enforcement.as_ref())
    .execute(tx)
    .await?;
    Ok(())
}

/// Deletes the notice with this id, if it exists.
pub async fn delete(tx: &mut Tx, tenant: &str, id: &str) -> Result<RowChange, StoreError> {
    let gone = sqlx::query("DELETE FROM notices WHERE tenant = $1 AND id = $2").bind(tenant).bind(id);
    Ok(RowChange::of(gone.execute(tx).await?.rows_affected()))
}

/// Returns all systems of `tenant`, ordered by key.
pub async fn systems(tx: &mut Tx, tenant: &str) -> Result<Vec<System>, StoreError> {
    let rows = sqlx::query("SELECT key, name, data_uses FROM systems WHERE tenant = $1 ORDER BY key")
        .bind(tenant)
        .fetch_all(tx)
        .await?;
    let system = |row: &AnyRow| {
        Ok(System { key: row.try_get("key")?, name: row.try_get("name")?, data_uses: data_uses(row)? })
    };
    rows.iter().map(system).collect()
}

/// Stores `system`, replacing one with the same key.
pub async fn put_system(tx: &mut Tx, tenant: &str, system: &System) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO systems (tenant, key, name, data_uses) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (tenant, key) DO UPDATE SET name = excluded.name, data_uses = excluded.data_uses",
    )
    .bind(tenant)
    .bind(&system.key)
    .bind(&system.name)
    .bind(list(&system.data_uses))
    .execute(tx)
    .await?;
    Ok(())
}

/// Deletes the system with this key, if it exists.
pub async fn delete_system(tx: &mut Tx, tenant: &str, key: &str) -> Result<RowChange, StoreError> {
    let gone = sqlx::query("DELETE FROM systems WHERE tenant = $1 AND key = $2").bind(tenant).bind(key);
    Ok(RowChange::of(gone.execute(tx).await?.rows_affected()))
}

/// Returns the keys of the connections of `tenant`, each with the key of its system, if it belongs to one.
pub async fn connections(tx: &mut Tx, tenant: &str) -> Result<Vec<(String, Option<String>)>, StoreError> {
    let rows = sqlx::query_as("SELECT key, system FROM connections WHERE tenant = $1 ORDER BY key")
        .bind(tenant)
        .fetch_all(tx)
        .await?;
    Ok(rows)
}

fn list(data_uses: &BTreeSet<String>) -> String {
    data_uses.iter().cloned().collect::<serde_json::Value>().to_string()
}

fn data_uses(row: &AnyRow) -> Result<BTreeSet<String>, StoreError> {
    serde_json::from_str(row.try_get("data_uses")?)
        .map_err(|_| StoreError::Unreadable("data uses".to_owned()))
}
