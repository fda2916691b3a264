use std::collections::BTreeSet;

use sqlx::Row as _;

use super::*;
use crate::{
    Store,
    testing::{ENQUEUE, Folder, in_dialect, sql, write},
};

const NOW: i64 = 1_000_000;

async fn run(store: &Store, statement: String) {
    write(store, |tx| {
        Box::pin(async move {
            let statement = in_dialect(tx, &statement);
            Ok(sqlx::query(statement).execute(tx).await.map(drop)?)
        })
    })
    .await;
}

/// Stores `count` requests, which differ in everything that a filter looks at.
async fn stored(store: &Store, count: usize) {
    let insert = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) \
         INSERT INTO requests (id, tenant, connection, person, action, state, step, received_at, finished_at, sealed_details) \
         SELECT 'r-' || i, 't-' || (i % 10), 'c-' || (i % 1000), i, CASE i % 2 WHEN 0 THEN 'erasure' ELSE 'consent' END, \
           CASE i % 3 WHEN 0 THEN 'open' WHEN 1 THEN 'failed' ELSE 'done' END, 'act', i, \
           CASE i % 3 WHEN 0 THEN NULL ELSE i END, zeroblob(400) FROM n"
    );
    run(store, insert).await;
    sql(store, ENQUEUE).await;
}

async fn found(store: &Store, filter: RequestFilter, limit: i64) -> (Vec<i64>, MatchCount) {
    let part = ListPart { before: None, limit };
    let read = store.read(move |c| {
        Box::pin(async move {
            let listed = list(c, &filter, &part).await?.into_iter().map(|view| view.seq).collect();
            Ok((listed, count(c, &filter).await?))
        })
    });
    read.await.unwrap()
}

fn exactly(count: i64) -> MatchCount {
    MatchCount { count, is_exact: true }
}

#[tokio::test]
async fn a_filter_finds_what_matches_every_field_and_counts_it() {
    let folder = Folder::in_memory();
    let store = folder.store().await;
    stored(&store, 60).await;
    let all = RequestFilter::default;
    let tenants = BTreeSet::from(["t-1".to_owned(), "t-2".to_owned()]);
    for (filter, expected) in [
        (all(), (1..=60).rev().collect::<Vec<i64>>()),
        (
            RequestFilter { state: Some(RequestState::Waiting), ..all() },
            (1..=20).rev().map(|i| i * 3).collect(),
        ),
        (RequestFilter { action: Some(Action::Erasure), ..all() }, (1..=30).rev().map(|i| i * 2).collect()),
        (RequestFilter { action: Some(Action::Reading), ..all() }, vec![]),
        (RequestFilter { tenant: Some("t-7".to_owned()), ..all() }, vec![57, 47, 37, 27, 17, 7]),
        (RequestFilter { connection: Some("c-59".to_owned()), ..all() }, vec![59]),
        (RequestFilter { open_since: Some(9), ..all() }, vec![9, 6, 3]),
        (
            RequestFilter {
                reach: KeyReach { tenants: Some(tenants), connections: None },
                open_since: Some(22),
                ..all()
            },
            vec![21, 12],
        ),
    ] {
        let count = exactly(i64::try_from(expected.len()).unwrap());
        assert_eq!(found(&store, filter.clone(), 100).await, (expected, count), "{filter:?}");
    }
}

#[tokio::test]
async fn a_request_is_found_by_each_thing_that_it_waits_for() {
    let folder = Folder::in_memory();
    let store = folder.store().await;
    for statement in [
        "INSERT INTO connections (key, tenant, plugin, enabled, actions, settings, sealed_secrets, created_at, changed_at, \
           parked_why, open_until) VALUES \
           ('open', 't', 'p', 1, '[\"erasure\",\"consent\"]', '{}', x'', 1, 1, NULL, 0), \
           ('off', 't', 'p', 0, '[\"erasure\"]', '{}', x'', 1, 1, NULL, 0), \
           ('narrow', 't', 'p', 1, '[\"consent\"]', '{}', x'', 1, 1, NULL, 0), \
           ('parked', 't', 'p', 1, '[\"erasure\"]', '{}', x'', 1, 1, 'the key is wrong', 0), \
           ('broken', 't', 'p', 1, '[\"erasure\"]', '{}', x'', 1, 1, NULL, 1000001), \
           ('full', 't', 'p', 1, '[\"erasure\"]', '{}', x'', 1, 1, NULL, 0), \
           ('unserved', 't', 'p', 1, '[\"erasure\"]', '{}', x'', 1, 1, NULL, 0)",
        "INSERT INTO gates (connection, action, step, until, why) VALUES ('full', 'erasure', 'act', 1000001, 'daily'), \
           ('open', 'erasure', 'act', 1000000, 'daily')",
        "INSERT INTO people (id, connection, settled_at) VALUES (1, 'open', 0), (2, 'open', 1000001)",
    ] {
        sql(&store, statement).await;
    }
    for (at, (connection, person, state, next_at)) in [
        ("open", 1, "open", 1),
        ("off", 3, "open", 1),
        ("narrow", 4, "open", 1),
        ("parked", 5, "open", 1),
        ("broken", 6, "open", 1),
        ("full", 7, "open", 1),
        ("unserved", 8, "open", 1),
        ("open", 2, "open", 1),
        ("open", 1, "open", 1),
        ("open", 9, "open", NOW + 1),
        ("parked", 10, "failed", 1),
        ("gone", 11, "open", 1),
    ]
    .into_iter()
    .enumerate()
    {
        let finished = if state == "failed" { "1" } else { "NULL" };
        let insert = format!(
            "INSERT INTO requests (seq, id, tenant, connection, person, action, state, step, received_at, finished_at) \
             VALUES ({0}, 'r-{0}', 't', '{connection}', {person}, 'erasure', '{state}', 'act', {next_at}, {finished})",
            at + 1
        );
        run(&store, insert).await;
    }
    sql(
        &store,
        "INSERT INTO requests (seq, id, tenant, connection, person, action, state, step, received_at) \
         VALUES (20, 'r-20', 't', 'open', 12, 'erasure', 'open', 'act', 9223372036854775807)",
    )
    .await;
    for statement in [
        "INSERT INTO connections (key, tenant, plugin, enabled, actions, settings, sealed_secrets, created_at, changed_at, \
           paused_why) VALUES ('paused', 't', 'p', 1, '[\"erasure\"]', '{}', x'', 1, 1, 'a migration')",
        "INSERT INTO requests (seq, id, tenant, connection, person, action, state, step, received_at) \
         VALUES (21, 'r-21', 't', 'paused', 21, 'erasure', 'open', 'act', 1)",
        ENQUEUE,
        "UPDATE open_requests SET contradicted_by = 'd' WHERE seq = 20",
    ] {
        sql(&store, statement).await;
    }
    for (what, expected) in [
        (WaitsFor::AnotherVersion, vec![20]),
        (WaitsFor::Connection, vec![12, 7, 3, 2]),
        (WaitsFor::Parked, vec![4]),
        (WaitsFor::Paused, vec![21]),
        (WaitsFor::Vendor, vec![5]),
        (WaitsFor::Limit, vec![6]),
        (WaitsFor::Settling, vec![8]),
        (WaitsFor::EarlierRequest, vec![9]),
        (WaitsFor::Retry, vec![10]),
    ] {
        let waits = Some(WaitsAt { what, at: NOW, unserved: vec!["unserved".to_owned()] });
        let (listed, count) = found(&store, RequestFilter { waits, ..RequestFilter::default() }, 100).await;
        assert_eq!(
            (listed, count),
            (expected.clone(), exactly(i64::try_from(expected.len()).unwrap())),
            "{what}"
        );
    }
}

#[tokio::test]
async fn a_list_goes_on_after_a_request_that_was_deleted_since() {
    let folder = Folder::in_memory();
    let store = folder.store().await;
    stored(&store, 9).await;
    let after = async |id: &'static str| {
        let part = ListPart { before: Some(id.to_owned()), limit: 3 };
        let listed = store.read(move |c| {
            Box::pin(async move {
                let listed = list(c, &RequestFilter::default(), &part).await?;
                Ok(listed.into_iter().map(|view| view.seq).collect::<Vec<_>>())
            })
        });
        listed.await.unwrap()
    };
    for id in ["r-7", "r-1"] {
        let there = after(id).await;
        sql(&store, format!("DELETE FROM requests WHERE id = '{id}'")).await;
        assert_eq!(after(id).await, there, "{id}");
    }
    assert_eq!(after("r-7").await, [6, 5, 4]);
    assert_eq!(after("r-1").await, [0_i64; 0]);
}

/// Returns the steps of SQLite's query plan for `sql`.
async fn plan(store: &Store, sql: String, values: Vec<BoundValue>) -> Vec<String> {
    let steps = store.read(move |c| {
        Box::pin(async move {
            let explain = format!("EXPLAIN QUERY PLAN {sql}");
            let steps = sqlx::query_with(sqlx::AssertSqlSafe(explain), arguments(values)?);
            Ok(steps.fetch_all(c).await?.iter().map(|step| step.get("detail")).collect())
        })
    });
    steps.await.unwrap()
}

#[tokio::test]
async fn no_list_and_no_count_goes_through_the_history() {
    let folder = Folder::in_memory();
    let store = folder.file_store().await;
    let all = RequestFilter::default;
    let waits = |what| Some(WaitsAt { what, at: NOW, unserved: Vec::new() });
    for filter in [
        RequestFilter { state: Some(RequestState::Expired), ..all() },
        RequestFilter { state: Some(RequestState::Failed), tenant: Some("t-1".to_owned()), ..all() },
        RequestFilter { state: Some(RequestState::Failed), connection: Some("c-1".to_owned()), ..all() },
        RequestFilter { state: Some(RequestState::Waiting), connection: Some("c-1".to_owned()), ..all() },
        RequestFilter { state: Some(RequestState::Running), ..all() },
        RequestFilter { waits: waits(WaitsFor::Limit), ..all() },
        RequestFilter { waits: waits(WaitsFor::Retry), ..all() },
        RequestFilter { action: Some(Action::Reading), ..all() },
        RequestFilter { tenant: Some("t-1".to_owned()), ..all() },
        RequestFilter { connection: Some("c-1".to_owned()), action: Some(Action::Reading), ..all() },
        RequestFilter { open_since: Some(3), ..all() },
        RequestFilter { ids: Some(vec!["r-1".to_owned()]), ..all() },
        RequestFilter { reach: KeyReach::of_tenant("t-1"), ..all() },
    ] {
        let part = ListPart { before: Some("r-9".to_owned()), limit: 50 };
        for (sql, values) in [list_statement(&filter, &part), count_statement(&filter)] {
            let steps = plan(&store, sql.clone(), values).await;
            // Those that are open are few, and most of them match.
            let of_open = sql.contains("FROM open_requests r");
            let scans = |step: &String| step == "SCAN requests" || step == "SCAN r" && !of_open;
            assert!(!steps.iter().any(scans), "{steps:?} for {filter:?}");
        }
    }
}

#[tokio::test]
async fn counting_stops_at_its_maximum() {
    let folder = Folder::in_memory();
    let store = folder.store().await;
    let most = usize::try_from(MAX_COUNTED).unwrap();
    stored(&store, most).await;
    assert_eq!(found(&store, RequestFilter::default(), 1).await, (vec![MAX_COUNTED], exactly(MAX_COUNTED)));
    run(
        &store,
        "INSERT INTO requests (id, tenant, connection, person, action, state, step, received_at) \
         VALUES ('one-more', 't', 'c', 1, 'erasure', 'open', 'act', 1)"
            .to_owned(),
    )
    .await;
    sql(&store, ENQUEUE).await;
    let (_, count) = found(&store, RequestFilter::default(), 1).await;
    assert_eq!(count, MatchCount { count: MAX_COUNTED, is_exact: false });
}
