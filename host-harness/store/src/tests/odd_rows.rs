//! How the store treats a row that it did not write: an unknown word, digest or JSON affects only that row.

use futures::future::BoxFuture;

use crate::{
    api_keys, choices, components, connections,
    database::Tx,
    deliveries,
    error::StoreError,
    handle::Store,
    notices,
    person::PersonId,
    requests,
    testing::{ENQUEUE, Folder, master_key, sql, write},
    tokens,
};

/// One row of each kind, as written by this version.
const ROWS: [&str; 14] = [
    "INSERT INTO connections (key, tenant, plugin, enabled, actions, settings, sealed_secrets, created_at, changed_at) \
     VALUES ('newsletter', 'acme', 'iterable', 1, '[\"erasure\"]', '{}', x'01', 10, 11)",
    "INSERT INTO requests (seq, id, tenant, connection, person, action, state, step, received_at, outcome) \
     VALUES (7, 'r-1', 'acme', 'newsletter', 1, 'erasure', 'open', 'act', 12, '{\"a\":1}')",
    ENQUEUE,
    "UPDATE open_requests SET next_at = 13",
    "INSERT INTO attempts (request, generation, step, digest, began_at, result) VALUES (7, 1, 'confirm', 'd', 14, '{}')",
    "INSERT INTO tokens (tenant, connection, generation, digest, state, by_host, issued_at, expires_at) \
     VALUES ('acme', 'newsletter', 1, zeroblob(32), 'current', 1, 15, 16)",
    "INSERT INTO deliveries (seq, id, tenant, connection, body_digest, accepted, proven, state, sealed_delivery, \
       received_at, next_at) VALUES (8, 'd-1', 'acme', 'newsletter', x'02', 1, 0, 'waiting', x'03', 17, 18)",
    "INSERT INTO publications (plugin, digest, before, published_at) VALUES ('iterable', zeroblob(32), NULL, 19)",
    "INSERT INTO choices (person, kind, id, choice, chosen_at, vendor_at, origin, source) \
     VALUES (1, 'channel', '1', 'opt-out', 20, NULL, 'vendor', 'link')",
    "INSERT INTO writes (person, kind, id, choice, sent_at) VALUES (1, 'channel', '1', 'opt-in', 21)",
    "INSERT INTO notice_choices (person, notice, choice, chosen_at) VALUES (1, 'n-1', 'opt-in', 22)",
    "INSERT INTO notices (tenant, id, name, data_uses, enforcement) VALUES ('acme', 'n-1', 'News', '[\"a\"]', 'frontend')",
    "INSERT INTO systems (tenant, key, name, data_uses) VALUES ('acme', 's-1', 'Mail', '[]')",
    "INSERT INTO api_keys (id, name, digest, tenants, may_write, created_at) \
     VALUES ('k-1', 'ops', x'04', '[\"acme\"]', 0, 23)",
];

type Read = for<'c> fn(&'c mut Tx) -> BoxFuture<'c, Result<String, StoreError>>;

fn text(read: Result<impl std::fmt::Debug, StoreError>) -> Result<String, StoreError> {
    Ok(format!("{:?}", read?))
}

fn request(c: &mut Tx) -> BoxFuture<'_, Result<String, StoreError>> {
    Box::pin(async move { text(requests::show(c, "r-1").await) })
}

fn attempts(c: &mut Tx) -> BoxFuture<'_, Result<String, StoreError>> {
    Box::pin(async move { text(requests::attempts::attempts(c, "r-1").await) })
}

fn token(c: &mut Tx) -> BoxFuture<'_, Result<String, StoreError>> {
    Box::pin(async move { text(tokens::list(c, "newsletter").await) })
}

fn delivery(c: &mut Tx) -> BoxFuture<'_, Result<String, StoreError>> {
    Box::pin(async move { text(deliveries::show(c, "d-1").await) })
}

fn publications(c: &mut Tx) -> BoxFuture<'_, Result<String, StoreError>> {
    Box::pin(async move {
        let rows = components::publications(c, &master_key().vault()).await?;
        text(rows.into_iter().next().unwrap().publication)
    })
}

fn ledger(c: &mut Tx) -> BoxFuture<'_, Result<String, StoreError>> {
    Box::pin(async move { text(choices::ledger(c, PersonId(1)).await) })
}

fn writes(c: &mut Tx) -> BoxFuture<'_, Result<String, StoreError>> {
    Box::pin(async move { text(choices::writes(c, PersonId(1), &"channel:1".parse().unwrap()).await) })
}

fn at_platform(c: &mut Tx) -> BoxFuture<'_, Result<String, StoreError>> {
    Box::pin(async move { text(choices::at_platform(c, PersonId(1), "n-1").await) })
}

fn all_notices(c: &mut Tx) -> BoxFuture<'_, Result<String, StoreError>> {
    Box::pin(async move { text(notices::all(c, "acme").await) })
}

fn systems(c: &mut Tx) -> BoxFuture<'_, Result<String, StoreError>> {
    Box::pin(async move { text(notices::systems(c, "acme").await) })
}

fn keys(c: &mut Tx) -> BoxFuture<'_, Result<String, StoreError>> {
    Box::pin(async move { text(api_keys::list(c).await) })
}

fn connection(c: &mut Tx) -> BoxFuture<'_, Result<String, StoreError>> {
    Box::pin(async move { text(connections::find(c, "newsletter").await) })
}

fn duties(c: &mut Tx) -> BoxFuture<'_, Result<String, StoreError>> {
    Box::pin(async move { text(connections::duties(c, "newsletter").await) })
}

/// Returns the result of `read` after `damage`, if any.
async fn found(damage: Option<&'static str>, read: Read) -> Result<String, StoreError> {
    let folder = Folder::new();
    found_in(&folder.store().await, damage, read).await
}

async fn found_in(store: &Store, damage: Option<&'static str>, read: Read) -> Result<String, StoreError> {
    for row in ROWS {
        sql(store, row).await;
    }
    write(store, |tx| {
        Box::pin(async move { components::authenticate_all(tx, &master_key().vault()).await.map(drop) })
    })
    .await;
    if let Some(damage) = damage {
        sql(store, damage).await;
    }
    store.read(move |c| read(c)).await
}

#[tokio::test]
async fn a_row_as_this_version_writes_it_is_read_column_by_column() {
    let rows: [(Read, &str); 11] = [
        (
            request,
            "attempts: 0, received_at: 12, next_at: Some(13), outcome: Some(Object {\"a\": Number(1)}), reason: None",
        ),
        (
            attempts,
            "number: 1, step: Confirm, plugin_digest: \"d\", version: None, began_at: 14, ended_at: None, result: Some(",
        ),
        (token, "state: Current, by_host: true, issued_at: 15, expires_at: 16, seen_at: None"),
        (
            delivery,
            "state: Waiting, proven: false, kept: true, received_at: 17, next_at: Some(18), readings: 0",
        ),
        (publications, "before: None, published_at: 19"),
        (ledger, "choice: OptOut, chosen_at_ms: 20, vendor_at_ms: None, origin: Vendor, source: \"link\""),
        (writes, "choice: OptIn, sent_at_ms: 21"),
        (at_platform, "(OptIn, 22)"),
        (all_notices, "key: None, name: \"News\", data_uses: {\"a\"}, enforcement: Frontend"),
        (
            keys,
            "tenants: Some({\"acme\"}), connections: None }, scopes: ReadAll, callback_hosts: {} }, created_at: 23, revoked_at: None",
        ),
        (
            connection,
            "sealed_secrets: [1], mac: None, standing: ConnectionStatus { parked: None, paused: None, open_until: 0, tested: None, created_at: 10, changed_at: 11",
        ),
    ];
    for (read, expected) in rows {
        let row = found(None, read).await.unwrap();
        assert!(row.contains(expected), "{row}");
    }
}

#[tokio::test]
async fn what_waits_no_more_has_no_next_time() {
    for (end, read) in [
        ("UPDATE open_requests SET state = 'running'", request as Read),
        ("UPDATE deliveries SET state = 'read'", delivery),
    ] {
        let row = found(Some(end), read).await.unwrap();
        assert!(row.contains("next_at: None"), "{row}");
    }
}

#[tokio::test]
async fn how_a_connection_stands_is_read_column_by_column() {
    let parked = "UPDATE connections SET parked_why = 'no key', parked_at = 3, tested_at = 4, test_passed = 1, open_until = 5, \
           paused_why = 'sale', paused_by = 'ops', paused_at = 6";
    let row = found(Some(parked), connection).await.unwrap();
    let paused = "paused: Some(Pause { why: \"sale\", by: \"ops\", at: 6 })";
    let expected = format!("parked: Some((\"no key\", 3)), {paused}, open_until: 5, tested: Some((4, true))");
    assert!(row.contains(&expected), "{row}");
}

#[tokio::test]
async fn an_odd_word_digest_or_json_is_about_its_row_alone() {
    let odd: [(&str, Read); 18] = [
        ("UPDATE requests SET action = 'forget'", request),
        ("UPDATE open_requests SET state = 'gone'", request),
        ("UPDATE open_requests SET step = 'guess'", request),
        ("UPDATE requests SET outcome = '{'", request),
        ("UPDATE attempts SET step = 'guess'", attempts),
        ("UPDATE attempts SET result = '{'", attempts),
        ("UPDATE tokens SET state = 'gone'", token),
        ("UPDATE deliveries SET state = 'gone'", delivery),
        ("UPDATE publications SET digest = x'05'", publications),
        ("UPDATE publications SET before = x'05'", publications),
        ("UPDATE choices SET choice = 'perhaps'", ledger),
        ("UPDATE choices SET origin = 'nowhere'", ledger),
        ("UPDATE writes SET choice = 'perhaps'", writes),
        ("UPDATE notice_choices SET choice = 'perhaps'", at_platform),
        ("UPDATE notices SET data_uses = '{'", all_notices),
        ("UPDATE notices SET enforcement = 'nobody'", all_notices),
        ("UPDATE systems SET data_uses = '[1]'", systems),
        ("UPDATE api_keys SET tenants = '{'", keys),
    ];
    for (damage, read) in odd.into_iter().chain([("UPDATE connections SET actions = '{'", duties as Read)]) {
        let refused = found(Some(damage), read).await.unwrap_err();
        assert!(matches!(refused, StoreError::Unreadable(_)), "{damage}: {refused}");
    }
}

#[tokio::test]
async fn a_column_of_another_type_is_the_databases_failure() {
    let odd: [(&str, Read); 7] = [
        ("UPDATE open_requests SET next_at = 'soon'", request),
        ("UPDATE requests SET outcome = x'05'", request),
        ("UPDATE tokens SET by_host = 'yes'", token),
        ("UPDATE deliveries SET proven = 'yes'", delivery),
        ("UPDATE publications SET digest = 'five'", publications),
        ("UPDATE api_keys SET may_write = 'no'", keys),
        ("UPDATE connections SET changed_at = 'soon'", connection),
    ];
    for (damage, read) in odd {
        // PostgreSQL refuses such a value when it is written.
        let folder = Folder::new();
        let failed = found_in(&folder.file_store().await, Some(damage), read).await.unwrap_err();
        assert!(matches!(failed, StoreError::Database(_)), "{damage}: {failed}");
    }
}
