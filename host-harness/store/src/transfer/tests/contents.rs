//! What arrives.

use std::path::Path;

use host_model::secret::Secret;

use super::*;
use crate::{
    audit_chain,
    testing::{pooler::Pooler, sql, write},
    transfer::batches::next,
};

#[tokio::test]
async fn every_row_of_every_table_arrives_as_it_is_and_the_target_is_served() {
    let Some(moving) = Moving::filled().await else { return };
    let mut reported = Vec::new();
    let mut report = |progress: TransferProgress<'_>| {
        reported.push((progress.step, progress.done, progress.total));
    };
    let moved = moving.run_in(BatchLimits::default(), &mut report).await.unwrap();
    let (expected, found) = moving.both_contents().await;
    assert_eq!(found, expected);
    let empty: Vec<_> = expected.iter().filter(|(_, rows)| rows.is_empty()).map(|(table, _)| table).collect();
    assert_eq!(empty, ["replicas"], "the processes that served the file have ended");

    let rows: usize = expected.values().map(Vec::len).sum();
    assert_eq!(moved.rows, u64::try_from(rows).unwrap());
    assert_eq!(
        moved.chains.iter().map(|chain| (chain.lines, chain.broken.is_none())).collect::<Vec<_>>(),
        [(3, true); 3]
    );
    for step in [TransferStep::Copying, TransferStep::Comparing] {
        let of_step: Vec<_> = reported.iter().filter(|reported| reported.0 == step).collect();
        assert_eq!(of_step.len(), expected.len() - 1, "a batch for each table with rows");
        assert_eq!(of_step.last(), Some(&&(step, moved.rows, moved.rows)));
    }

    let store = moving.open_target().await.unwrap();
    store.write(|tx| Box::pin(crate::transfer_mark::check_none(tx))).await.unwrap();
}

#[tokio::test]
async fn every_row_of_every_table_arrives_by_way_of_a_pooler() {
    let (Some(pooler), Some(moving)) = (Pooler::new(), Moving::filled().await) else { return };
    let to = pooler.address(moving.folder.server().unwrap());
    let from = moving.from();
    let transfer = DatabaseTransfer { from: &from, from_key: &moving.key, to: &to, to_key: &moving.key };
    transfer.run(&mut |_| {}).await.unwrap();
    let (expected, found) = moving.both_contents().await;
    assert_eq!(found, expected);
    Store::open_at(&DatabaseAddress::Server(to), &moving.key).await.unwrap();
}

#[tokio::test]
async fn a_row_keeps_the_number_that_sqlite_gave_it_of_its_own_accord() {
    const NAME: &str = "INSERT INTO names (connection, name, kind, person) VALUES ('n', $1, 'email', 1)";
    let Some(moving) = Moving::from_nothing(master_key()).await else { return };
    let store = moving.open_source().await.unwrap();
    for byte in [9_u8, 8, 7] {
        let insert = sqlx::query(NAME).bind(vec![byte]);
        write(&store, |tx| Box::pin(async move { Ok(insert.execute(tx).await.map(drop)?) })).await;
    }
    sql(&store, "DELETE FROM names WHERE name = x'08'").await;
    store.close().await;
    moving.run().await.unwrap();
    let mut target = moving.beside_target().await;
    execute(&mut target, "INSERT INTO names (connection, name, kind, person) VALUES ('n', '', 'email', 1)")
        .await;
    let found: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT rowid, name FROM names ORDER BY rowid").fetch_all(&mut target).await.unwrap();
    assert_eq!(found, [(1, vec![9]), (3, vec![7]), (4, vec![])]);
}

#[tokio::test]
async fn a_number_that_was_given_is_never_given_again_even_if_its_row_is_gone() {
    const EVENT: &str = "INSERT INTO events (id, tenant, connection, person, news, sealed_identity, received_at) \
                         VALUES ('later', 'acme', 'n', 1, '{}', '', 1) RETURNING seq";
    const PERSON: &str = "INSERT INTO people (connection) VALUES ('n') RETURNING id";
    const ACT: &str = "INSERT INTO bulk_acts (id, act, state, api_key, made_by, made_at, expires_at) \
                       VALUES ('first', 'replay', 'done', 'k', 'ops', 1, 1) RETURNING seq";
    let Some(moving) = Moving::filled().await else { return };
    let store = moving.open_source().await.unwrap();
    // As a restore does that skips numbers.
    sql(&store, "UPDATE sqlite_sequence SET seq = 1000 WHERE name = 'events'").await;
    sql(&store, "DELETE FROM people WHERE id > 2").await;
    sql(&store, "DELETE FROM bulk_acts").await;
    sql(&store, "DELETE FROM sqlite_sequence WHERE name = 'bulk_acts'").await;
    store.close().await;
    moving.run().await.unwrap();
    let mut target = moving.beside_target().await;
    for (insert, number) in [(EVENT, 1001), (PERSON, 7), (ACT, 1)] {
        let given: i64 = sqlx::query_scalar(insert).fetch_one(&mut target).await.unwrap();
        assert_eq!(given, number, "{insert}");
    }
}

#[tokio::test]
async fn a_database_of_version_0_1_0_arrives_with_its_chains_and_its_sealed_values() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/store-0.1.0");
    let key = std::fs::read_to_string(fixture.join("master.key")).unwrap();
    let key = MasterKey::read(&Secret::new(key).unwrap()).unwrap();
    let Some(moving) = Moving::from_nothing(key).await else { return };
    std::fs::copy(fixture.join("host.db"), moving.from()).unwrap();
    let moved = moving.run().await.unwrap();
    let (expected, found) = moving.both_contents().await;
    assert_eq!(found, expected);
    assert!(found["requests"].len() == 12 && found["events"].len() == 14, "{found:?}");

    let store = moving.open_target().await.unwrap();
    let vault = store.vault().clone();
    let chains = store.read(move |c| Box::pin(async move { audit_chain::verify(c, &vault).await }));
    assert_eq!(chains.await.unwrap(), moved.chains);
    let lines: Vec<_> = moved.chains.iter().map(|chain| (chain.tenant.as_str(), chain.lines)).collect();
    // One more in each than version 0.1.0 had written: that of the upgrade.
    assert_eq!(lines, [("*", 6), ("acme", 39), ("umbrella", 11)]);
    assert!(moved.chains.iter().all(|chain| chain.broken.is_none()));
    for tenant in ["acme", "umbrella"] {
        store.person_key(tenant).await.unwrap();
    }
}

#[tokio::test]
async fn a_batch_ends_before_it_exceeds_a_limit_and_has_at_least_one_row() {
    let Some(moving) = Moving::from_nothing(master_key()).await else { return };
    let store = moving.open_source().await.unwrap();
    for size in [40, 40, 200, 30, 30, 30, 30, 101, 1] {
        let insert = "INSERT INTO components (digest, bytes) VALUES ($1, zeroblob($2))";
        write(&store, move |tx| {
            let insert = sqlx::query(insert).bind(uuid::Uuid::now_v7().as_bytes().to_vec()).bind(size - 16);
            Box::pin(async move { Ok(insert.execute(tx).await.map(drop)?) })
        })
        .await;
    }
    let (mut source, mut target) = (moving.beside_source().await, moving.beside_target().await);
    let tables = tables::read(&mut source, &mut target).await.unwrap();
    let table = tables.iter().find(|table| table.name == "components").unwrap();
    let limits = BatchLimits { rows: 3, bytes: 100 };
    let (mut after, mut sizes) = (i64::MIN, Vec::new());
    while let Some(batch) = next(&mut source, table, after, limits).await.unwrap() {
        sizes.push(batch.rows.len());
        after = batch.last;
    }
    assert_eq!(sizes, [2, 1, 3, 1, 1, 1]);
}
