//! Checks that every row that grants something was written by this program.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    api_keys::{self, ApiKey},
    audit::ALL_TENANTS,
    components, connections,
    database::Tx,
    error::StoreError,
    pins,
    pulls::{self, PluginPull},
    release_marks::{self, ReleaseMark},
    releases,
    seal::Vault,
    tokens, versions,
};

/// A row that grants nothing, because it was changed or inserted in the database from outside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ForeignRow {
    /// The tenant that it belongs to, or [`ALL_TENANTS`].
    pub tenant: String,
    /// What it is, such as `API key ops`.
    pub what: String,
    /// What is wrong with it.
    pub why: String,
}

impl ForeignRow {
    fn of(tenant: &str, what: String, why: &str) -> Self {
        Self { tenant: tenant.to_owned(), what, why: why.to_owned() }
    }
}

const NO_CODE: &str = "it has no valid authentication code";

/// Returns the rows without a valid authentication code among API keys in use, published plugins, their versions, marks,
/// pulls, releases and pins, connections and accepted webhook tokens.
pub async fn foreign_rows(connection: &mut Tx, vault: &Vault) -> Result<Vec<ForeignRow>, StoreError> {
    let mut foreign = foreign_api_keys(connection, vault).await?;
    for row in components::publications(connection, vault).await? {
        if row.publication.is_err() {
            foreign.push(ForeignRow::of(ALL_TENANTS, format!("published plugin {}", row.plugin), NO_CODE));
        }
    }
    for stored in versions::all(connection).await? {
        if !stored.is_authentic(vault) {
            let what = format!("version {} of plugin {}", stored.version.digest, stored.version.plugin);
            foreign.push(ForeignRow::of(ALL_TENANTS, what, NO_CODE));
        }
    }
    for ReleaseMark { plugin, mark } in release_marks::all(connection, vault).await? {
        if mark.is_err() {
            let what = format!("newest admitted revision of plugin {plugin}");
            foreign.push(ForeignRow::of(ALL_TENANTS, what, NO_CODE));
        }
    }
    for PluginPull { plugin, pulled } in pulls::all(connection, vault).await? {
        if pulled.is_err() {
            foreign.push(ForeignRow::of(ALL_TENANTS, format!("pull of plugin {plugin}"), NO_CODE));
        }
    }
    for row in releases::all(connection, vault).await? {
        if row.release.is_err() {
            foreign.push(ForeignRow::of(ALL_TENANTS, format!("release of plugin {}", row.plugin), NO_CODE));
        }
    }
    for stored in pins::all(connection).await? {
        if !stored.is_authentic(vault) {
            let pin = &stored.pin;
            let of = pin.scope.connection().map_or_else(String::new, |key| format!(" for connection {key}"));
            foreign.push(ForeignRow::of(&pin.tenant, format!("pin of plugin {}{of}", pin.plugin), NO_CODE));
        }
    }
    for stored in connections::all(connection).await? {
        if !stored.is_authentic(vault) {
            foreign.push(ForeignRow::of(&stored.tenant, format!("connection {}", stored.key), NO_CODE));
        }
    }
    for of in tokens::all_live(connection, vault).await? {
        for generation in of.damaged {
            let what = format!("webhook token {generation} of connection {}", of.connection);
            foreign.push(ForeignRow::of(&of.tenant, what, NO_CODE));
        }
    }
    Ok(foreign)
}

/// Returns the API keys in use without a valid authentication code.
pub async fn foreign_api_keys(connection: &mut Tx, vault: &Vault) -> Result<Vec<ForeignRow>, StoreError> {
    let in_use = api_keys::in_use(connection).await?;
    let foreign = in_use.iter().filter(|stored| !stored.is_authentic(vault));
    Ok(foreign
        .map(|stored| ForeignRow::of(ALL_TENANTS, format!("API key {}", stored.key.name), NO_CODE))
        .collect())
}

/// Returns the API keys in use that the audit chain does not know as created, or knows as revoked: such a row was put
/// back from an older copy of the database.
pub async fn keys_against_chain(connection: &mut Tx) -> Result<Vec<ForeignRow>, StoreError> {
    let records = ChangesOfKeys::read(connection).await?;
    let mut foreign = Vec::new();
    for stored in api_keys::in_use(connection).await? {
        let ApiKey { id, name, .. } = &stored.key;
        let why = if records.revoked.contains(id) {
            "the audit chain has its revocation"
        } else if !records.created.contains(id) {
            "the audit chain does not have its creation"
        } else {
            continue;
        };
        foreign.push(ForeignRow::of(ALL_TENANTS, format!("API key {name}"), why));
    }
    Ok(foreign)
}

/// The ids of API keys in the audit chains.
#[derive(Default)]
struct ChangesOfKeys {
    created: BTreeSet<String>,
    revoked: BTreeSet<String>,
}

impl ChangesOfKeys {
    async fn read(connection: &mut Tx) -> Result<Self, StoreError> {
        #[derive(Deserialize)]
        struct Change {
            what: String,
            detail: Detail,
        }
        #[derive(Deserialize)]
        struct Detail {
            id: String,
        }
        let sql = "SELECT record FROM audit WHERE record LIKE '{\"what\":\"api-key-%'";
        let records: Vec<String> = sqlx::query_scalar(sql).fetch_all(connection).await?;
        let mut changes = Self::default();
        for change in records.iter().filter_map(|record| serde_json::from_str::<Change>(record).ok()) {
            match change.what.as_str() {
                "api-key-created" => changes.created.insert(change.detail.id),
                "api-key-revoked" => changes.revoked.insert(change.detail.id),
                _ => false,
            };
        }
        Ok(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api_keys::{NewApiKey, PREFIX},
        components::Publication,
        grant::Grant,
        handle::Store,
        pins::{Pin, PinScope},
        testing::{Folder, master_key, sql, write},
        tokens::NewToken,
    };
    use host_model::{digest::Digest, scope::Scopes, secret::Secret};

    async fn filled(folder: &Folder) -> Store {
        let store = folder.store().await;
        write(&store, |tx| {
            Box::pin(async move {
                let vault = master_key().vault();
                for (name, tenant) in [("ops", "acme"), ("former", "other")] {
                    let text = Secret::random(PREFIX).unwrap();
                    let tenants = Some(BTreeSet::from([tenant.to_owned()]));
                    let grant = Grant::of(tenants, Scopes::All);
                    let new = NewApiKey { name, grant: &grant, text: &text, by: "a test" };
                    api_keys::create(tx, &vault, 17, new).await?;
                }
                api_keys::revoke(tx, &vault, 18, "former", "a test").await?;
                let publication = Publication {
                    plugin: "iterable".to_owned(),
                    digest: Digest([1; 32]),
                    before: None,
                    conditions: None,
                    conditions_before: None,
                    published_at: 17,
                };
                components::publish(tx, &vault, &publication).await?;
                let token = NewToken {
                    tenant: "acme".to_owned(),
                    connection: "newsletter".to_owned(),
                    generation: 1,
                    digest: [1; 32],
                    to_push: None,
                    issued_at: 17,
                    expires_at: 18,
                };
                tokens::insert(tx, &vault, token).await?;
                let pin = Pin {
                    plugin: "iterable".to_owned(),
                    tenant: "acme".to_owned(),
                    scope: PinScope::Tenant,
                    digest: Digest([1; 32]),
                    pinned_by: "ops".to_owned(),
                    pinned_at: 17,
                    note: None,
                };
                pins::put(tx, &vault, &pin).await
            })
        })
        .await;
        store
    }

    async fn found(store: &Store) -> Vec<String> {
        let vault = master_key().vault();
        let read = store.read(|c| {
            Box::pin(async move {
                let rows = foreign_rows(c, &vault).await?;
                Ok([rows, keys_against_chain(c).await?].concat())
            })
        });
        read.await.unwrap().into_iter().map(|row| format!("{}: {}", row.what, row.why)).collect()
    }

    #[tokio::test]
    async fn a_row_that_was_changed_or_inserted_from_outside_is_found() {
        for (how, what) in [
            ("UPDATE api_keys SET may_write = 1 WHERE 0 = 1", None),
            ("UPDATE api_keys SET tenants = NULL WHERE name = 'ops'", Some("API key ops")),
            ("UPDATE api_keys SET scopes = '[\"plugins:write\"]' WHERE name = 'ops'", Some("API key ops")),
            ("UPDATE publications SET digest = zeroblob(32)", Some("published plugin iterable")),
            ("UPDATE publications SET before = zeroblob(32)", Some("published plugin iterable")),
            ("UPDATE publications SET conditions = '{}'", Some("published plugin iterable")),
            ("UPDATE publications SET conditions_before = '{}'", Some("published plugin iterable")),
            ("UPDATE publications SET plugin = 'other'", Some("published plugin other")),
            ("UPDATE pins SET digest = zeroblob(32)", Some("pin of plugin iterable")),
            ("UPDATE pins SET connection = 'shop'", Some("pin of plugin iterable for connection shop")),
            ("UPDATE tokens SET digest = zeroblob(32)", Some("webhook token 1 of connection newsletter")),
            ("UPDATE tokens SET expires_at = 99", Some("webhook token 1 of connection newsletter")),
            ("UPDATE tokens SET connection = 'shop'", Some("webhook token 1 of connection shop")),
            (
                "INSERT INTO connections (key, tenant, plugin, enabled, actions, settings, sealed_secrets, created_at, \
                   changed_at) VALUES ('shop', 'acme', 'iterable', 1, '[]', '{}', x'', 0, 0)",
                Some("connection shop"),
            ),
        ] {
            let folder = Folder::new();
            let store = filled(&folder).await;
            sql(&store, how).await;
            let expected: Vec<String> = what.map(|what| format!("{what}: {NO_CODE}")).into_iter().collect();
            assert_eq!(found(&store).await, expected, "{how}");
        }
    }

    #[tokio::test]
    async fn a_revoked_key_that_was_put_back_from_an_older_copy_contradicts_the_audit_chain() {
        let folder = Folder::new();
        let store = filled(&folder).await;
        // The code that the row had before it was revoked.
        write(&store, |tx| {
            Box::pin(async move {
                sqlx::query("UPDATE api_keys SET revoked_at = NULL WHERE name = 'former'")
                    .execute(&mut *tx)
                    .await?;
                for stored in api_keys::in_use(tx).await? {
                    api_keys::authenticate(tx, &master_key().vault(), &stored).await?;
                }
                Ok(())
            })
        })
        .await;
        assert_eq!(found(&store).await, ["API key former: the audit chain has its revocation"]);
        sql(&store, "UPDATE api_keys SET id = 'another' WHERE name = 'former'").await;
        assert_eq!(
            found(&store).await,
            [
                format!("API key former: {NO_CODE}"),
                "API key former: the audit chain does not have its creation".to_owned()
            ]
        );
    }
}
