use super::*;
use crate::{
    grant::KeyReach,
    testing::{Folder, master_key, sql, write},
};

fn new<'a>(name: &'a str, grant: &'a Grant, text: &'a Secret) -> NewApiKey<'a> {
    NewApiKey { name, grant, text, by: "a test" }
}

async fn holder(connection: &mut Tx, vault: &Vault, presented: &[u8]) -> Result<Option<ApiKey>, StoreError> {
    holders(connection, vault, &[presented.to_vec()]).await?.pop().unwrap()
}

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
            let made = create(tx, &vault, 17, new("ops", &grant(Some(&["acme"])), &text)).await?.unwrap();
            let again = create(tx, &vault, 18, new("ops", &grant(None), &text)).await?;
            assert_eq!(again, None, "the name is taken");
            let found = holder(tx, &vault, text.expose().as_bytes()).await?;
            let presented = [b"chk_wrong".to_vec(), text.expose().as_bytes().to_vec(), b"chk_other".to_vec()];
            let together = holders(tx, &vault, &presented).await?;
            let together: Vec<_> = together.into_iter().map(Result::unwrap).collect();
            assert_eq!(together, [None, found.clone(), None], "each its own");
            let revoked = revoke(tx, &vault, 19, "ops", "a test").await?.unwrap();
            let after = holder(tx, &vault, text.expose().as_bytes()).await?;
            Ok((made, found, revoked, after, revoke(tx, &vault, 20, "ops", "a test").await?))
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
    let text = Secret::random(PREFIX).unwrap();
    let bits = text.expose().strip_prefix(PREFIX).unwrap().to_owned();
    let (rows, records): (Vec<(String, Vec<u8>)>, Vec<String>) = write(&store, move |tx| {
        Box::pin(async move {
            create(tx, &master_key().vault(), 17, new("ops", &grant(None), &text)).await?;
            let rows = sqlx::query_as("SELECT name || COALESCE(tenants, ''), digest FROM api_keys");
            let rows = rows.fetch_all(&mut *tx).await?;
            let records = sqlx::query_scalar("SELECT record FROM audit WHERE tenant = '*'");
            Ok((rows, records.fetch_all(tx).await?))
        })
    })
    .await;
    assert_eq!(bits.len(), 64);
    assert_eq!(rows.len(), 1);
    let (names, digest) = &rows[0];
    assert!(!names.contains(&bits) && hex::encode(digest) != bits, "{rows:?}");
    assert!(records[0].contains("api-key-created") && records[0].contains(r#""by":"a test""#), "{records:?}");
    assert!(!records[0].contains(&bits), "{records:?}");
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
            Box::pin(
                async move { create(tx, &master_key().vault(), 17, new("fides", &created, &kept)).await },
            )
        })
        .await;
        let found = async || {
            let presented = text.expose().as_bytes().to_vec();
            let found =
                store.read(|c| Box::pin(async move { holder(c, &master_key().vault(), &presented).await }));
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
            create(tx, &vault, 17, new("ops", &grant(Some(&["acme"])), &kept)).await?;
            create(tx, &vault, 17, new("former", &grant(None), &revoked)).await?;
            revoke(tx, &vault, 18, "former", "a test").await
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
