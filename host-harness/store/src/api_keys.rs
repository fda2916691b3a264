//! API keys of operators: stored as digests, and shown once when they are created. A key in use has a MAC over
//! everything that it grants; revoking it deletes the MAC.

use std::collections::BTreeSet;

use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    audit::{self, ALL_TENANTS, Record},
    columns::{Column, column},
    database::Tx,
    error::StoreError,
    mac::{RowMac, RowMessage},
    seal::Vault,
};
use host_model::secret::Secret;

/// The prefix of a key's text, so that people and scanners recognize a key.
pub const PREFIX: &str = "chk_";

/// What a key may do.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Scope {
    /// The tenants that it can access; `None` for all tenants.
    #[sqlx(try_from = "Column<Option<BTreeSet<String>>>")]
    pub tenants: Option<BTreeSet<String>>,
    /// Whether it may write; otherwise it is read-only.
    #[sqlx(try_from = "Column<bool>")]
    pub may_write: bool,
}

impl Scope {
    /// Returns whether it can access `tenant`.
    pub fn reaches(&self, tenant: &str) -> bool {
        self.tenants.as_ref().is_none_or(|tenants| tenants.contains(tenant))
    }
}

// A JSON list of tenants; null for all of them.
column!(Option<BTreeSet<String>>: Option<String>, |list| {
    list.map(|list| serde_json::from_str(&list))
        .transpose()
        .map_err(|error| StoreError::Unreadable(format!("an API key's tenants: {error}")))
});

/// A key without its text. Times are in milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct ApiKey {
    /// Its id.
    pub id: String,
    /// Its name, unique among the keys in use.
    pub name: String,
    /// What it may do.
    #[sqlx(flatten)]
    pub scope: Scope,
    /// When it was created.
    pub created_at: i64,
    /// When it was revoked; `None` while it is in use.
    pub revoked_at: Option<i64>,
}

const COLUMNS: &str = "id, name, tenants, may_write, created_at, revoked_at";

/// A key in use as it is stored.
#[derive(sqlx::FromRow)]
pub(crate) struct StoredApiKey {
    #[sqlx(flatten)]
    pub(crate) key: ApiKey,
    digest: Vec<u8>,
    #[sqlx(try_from = "Column<Option<RowMac>>")]
    mac: Option<RowMac>,
}

impl StoredApiKey {
    /// Begins the message of everything that the key grants.
    fn message(&self, vault: &Vault) -> RowMessage {
        let ApiKey { id, name, scope, created_at, .. } = &self.key;
        let tenants = scope.tenants.as_ref().map(|tenants| json!(tenants).to_string());
        vault
            .row("api key")
            .text(id)
            .text(name)
            .bytes(&self.digest)
            .optional(tenants.as_deref().map(str::as_bytes))
            .number(i64::from(scope.may_write))
            .number(*created_at)
    }

    /// Whether this program created the key as it is stored.
    pub(crate) fn is_authentic(&self, vault: &Vault) -> bool {
        self.message(vault).matches(self.mac.as_ref())
    }
}

/// Returns the keys in use, oldest first.
pub(crate) async fn in_use(connection: &mut Tx) -> Result<Vec<StoredApiKey>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS}, digest, mac FROM api_keys WHERE revoked_at IS NULL ORDER BY created_at, id"
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(connection).await?)
}

/// Adds the MAC to a key that has just been created or comes from version 0.1.0.
pub(crate) async fn authenticate(tx: &mut Tx, vault: &Vault, key: &StoredApiKey) -> Result<(), StoreError> {
    let RowMac(mac) = key.message(vault).mac();
    sqlx::query("UPDATE api_keys SET mac = $2 WHERE id = $1").bind(&key.key.id).bind(mac).execute(tx).await?;
    Ok(())
}

/// Creates a key with the text `text`. Returns `None` if a key in use already has that name.
pub async fn create(
    tx: &mut Tx,
    vault: &Vault,
    at: i64,
    name: &str,
    scope: &Scope,
    text: &Secret,
) -> Result<Option<ApiKey>, StoreError> {
    let taken: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM api_keys WHERE name = $1 AND revoked_at IS NULL")
            .bind(name)
            .fetch_one(&mut *tx)
            .await?;
    if taken > 0 {
        return Ok(None);
    }
    let tenants = scope.tenants.as_ref().map(|tenants| json!(tenants).to_string());
    let sql = format!(
        "INSERT INTO api_keys (id, name, digest, tenants, may_write, created_at) VALUES ($1, $2, $3, $4, $5, $6) \
         RETURNING {COLUMNS}, digest, mac"
    );
    let stored: StoredApiKey = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(Uuid::now_v7().to_string())
        .bind(name)
        .bind(digest(text.expose().as_bytes()))
        .bind(tenants)
        .bind(i64::from(scope.may_write))
        .bind(at)
        .fetch_one(&mut *tx)
        .await?;
    authenticate(tx, vault, &stored).await?;
    append_audit(tx, vault, at, "api-key-created", &stored.key).await?;
    Ok(Some(stored.key))
}

/// Revokes the key in use that has this id or name. Returns the key; `None` if there is none.
pub async fn revoke(
    tx: &mut Tx,
    vault: &Vault,
    at: i64,
    id_or_name: &str,
) -> Result<Option<ApiKey>, StoreError> {
    let sql = format!(
        "UPDATE api_keys SET revoked_at = $2, mac = NULL WHERE (id = $1 OR name = $1) AND revoked_at IS NULL RETURNING {COLUMNS}"
    );
    let revoked = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id_or_name).bind(at);
    let Some(key) = revoked.fetch_optional(&mut *tx).await? else { return Ok(None) };
    append_audit(tx, vault, at, "api-key-revoked", &key).await?;
    Ok(Some(key))
}

/// Returns all keys, oldest first, including revoked ones.
pub async fn list(connection: &mut Tx) -> Result<Vec<ApiKey>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM api_keys ORDER BY created_at, id");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(connection).await?)
}

/// Returns the key in use whose text is `presented`; `None` if there is none. Returns [`StoreError::NotAuthentic`] for a
/// key that was changed or inserted in the database from outside. The key is looked up by digest, so that the timing
/// reveals nothing about the text.
pub async fn holder(
    connection: &mut Tx,
    vault: &Vault,
    presented: &[u8],
) -> Result<Option<ApiKey>, StoreError> {
    let sql = format!("SELECT {COLUMNS}, digest, mac FROM api_keys WHERE digest = $1 AND revoked_at IS NULL");
    let found = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(digest(presented));
    let Some(stored) = found.fetch_optional(connection).await? else { return Ok(None) };
    let stored: StoredApiKey = stored;
    if stored.is_authentic(vault) {
        return Ok(Some(stored.key));
    }
    Err(StoreError::NotAuthentic(format!("API key {}", stored.key.name)))
}

fn digest(text: &[u8]) -> Vec<u8> {
    Sha256::digest(text).to_vec()
}

/// Records `what` in the audit chain of each tenant that the key can access.
async fn append_audit(
    tx: &mut Tx,
    vault: &Vault,
    at: i64,
    what: &'static str,
    key: &ApiKey,
) -> Result<(), StoreError> {
    let detail = json!({"id": key.id, "name": key.name, "may-write": key.scope.may_write});
    let record = Record { detail, ..Record::of(what) };
    let everybody = BTreeSet::from([ALL_TENANTS.to_owned()]);
    for tenant in key.scope.tenants.as_ref().unwrap_or(&everybody) {
        audit::append(tx, vault, tenant, at, &record).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Folder, master_key, sql, write};

    fn scope(tenants: Option<&[&str]>) -> Scope {
        let tenants = tenants.map(|tenants| tenants.iter().map(|tenant| (*tenant).to_owned()).collect());
        Scope { tenants, may_write: true }
    }

    #[tokio::test]
    async fn a_key_opens_what_it_was_made_for_until_it_is_revoked() {
        let folder = Folder::new();
        let store = folder.store().await;
        let (made, found, revoked, after, again) = write(&store, |tx| {
            Box::pin(async move {
                let (vault, text) = (master_key().vault(), Secret::random(PREFIX).unwrap());
                let made = create(tx, &vault, 17, "ops", &scope(Some(&["acme"])), &text).await?.unwrap();
                let again = create(tx, &vault, 18, "ops", &scope(None), &text).await?;
                assert_eq!(again, None, "the name is taken");
                let found = holder(tx, &vault, text.expose().as_bytes()).await?;
                assert_eq!(holder(tx, &vault, b"chk_wrong").await?, None);
                let revoked = revoke(tx, &vault, 19, "ops").await?.unwrap();
                let after = holder(tx, &vault, text.expose().as_bytes()).await?;
                Ok((made, found, revoked, after, revoke(tx, &vault, 20, "ops").await?))
            })
        })
        .await;
        assert_eq!(found.as_ref(), Some(&made));
        assert!(made.scope.reaches("acme") && !made.scope.reaches("other"));
        assert_eq!((revoked.id, revoked.revoked_at), (made.id, Some(19)));
        assert_eq!((after, again), (None, None));
    }

    #[tokio::test]
    async fn a_keys_text_is_in_no_row_and_its_making_is_on_record() {
        let folder = Folder::new();
        let store = folder.store().await;
        let (text, rows, records): (Secret, Vec<String>, Vec<String>) = write(&store, |tx| {
            Box::pin(async move {
                let text = Secret::random(PREFIX).unwrap();
                create(tx, &master_key().vault(), 17, "ops", &scope(None), &text).await?;
                let rows =
                    sqlx::query_scalar("SELECT name || COALESCE(tenants, '') || hex(digest) FROM api_keys");
                let rows = rows.fetch_all(&mut *tx).await?;
                let records = sqlx::query_scalar("SELECT record FROM audit WHERE tenant = '*'");
                Ok((text, rows, records.fetch_all(tx).await?))
            })
        })
        .await;
        let bits = text.expose().strip_prefix(PREFIX).unwrap();
        assert_eq!(bits.len(), 64);
        assert_eq!(rows.len(), 1);
        assert!(!rows[0].to_lowercase().contains(bits), "{rows:?}");
        assert!(records[0].contains("api-key-created") && !records[0].contains(bits), "{records:?}");
    }

    /// Returns the refusal of a key for `acme` alone after the statement `how` was run on the database.
    async fn refusal_after(how: &'static str) -> Option<String> {
        let folder = Folder::new();
        let store = folder.store().await;
        let (ours, theirs) = (Secret::random(PREFIX).unwrap(), Secret::random(PREFIX).unwrap());
        let (kept, revoked) = (ours.clone(), theirs.clone());
        write(&store, move |tx| {
            Box::pin(async move {
                let vault = master_key().vault();
                create(tx, &vault, 17, "ops", &scope(Some(&["acme"])), &kept).await?;
                create(tx, &vault, 17, "former", &scope(None), &revoked).await?;
                revoke(tx, &vault, 18, "former").await
            })
        })
        .await;
        sql(&store, how).await;
        let held = write(&store, move |tx| {
            Box::pin(async move {
                let vault = master_key().vault();
                let mut held = Vec::new();
                for text in [ours, theirs] {
                    held.push(holder(tx, &vault, text.expose().as_bytes()).await.map_err(|e| e.to_string()));
                }
                Ok(held)
            })
        });
        held.await.into_iter().find_map(Result::err)
    }

    #[tokio::test]
    async fn a_key_that_was_changed_or_brought_back_in_the_database_grants_nothing() {
        let refused = |name| {
            Some(format!(
                "API key {name} was changed or inserted in the database from outside: it has no valid authentication code"
            ))
        };
        for (how, name) in [
            ("UPDATE api_keys SET tenants = NULL WHERE name = 'ops'", "ops"),
            ("UPDATE api_keys SET tenants = '[\"acme\",\"victim\"]' WHERE name = 'ops'", "ops"),
            ("UPDATE api_keys SET may_write = 0 WHERE name = 'ops'", "ops"),
            ("UPDATE api_keys SET name = 'root' WHERE name = 'ops'", "root"),
            ("UPDATE api_keys SET created_at = 18 WHERE name = 'ops'", "ops"),
            ("UPDATE api_keys SET id = 'another' WHERE name = 'ops'", "ops"),
            ("UPDATE api_keys SET mac = NULL WHERE name = 'ops'", "ops"),
            ("UPDATE api_keys SET revoked_at = NULL WHERE name = 'former'", "former"),
        ] {
            assert_eq!(refusal_after(how).await, refused(name), "{how}");
        }
        assert_eq!(refusal_after("UPDATE api_keys SET revoked_at = NULL WHERE 0 = 1").await, None);
    }
}
