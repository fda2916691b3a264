//! API keys of operators: stored as digests, and shown once when they are created. A key in use has a MAC over
//! everything that it grants; revoking it deletes the MAC.

use std::collections::BTreeSet;

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

/// Creates a key with the text `text`. Returns `None` if a key in use already has that name.
pub async fn create(
    tx: &mut Tx,
    vault: &Vault,
    at: i64,
    name: &str,
    grant: &Grant,
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
        "UPDATE api_keys SET revoked_at = $2, mac = NULL WHERE (id = $1 OR name = $1) AND revoked_at IS NULL RETURNING {}",
        columns()
    );
    let revoked = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id_or_name).bind(at);
    let Some(key) = revoked.fetch_optional(&mut *tx).await? else { return Ok(None) };
    append_audit(tx, vault, at, "api-key-revoked", &key).await?;
    Ok(Some(key))
}

/// Returns all keys, oldest first, including revoked ones.
pub async fn list(connection: &mut Tx) -> Result<Vec<ApiKey>, StoreError> {
    let sql = format!("SELECT {} FROM api_keys ORDER BY created_at, id", columns());
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
    let found = one_in_use(connection, "digest", digest(presented)).await?;
    authentic(found, vault)
}

/// Returns the key in use with this id; `None` if there is none. Returns [`StoreError::NotAuthentic`] for a key that was
/// changed or inserted in the database from outside.
pub async fn with_id(connection: &mut Tx, vault: &Vault, id: &str) -> Result<Option<ApiKey>, StoreError> {
    let found = one_in_use(connection, "id", id.to_owned()).await?;
    authentic(found, vault)
}

async fn one_in_use<'q>(
    connection: &mut Tx,
    column: &str,
    value: impl sqlx::Encode<'q, sqlx::Any> + sqlx::Type<sqlx::Any> + Send + 'q,
) -> Result<Option<StoredApiKey>, StoreError> {
    let sql =
        format!("SELECT {}, digest, mac FROM api_keys WHERE {column} = $1 AND revoked_at IS NULL", columns());
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(value).fetch_optional(connection).await?)
}

fn authentic(found: Option<StoredApiKey>, vault: &Vault) -> Result<Option<ApiKey>, StoreError> {
    let Some(stored) = found else { return Ok(None) };
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
    let Grant { reach, scopes, callback_hosts } = &key.grant;
    let mut detail = json!({"id": key.id, "name": key.name, "may-write": *scopes == Scopes::All});
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
mod tests {
    use super::*;
    use crate::{
        grant::KeyReach,
        testing::{Folder, master_key, sql, write},
    };

    fn grant(tenants: Option<&[&str]>) -> Grant {
        Grant::of(tenants.map(owned), Scopes::All)
    }

    fn owned(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[tokio::test]
    async fn a_key_opens_what_it_was_made_for_until_it_is_revoked() {
        let folder = Folder::new();
        let store = folder.store().await;
        let (made, found, revoked, after, again) = write(&store, |tx| {
            Box::pin(async move {
                let (vault, text) = (master_key().vault(), Secret::random(PREFIX).unwrap());
                let made = create(tx, &vault, 17, "ops", &grant(Some(&["acme"])), &text).await?.unwrap();
                let again = create(tx, &vault, 18, "ops", &grant(None), &text).await?;
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
        assert!(made.grant.reach.includes_tenant("acme") && !made.grant.reach.includes_tenant("other"));
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
                create(tx, &master_key().vault(), 17, "ops", &grant(None), &text).await?;
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

    #[tokio::test]
    async fn a_key_with_scopes_of_some_connections_is_read_as_it_was_created_and_cannot_be_widened() {
        let folder = Folder::new();
        let store = folder.store().await;
        let only = ["requests:write", "consent:write"].map(|scope| scope.parse().unwrap());
        let grant = Grant {
            reach: KeyReach { tenants: Some(owned(&["acme"])), connections: Some(owned(&["newsletter"])) },
            scopes: Scopes::Only(BTreeSet::from(only)),
            callback_hosts: owned(&["fides.example.com"]),
        };
        for how in [
            "UPDATE api_keys SET scopes = NULL, connections = NULL, callback_hosts = NULL",
            "UPDATE api_keys SET scopes = NULL",
            "UPDATE api_keys SET connections = NULL",
            "UPDATE api_keys SET callback_hosts = '[\"example.com\"]'",
        ] {
            let (text, created) = (Secret::random(PREFIX).unwrap(), grant.clone());
            let kept = text.clone();
            write(&store, move |tx| {
                Box::pin(async move { create(tx, &master_key().vault(), 17, "fides", &created, &kept).await })
            })
            .await;
            let found = async || {
                let presented = text.expose().as_bytes().to_vec();
                let found = store
                    .read(|c| Box::pin(async move { holder(c, &master_key().vault(), &presented).await }));
                found.await
            };
            assert_eq!(found().await.unwrap().unwrap().grant, grant);
            sql(&store, how).await;
            assert!(matches!(found().await, Err(StoreError::NotAuthentic(_))), "{how}");
            sql(&store, "DELETE FROM api_keys").await;
        }
    }

    #[tokio::test]
    async fn the_code_of_a_key_without_scopes_is_that_of_schema_8() {
        let folder = Folder::new();
        let store = folder.store().await;
        // As schema 8 stored it, with the code that it computed.
        sql(
            &store,
            "INSERT INTO api_keys (id, name, digest, tenants, may_write, created_at, mac) VALUES ('k-1', 'ops', x'04', \
             '[\"acme\"]', 1, 23, x'01c7715ad597f89c11c8531dd98b9ac1e22387e96df61065d76598b1fe4029d7f5')",
        )
        .await;
        let keys = store.read(|c| Box::pin(in_use(c))).await.unwrap();
        assert!(
            keys[0].is_authentic(&master_key().vault()),
            "{}",
            hex::encode(keys[0].message(&master_key().vault()).mac().0)
        );
        assert_eq!(keys[0].key.grant, grant(Some(&["acme"])));
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
                create(tx, &vault, 17, "ops", &grant(Some(&["acme"])), &kept).await?;
                create(tx, &vault, 17, "former", &grant(None), &revoked).await?;
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
            ("UPDATE api_keys SET connections = '[\"shop\"]' WHERE name = 'ops'", "ops"),
            ("UPDATE api_keys SET scopes = '[\"plugins:write\"]' WHERE name = 'ops'", "ops"),
            ("UPDATE api_keys SET callback_hosts = '[\"example.com\"]' WHERE name = 'ops'", "ops"),
            ("UPDATE api_keys SET revoked_at = NULL WHERE name = 'former'", "former"),
        ] {
            assert_eq!(refusal_after(how).await, refused(name), "{how}");
        }
        assert_eq!(refusal_after("UPDATE api_keys SET revoked_at = NULL WHERE 0 = 1").await, None);
    }
}
