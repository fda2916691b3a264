//! Sessions of the operator's page. How a session began is the page's matter: here it belongs to an API key.

use serde_json::json;

use crate::{
    api_keys::{self, ApiKey},
    audit::{self, ALL_TENANTS, Record},
    database::Tx,
    error::StoreError,
    row_change::RowChange,
    seal::Vault,
};

/// How long a session may last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLifetime {
    /// How long it may be unused, in milliseconds.
    pub idle_ms: i64,
    /// How long it may last in all, in milliseconds.
    pub total_ms: i64,
}

/// How long a use is not recorded after the last one, so that reading a page seldom writes.
const RECORD_EVERY_MS: i64 = 60_000;

/// Begins a session of `key`.
pub async fn begin(tx: &mut Tx, vault: &Vault, at: i64, id: &str, key: &ApiKey) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO page_sessions (id, api_key, began_at, seen_at) VALUES ($1, $2, $3, $3)")
        .bind(id)
        .bind(&key.id)
        .bind(at)
        .execute(&mut *tx)
        .await?;
    append_audit(tx, vault, at, "page-signed-in", key).await
}

/// Ends a session of `key`.
pub async fn end(tx: &mut Tx, vault: &Vault, at: i64, id: &str, key: &ApiKey) -> Result<(), StoreError> {
    let ended = sqlx::query("DELETE FROM page_sessions WHERE id = $1").bind(id).execute(&mut *tx).await?;
    if ended.rows_affected() == 0 {
        return Ok(());
    }
    append_audit(tx, vault, at, "page-signed-out", key).await
}

/// Returns the key of a session that has not ended; `None` if it has, or its key was revoked.
pub async fn holder(
    connection: &mut Tx,
    vault: &Vault,
    at: i64,
    lifetime: SessionLifetime,
    id: &str,
    key: &str,
) -> Result<Option<ApiKey>, StoreError> {
    let sql = "SELECT COUNT(*) FROM page_sessions WHERE id = $1 AND api_key = $2 AND seen_at > $3 AND began_at > $4 \
               AND began_at <= $5";
    let live: i64 = sqlx::query_scalar(sql)
        .bind(id)
        .bind(key)
        .bind(at.saturating_sub(lifetime.idle_ms))
        .bind(at.saturating_sub(lifetime.total_ms))
        // One that began while the clock ran ahead would last longer.
        .bind(at.saturating_add(RECORD_EVERY_MS))
        .fetch_one(&mut *connection)
        .await?;
    if live == 0 {
        return Ok(None);
    }
    api_keys::with_id(connection, vault, key).await
}

/// Returns whether a use of the session at `at` is to be recorded.
pub async fn is_use_due(connection: &mut Tx, at: i64, id: &str) -> Result<bool, StoreError> {
    let sql = "SELECT COUNT(*) FROM page_sessions WHERE id = $1 AND seen_at <= $2";
    let due: i64 = sqlx::query_scalar(sql)
        .bind(id)
        .bind(at.saturating_sub(RECORD_EVERY_MS))
        .fetch_one(connection)
        .await?;
    Ok(due > 0)
}

/// Records that the session is in use, and deletes those that have ended.
pub async fn record_use(
    tx: &mut Tx,
    at: i64,
    lifetime: SessionLifetime,
    id: &str,
) -> Result<RowChange, StoreError> {
    sqlx::query("DELETE FROM page_sessions WHERE seen_at <= $1 OR began_at <= $2")
        .bind(at.saturating_sub(lifetime.idle_ms))
        .bind(at.saturating_sub(lifetime.total_ms))
        .execute(&mut *tx)
        .await?;
    let used = sqlx::query("UPDATE page_sessions SET seen_at = $2 WHERE id = $1 AND seen_at < $2");
    Ok(RowChange::of(used.bind(id).bind(at).execute(tx).await?.rows_affected()))
}

async fn append_audit(
    tx: &mut Tx,
    vault: &Vault,
    at: i64,
    what: &'static str,
    key: &ApiKey,
) -> Result<(), StoreError> {
    let detail = json!({"api-key": key.name, "id": key.id});
    audit::append(tx, vault, ALL_TENANTS, at, &Record { detail, ..Record::of(what) }).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api_keys::NewApiKey,
        grant::Grant,
        testing::{Folder, master_key, sql, write},
    };
    use host_model::{scope::Scopes, secret::Secret};

    const LIFETIME: SessionLifetime = SessionLifetime { idle_ms: 1_800_000, total_ms: 43_200_000 };

    async fn signed_in(folder: &Folder) -> (crate::Store, ApiKey) {
        let store = folder.store().await;
        let text = Secret::random(api_keys::PREFIX).unwrap();
        let key = write(&store, move |tx| {
            Box::pin(async move {
                let vault = master_key().vault();
                let grant = Grant::of(None, Scopes::ReadAll);
                let new = NewApiKey { name: "ops", grant: &grant, text: &text, by: "a test" };
                let key = api_keys::create(tx, &vault, 1, new).await?.unwrap();
                begin(tx, &vault, 1_000, "s-1", &key).await?;
                Ok(key)
            })
        });
        let key = key.await;
        (store, key)
    }

    async fn held(store: &crate::Store, at: i64, key: &str) -> Option<String> {
        let key = key.to_owned();
        let read = store.read(move |c| {
            Box::pin(async move { holder(c, &master_key().vault(), at, LIFETIME, "s-1", &key).await })
        });
        read.await.unwrap().map(|key| key.name)
    }

    async fn used(store: &crate::Store, at: i64) {
        write(store, move |tx| Box::pin(async move { record_use(tx, at, LIFETIME, "s-1").await })).await;
    }

    #[tokio::test]
    async fn a_session_ends_if_it_is_idle_and_when_its_time_is_over() {
        let folder = Folder::new();
        let (store, key) = signed_in(&folder).await;
        let mut at = 1_000 + LIFETIME.idle_ms;
        assert_eq!(held(&store, at - 1, &key.id).await.as_deref(), Some("ops"));
        assert_eq!(held(&store, at, &key.id).await, None, "it was idle");
        while at < 1_000 + LIFETIME.total_ms {
            at -= 1;
            assert!(held(&store, at, &key.id).await.is_some(), "{at}");
            used(&store, at).await;
            at += LIFETIME.idle_ms;
        }
        assert_eq!(held(&store, 1_000 + LIFETIME.total_ms, &key.id).await, None, "its time is over");
        used(&store, 1_000 + LIFETIME.total_ms).await;
        let rows = store.read(|c| Box::pin(is_use_due(c, i64::MAX, "s-1"))).await.unwrap();
        assert!(!rows, "its row is gone");
    }

    #[tokio::test]
    async fn a_session_ends_with_its_key_and_when_it_is_ended_and_belongs_to_one_key() {
        let folder = Folder::new();
        let (store, key) = signed_in(&folder).await;
        assert_eq!(held(&store, 2_000, "another").await, None);
        assert_eq!(held(&store, 1_000 - 120_000, &key.id).await, None, "the clock ran ahead when it began");
        sql(&store, "UPDATE api_keys SET revoked_at = 5, mac = NULL").await;
        assert_eq!(held(&store, 2_000, &key.id).await, None, "the key was revoked");
        let folder = Folder::new();
        let (store, key) = signed_in(&folder).await;
        let (ending, id) = (key.clone(), key.id);
        write(&store, move |tx| {
            Box::pin(async move { end(tx, &master_key().vault(), 3_000, "s-1", &ending).await })
        })
        .await;
        assert_eq!(held(&store, 3_000, &id).await, None);
    }
}
