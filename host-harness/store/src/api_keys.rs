//! API keys of operators: stored as digests, and shown once when they are created. A key in use has a MAC over
//! everything that it grants; revoking it deletes the MAC.

use std::collections::{BTreeSet, HashMap};

use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    audit::{self, ALL_TENANTS, Record},
    columns::Column,
    database::Tx,
    error::StoreError,
    grant::{Grant, GrantColumns},
    mac::{RowMac, RowMessage},
    placeholders::{one_of, padded},
    seal::Vault,
};
use host_model::{scope::Scopes, secret::Secret};

/// The prefix of a key's text, so that people and scanners recognize a key.
pub const PREFIX: &str = "chk_";

/// A key without its text. Times are in milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct ApiKey {
    /// Its id.
    pub id: String,
    /// Its name, unique among the keys in use.
    pub name: String,
    /// What it may do.
    #[sqlx(flatten)]
    pub grant: Grant,
    /// When it was created.
    pub created_at: i64,
    /// When it was revoked; `None` while it is in use.
    pub revoked_at: Option<i64>,
}

/// The columns of a key without its text.
fn columns() -> String {
    format!("id, name, {}, created_at, revoked_at", GrantColumns::NAMES)
}

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
        let ApiKey { id, name, grant, created_at, .. } = &self.key;
        let message = vault.row("api key").text(id).text(name).bytes(&self.digest);
        GrantColumns::of(grant).authenticated(message, *created_at)
    }

    /// Whether this program created the key as it is stored.
    pub(crate) fn is_authentic(&self, vault: &Vault) -> bool {
        self.message(vault).matches(self.mac.as_ref())
    }
}

/// Returns the keys in use, oldest first.
pub(crate) async fn in_use(connection: &mut Tx) -> Result<Vec<StoredApiKey>, StoreError> {
    let sql = format!(
        "SELECT {}, digest, mac FROM api_keys WHERE revoked_at IS NULL ORDER BY created_at, id",
        columns()
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(connection).await?)
}

/// Adds the MAC to a key that has just been created or comes from version 0.1.0.
pub(crate) async fn authenticate(tx: &mut Tx, vault: &Vault, key: &StoredApiKey) -> Result<(), StoreError> {
    let RowMac(mac) = key.message(vault).mac();
    sqlx::query("UPDATE api_keys SET mac = $2 WHERE id = $1").bind(&key.key.id).bind(mac).execute(tx).await?;
    Ok(())
}

/// A key that is about to be created.
pub struct NewApiKey<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it may do.
    pub grant: &'a Grant,
    /// Its text, of which only a digest is stored.
    pub text: &'a Secret,
    /// Who creates it, as the audit chain names them.
    pub by: &'a str,
}

/// Creates a key. Returns `None` if a key in use already has its name.
pub async fn create(
    tx: &mut Tx,
    vault: &Vault,
    at: i64,
    NewApiKey { name, grant, text, by }: NewApiKey<'_>,
) -> Result<Option<ApiKey>, StoreError> {
    let taken: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM api_keys WHERE name = $1 AND revoked_at IS NULL")
            .bind(name)
            .fetch_one(&mut *tx)
            .await?;
    if taken > 0 {
        return Ok(None);
    }
    let granted = GrantColumns::of(grant);
    let sql = format!(
        "INSERT INTO api_keys (id, name, digest, created_at, {}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         RETURNING {}, digest, mac",
        GrantColumns::NAMES,
        columns()
    );
    let stored: StoredApiKey = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(Uuid::now_v7().to_string())
        .bind(name)
        .bind(digest(text.expose().as_bytes()))
        .bind(at)
        .bind(granted.tenants)
        .bind(granted.may_write)
        .bind(granted.connections)
        .bind(granted.scopes)
        .bind(granted.callback_hosts)
        .fetch_one(&mut *tx)
        .await?;
    authenticate(tx, vault, &stored).await?;
    append_audit(tx, vault, at, KeyChange { what: "api-key-created", key: &stored.key, by }).await?;
    Ok(Some(stored.key))
}

/// Revokes the key in use that has this id or, if none has, this name, on behalf of `by`. Returns the key; `None` if
/// there is none.
pub async fn revoke(
    tx: &mut Tx,
    vault: &Vault,
    at: i64,
    id_or_name: &str,
    by: &str,
) -> Result<Option<ApiKey>, StoreError> {
    let sql = format!(
        "UPDATE api_keys SET revoked_at = $2, mac = NULL WHERE id = (SELECT id FROM api_keys \
           WHERE (id = $1 OR name = $1) AND revoked_at IS NULL ORDER BY CASE id WHEN $1 THEN 0 ELSE 1 END LIMIT 1) \
         RETURNING {}",
        columns()
    );
    let revoked = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id_or_name).bind(at);
    let Some(key) = revoked.fetch_optional(&mut *tx).await? else { return Ok(None) };
    append_audit(tx, vault, at, KeyChange { what: "api-key-revoked", key: &key, by }).await?;
    Ok(Some(key))
}

/// Returns all keys, oldest first, including revoked ones.
pub async fn list(connection: &mut Tx) -> Result<Vec<ApiKey>, StoreError> {
    let sql = format!("SELECT {} FROM api_keys ORDER BY created_at, id", columns());
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(connection).await?)
}

/// Returns for each of the texts `presented`, in their order, the key in use that has it; `None` if there is none, and
/// [`StoreError::NotAuthentic`] for a key that was changed or inserted in the database from outside. Keys are looked up by
/// digest, so that the timing reveals nothing about the text.
pub async fn holders(
    connection: &mut Tx,
    vault: &Vault,
    presented: &[Vec<u8>],
) -> Result<Vec<Result<Option<ApiKey>, StoreError>>, StoreError> {
    let digests: Vec<_> = presented.iter().map(|text| digest(text)).collect();
    let bound = padded(digests.iter().collect());
    let sql = in_use_where(&one_of("digest", 1, bound.len()));
    let query = bound
        .iter()
        .fold(sqlx::query_as(sqlx::AssertSqlSafe(sql)), |query, digest| query.bind(digest.as_slice()));
    let stored: Vec<StoredApiKey> = query.fetch_all(connection).await?;
    let keys: HashMap<_, _> = stored.iter().map(|key| (&key.digest, key)).collect();
    Ok(digests.iter().map(|digest| authentic(keys.get(digest).copied(), vault)).collect())
}

/// Returns the key in use with this id; `None` if there is none. Returns [`StoreError::NotAuthentic`] for a key that was
/// changed or inserted in the database from outside.
pub async fn with_id(connection: &mut Tx, vault: &Vault, id: &str) -> Result<Option<ApiKey>, StoreError> {
    let found: Option<StoredApiKey> = sqlx::query_as(sqlx::AssertSqlSafe(in_use_where("id = $1")))
        .bind(id)
        .fetch_optional(connection)
        .await?;
    authentic(found.as_ref(), vault)
}

fn in_use_where(condition: &str) -> String {
    format!("SELECT {}, digest, mac FROM api_keys WHERE {condition} AND revoked_at IS NULL", columns())
}

fn authentic(found: Option<&StoredApiKey>, vault: &Vault) -> Result<Option<ApiKey>, StoreError> {
    let Some(stored) = found else { return Ok(None) };
    if stored.is_authentic(vault) {
        return Ok(Some(stored.key.clone()));
    }
    Err(StoreError::NotAuthentic(format!("API key {}", stored.key.name)))
}

fn digest(text: &[u8]) -> Vec<u8> {
    Sha256::digest(text).to_vec()
}

/// What was done to a key.
struct KeyChange<'a> {
    what: &'static str,
    key: &'a ApiKey,
    by: &'a str,
}

/// Records the change in the audit chain of each tenant that the key can access.
async fn append_audit(
    tx: &mut Tx,
    vault: &Vault,
    at: i64,
    KeyChange { what, key, by }: KeyChange<'_>,
) -> Result<(), StoreError> {
    let Grant { reach, scopes, callback_hosts } = &key.grant;
    let mut detail = json!({"by": by, "id": key.id, "name": key.name, "may-write": *scopes == Scopes::All});
    if let Some(detail) = detail.as_object_mut() {
        if let Scopes::Only(scopes) = scopes {
            detail.insert("scopes".to_owned(), json!(scopes));
        }
        if let Some(connections) = &reach.connections {
            detail.insert("connections".to_owned(), json!(connections));
        }
        if !callback_hosts.is_empty() {
            detail.insert("callback-hosts".to_owned(), json!(callback_hosts));
        }
    }
    let record = Record { detail, ..Record::of(what) };
    let everybody = BTreeSet::from([ALL_TENANTS.to_owned()]);
    for tenant in reach.tenants.as_ref().unwrap_or(&everybody) {
        audit::append(tx, vault, tenant, at, &record).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
