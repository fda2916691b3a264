use serde_json::json;
use sqlx::Connection as _;

use super::*;
use crate::{
    components,
    handle::Store,
    postgres::{route::Route, schema::PostgresSchema},
    schema::{self, Schema},
    sqlite::schema::SqliteSchema,
    testing::{ENQUEUE, Folder, folder_on_server, master_key, server::connected, sql, write},
};

fn step(state: VersionState) -> VersionStep {
    let evidence = Some(json!({}));
    VersionStep { state, at: 7, took_ms: 1, actor: "ops".into(), reason: None, evidence, operation: None }
}

fn version(number: u8, served_at: Option<i64>) -> Version {
    let uploaded = Version::new("iterable", Digest([number; 32]), 1, VersionSource::Upload);
    Version { state: VersionState::Compiled, served_at, ..uploaded }
}

/// Stores a version with its component.
async fn put(store: &Store, version: Version, state: VersionState) {
    write(store, move |tx| {
        Box::pin(async move {
            components::insert(tx, version.digest, vec![0]).await?;
            advance(tx, &master_key().vault(), &version, &step(state)).await
        })
    })
    .await;
}

/// Stores versions that served one after the other, from 1 to `last`.
async fn put_retired(store: &Store, last: u8) {
    for number in 1..=last {
        put(store, version(number, Some(i64::from(number))), VersionState::Retired).await;
    }
}

async fn kept(store: &Store) -> Vec<u8> {
    write(store, |tx| Box::pin(prune(tx))).await;
    let stored = store.read(|c| Box::pin(of_plugin(c, "iterable"))).await.unwrap();
    let mut kept: Vec<_> =
        stored.into_iter().filter(|of| of.is_stored).map(|of| of.version.digest.0[0]).collect();
    kept.sort_unstable();
    kept
}

#[tokio::test]
async fn the_last_that_served_and_those_that_may_still_serve_keep_their_components() {
    let folder = Folder::new();
    let store = folder.store().await;
    put_retired(&store, 25).await;
    for number in 31..=37 {
        put(&store, version(number, None), VersionState::Compiled).await;
    }
    put(&store, version(41, None), VersionState::Refused).await;
    // A version that served is kept although a later upload of it was refused.
    put(&store, version(24, Some(24)), VersionState::Refused).await;
    assert_eq!(kept(&store).await, (6..=25).chain(33..=37).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_was_uploaded_last_is_kept_even_if_it_was_known_before() {
    let folder = Folder::new();
    let store = folder.store().await;
    put(&store, version(1, None), VersionState::Refused).await;
    for number in 2..=6 {
        put(&store, version(number, None), VersionState::Proven).await;
    }
    put(&store, version(1, None), VersionState::Proven).await;
    assert_eq!(kept(&store).await, [1, 3, 4, 5, 6]);
}

#[tokio::test]
async fn a_version_that_served_keeps_its_state_and_conditions_whatever_becomes_of_a_later_upload() {
    let folder = Folder::new();
    let store = folder.store().await;
    let served = Version { conditions: Some("{\"max-bytes\":9}".into()), ..version(1, Some(5)) };
    put(&store, served, VersionState::Serving).await;
    for state in [VersionState::Uploaded, VersionState::Compiled, VersionState::Refused] {
        put(&store, version(1, None), state).await;
        let stored = store.read(|c| Box::pin(find(c, "iterable", Digest([1; 32])))).await.unwrap().unwrap();
        assert!(stored.is_authentic(&master_key().vault()));
        let kept = (stored.version.state, stored.version.served_at, stored.version.conditions);
        assert_eq!(kept, (VersionState::Serving, Some(5), Some("{\"max-bytes\":9}".into())), "{state}");
    }
}

#[tokio::test]
async fn an_approved_version_that_serves_some_connections_keeps_its_state_and_conditions_too() {
    let pin = "INSERT INTO pins (plugin, tenant, connection, digest, pinned_by, pinned_at, mac) \
               SELECT plugin, 'acme', '', digest, 'ops', 1, x'00' FROM versions";
    let release = "INSERT INTO releases (plugin, id, digest, before, plan, rules, times, state, began_by, began_at, mac) \
                   SELECT plugin, 'r', digest, digest, '', '', '', '', 'ops', 1, x'00' FROM versions";
    for serves in [Some(pin), Some(release), None] {
        let folder = Folder::new();
        let store = folder.store().await;
        let approved = Version {
            conditions: Some("{\"max-bytes\":9}".into()),
            approved: Some("[]".into()),
            ..version(1, None)
        };
        put(&store, approved.clone(), VersionState::Approved).await;
        if let Some(serves) = serves {
            sql(&store, serves).await;
        }
        for state in [VersionState::Uploaded, VersionState::Compiled, VersionState::Refused] {
            put(&store, version(1, None), state).await;
            let stored = store.read(|c| Box::pin(find(c, "iterable", Digest([1; 32])))).await.unwrap();
            let Version { state: kept, conditions, approved: agreed, .. } = stored.unwrap().version;
            let expected = match serves {
                Some(_) => (VersionState::Approved, approved.conditions.clone(), approved.approved.clone()),
                None => (state, None, None),
            };
            assert_eq!((kept, conditions, agreed), expected, "{state}");
        }
    }
}

#[tokio::test]
async fn a_version_that_gave_an_erasure_in_progress_its_reference_keeps_its_component() {
    let folder = Folder::new();
    let store = folder.store().await;
    put_retired(&store, 22).await;
    sql(
        &store,
        "INSERT INTO requests (seq, id, tenant, connection, person, action, state, step, received_at, reference, reference_by) \
         SELECT 7, 'r', 'acme', 'n', 1, 'erasure', 'open', 'confirm', 1, 'job 17', digest FROM versions ORDER BY digest LIMIT 1",
    )
    .await;
    sql(&store, ENQUEUE).await;
    assert_eq!(kept(&store).await, [1].into_iter().chain(3..=22).collect::<Vec<_>>());
    sql(&store, "DELETE FROM open_requests").await;
    assert_eq!(kept(&store).await, (3..=22).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_pinned_version_keeps_its_component() {
    let folder = Folder::new();
    let store = folder.store().await;
    put_retired(&store, 22).await;
    sql(
        &store,
        "INSERT INTO pins (plugin, tenant, connection, digest, pinned_by, pinned_at, mac) \
         SELECT 'iterable', 'acme', '', digest, 'ops', 1, x'00' FROM versions \
         ORDER BY digest LIMIT 1",
    )
    .await;
    assert_eq!(kept(&store).await, [1].into_iter().chain(3..=22).collect::<Vec<_>>());
    sql(&store, "DELETE FROM pins").await;
    assert_eq!(kept(&store).await, (3..=22).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_row_that_was_changed_from_outside_is_not_authentic() {
    let folder = Folder::new();
    let store = folder.store().await;
    for change in [
        "UPDATE versions SET state = 'approved'",
        "UPDATE versions SET served_at = 9",
        "UPDATE versions SET digest = zeroblob(32)",
        "UPDATE versions SET plugin = 'other'",
        "UPDATE versions SET conditions = '{}'",
        "UPDATE versions SET approved = '[]'",
        "UPDATE versions SET withdrawn_at = 9",
        "UPDATE versions SET bundle = NULL",
        "UPDATE versions SET bundle = zeroblob(9)",
    ] {
        sql(&store, "DELETE FROM versions").await;
        let signed = Version { bundle: Some(b"{}".to_vec()), ..version(1, None) };
        put(&store, signed, VersionState::Compiled).await;
        let all = async || store.read(|c| Box::pin(super::all(c))).await.unwrap();
        assert!(all().await[0].is_authentic(&master_key().vault()));
        sql(&store, change).await;
        assert!(!all().await[0].is_authentic(&master_key().vault()), "{change}");
    }
}

#[tokio::test]
async fn a_bundle_is_kept_until_another_one_arrives() {
    let folder = Folder::new();
    let store = folder.store().await;
    let signed = |bundle: &[u8]| Version { bundle: Some(bundle.to_vec()), ..version(1, None) };
    put(&store, signed(b"first"), VersionState::Uploaded).await;
    put(&store, version(1, Some(7)), VersionState::Serving).await;
    let bundle = async || {
        let found = store.read(|c| Box::pin(find(c, "iterable", Digest([1; 32])))).await.unwrap().unwrap();
        assert!(found.is_authentic(&master_key().vault()));
        found.version.bundle
    };
    assert_eq!(bundle().await.as_deref(), Some(b"first".as_slice()));
    put(&store, signed(b"second"), VersionState::Serving).await;
    assert_eq!(bundle().await.as_deref(), Some(b"second".as_slice()));
}

#[tokio::test]
async fn the_code_tells_an_uploader_from_a_bundle() {
    let vault = master_key().vault();
    let with = |uploader: Option<&str>, bundle: Option<&str>| {
        let (uploaded_by, bundle) =
            (uploader.map(str::to_owned), bundle.map(|text| text.as_bytes().to_vec()));
        Version { uploaded_by, bundle, ..version(1, None) }.message(&vault).mac()
    };
    let codes = [with(None, None), with(Some("a"), None), with(None, Some("a")), with(Some("a"), Some("a"))];
    for (at, code) in codes.iter().enumerate() {
        assert!(!codes[at + 1..].contains(code), "{at}");
    }
}

/// Stores a version as schema 23 did, and returns it as it is found after the migration.
async fn migrated<S: Schema>(mut connection: Tx, schema: &S) -> StoredVersion {
    schema::run(schema.migrations(), &mut connection, 23).await.unwrap();
    let served = Version { uploaded_by: Some("k-1".to_owned()), ..version(1, Some(7)) };
    // The code as schema 23 had it: without a bundle.
    let code =
        master_key().vault().row("version").text("iterable").bytes(&[1; 32]).optional(None).optional(None);
    let code = code.text("compiled").optional(Some(&7_i64.to_be_bytes())).optional(None).text("k-1");
    let RowMac(mac) = code.mac();
    let insert = "INSERT INTO versions (plugin, digest, size, source, state, served_at, mac, uploaded_by) \
                  VALUES ($1, $2, 1, 'upload', 'compiled', 7, $3, 'k-1')";
    let insert = sqlx::query(insert).bind(&served.plugin).bind(served.digest.0.to_vec()).bind(mac);
    insert.execute(&mut connection).await.unwrap();
    schema::run(schema.migrations(), &mut connection, 24).await.unwrap();
    let found = find(&mut connection, "iterable", served.digest).await.unwrap().unwrap();
    assert_eq!(found.version, served);
    found
}

#[tokio::test]
async fn a_version_of_the_schema_before_stays_authentic_and_has_no_bundle() {
    sqlx::any::install_default_drivers();
    let file = Tx::connect("sqlite::memory:").await.unwrap();
    assert!(migrated(file, &SqliteSchema).await.is_authentic(&master_key().vault()));
    let Some(folder) = folder_on_server() else { return };
    let crate::DatabaseAddress::Server(address) = folder.address().await else { panic!("no server") };
    let mut server = connected(&address).await;
    sqlx::query("CREATE SCHEMA before").execute(&mut server).await.unwrap();
    sqlx::query("SET search_path = before").execute(&mut server).await.unwrap();
    assert!(migrated(server, &PostgresSchema(Route::Direct)).await.is_authentic(&master_key().vault()));
}
