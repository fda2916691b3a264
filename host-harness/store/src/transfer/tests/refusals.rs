//! What is refused, and what the errors say.

use host_model::secret::Secret;

use super::*;
use crate::{testing::sql, transfer_mark::TransferMark};

fn other_key() -> MasterKey {
    MasterKey::read(&Secret::new("ab".repeat(32)).unwrap()).unwrap()
}

/// Creates the file with one event.
async fn one_event(moving: &Moving) {
    let store = moving.open_source().await.unwrap();
    sql(
        &store,
        "INSERT INTO events (id, tenant, connection, person, news, sealed_identity, received_at) \
         VALUES ('e', 'acme', 'n', 1, '{}', x'00', 1)",
    )
    .await;
    store.close().await;
}

/// Creates a file whose transfer was begun.
async fn begun(folder: &Folder) -> PathBuf {
    folder.file_store().await.close().await;
    let path = folder.file("host.db");
    let mut source = source::open(&path, &master_key().vault()).await.unwrap();
    let moving = TransferMark::Moving { id: "t".to_owned(), to: "postgres://db/host".to_owned() };
    transfer_mark::put(&mut source, &moving).await.unwrap();
    source.close().await.unwrap();
    path
}

#[tokio::test]
async fn a_file_whose_transfer_was_begun_is_served_again_once_it_is_abandoned() {
    let folder = Folder::new();
    let path = begun(&folder).await;
    let refused = Store::open(&path, &master_key()).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Moving { to } if to == "postgres://db/host"), "{refused:?}");
    assert_eq!(
        refused.to_string(),
        "a transfer of this database to postgres://db/host was begun and has not ended: finish it with `connector-host \
         migrate`, or abandon it with `connector-host migrate --abandon` to use this database again"
    );
    assert_eq!(abandon_transfer(&path, &master_key()).await.unwrap(), "postgres://db/host");
    Store::open(&path, &master_key()).await.unwrap().close().await;
    let refused = abandon_transfer(&path, &master_key()).await.unwrap_err();
    assert!(matches!(refused, TransferError::NotBegun), "{refused}");
}

#[tokio::test]
async fn a_file_that_was_moved_is_not_served_and_not_given_back() {
    let folder = Folder::new();
    let path = begun(&folder).await;
    let moved = TransferMark::Moved {
        id: "t".to_owned(),
        to: "postgres://db/host".to_owned(),
        at: 1_700_000_000_000,
    };
    let mut source = source::open(&path, &master_key().vault()).await.unwrap();
    transfer_mark::put(&mut source, &moved).await.unwrap();
    source.close().await.unwrap();
    for refused in [
        Store::open(&path, &master_key()).await.unwrap_err(),
        match abandon_transfer(&path, &master_key()).await.unwrap_err() {
            TransferError::Source(refused) => refused,
            other => panic!("{other}"),
        },
    ] {
        assert!(matches!(refused, StoreError::Moved { at: 1_700_000_000_000, .. }), "{refused:?}");
        assert_eq!(
            refused.to_string(),
            "this database was moved to postgres://db/host at 2023-11-14T22:13:20Z: set `database` to that address. What \
             was written since is only there"
        );
    }
}

#[tokio::test]
async fn a_file_that_does_not_exist_or_is_empty_is_not_created() {
    let folder = Folder::new();
    let path = folder.file("host.db");
    let refused = abandon_transfer(&path, &master_key()).await.unwrap_err();
    assert!(matches!(&refused, TransferError::NoDatabase(missing) if *missing == path), "{refused}");
    assert!(!path.exists());
    std::fs::write(&path, "").unwrap();
    let refused = abandon_transfer(&path, &master_key()).await.unwrap_err();
    assert!(matches!(refused, TransferError::Source(StoreError::EmptyFile)), "{refused}");
}

#[tokio::test]
async fn an_abandoned_transfer_is_not_continued_and_its_target_is_not_served() {
    let Some(moving) = Moving::filled().await else { return };
    moving.run_in(BatchLimits::default(), &mut |_| {}).await.unwrap();
    // As before the end.
    let arriving = TransferMark::Arriving { id: "t".to_owned(), after: BTreeMap::new() };
    transfer_mark::put(&mut moving.beside_target().await, &arriving).await.unwrap();
    let begun = TransferMark::Moving { id: "t".to_owned(), to: moving.to.to_string() };
    transfer_mark::put(&mut moving.beside_source().await, &begun).await.unwrap();

    assert_eq!(abandon_transfer(&moving.from(), &moving.key).await.unwrap(), moving.to.to_string());
    let refused = moving.run().await.unwrap_err();
    assert!(matches!(refused, TransferError::OtherTransfer), "{refused}");
    let refused = moving.open_target().await.unwrap_err();
    assert!(matches!(refused, StoreError::TransferCutOff), "{refused}");
    moving.open_source().await.unwrap().close().await;
}

#[tokio::test]
async fn a_target_with_rows_of_its_own_is_refused_by_their_tables_and_the_file_stays_in_service() {
    let Some(moving) = Moving::filled().await else { return };
    let target = moving.open_target().await.unwrap();
    target.person_key("acme").await.unwrap();
    sql(&target, "INSERT INTO marks (name, value) VALUES ('asked', x'00')").await;
    target.close().await;
    let refused = moving.run().await.unwrap_err();
    assert!(
        matches!(&refused, TransferError::NotEmpty(tables) if *tables == ["marks", "tenants"]),
        "{refused}"
    );
    moving.open_source().await.unwrap().close().await;
    moving.open_target().await.unwrap().close().await;
}

#[tokio::test]
async fn a_target_that_a_service_serves_is_refused_and_the_file_stays_in_service() {
    let Some(moving) = Moving::filled().await else { return };
    let serves = moving.open_target().await.unwrap();
    serves.serve_as("replica".to_owned()).await.unwrap();
    let refused = moving.run().await.unwrap_err();
    assert!(matches!(&refused, TransferError::NotEmpty(tables) if *tables == ["replicas"]), "{refused}");
    moving.open_source().await.unwrap().close().await;
    // It still serves.
    sql(&serves, "INSERT INTO marks (name, value) VALUES ('asked', x'00')").await;
}

#[tokio::test]
async fn databases_of_different_master_keys_are_refused_and_stay_in_service() {
    let Some(moving) = Moving::from_nothing(master_key()).await else { return };
    one_event(&moving).await;
    let (from, other) = (moving.from(), other_key());
    let transfer =
        DatabaseTransfer { from: &from, from_key: &moving.key, to: &moving.to, to_key: &moving.key };
    let refused = DatabaseTransfer { to_key: &other, ..transfer }.run(&mut |_| {}).await.unwrap_err();
    assert!(matches!(refused, TransferError::OtherMasterKey), "{refused}");
    let refused = DatabaseTransfer { from_key: &other, ..transfer }.run(&mut |_| {}).await.unwrap_err();
    assert!(matches!(refused, TransferError::Source(StoreError::WrongMasterKey)), "{refused}");
    // A server whose database was created with another one.
    let target = Store::open_at(&DatabaseAddress::Server(moving.to.clone()), &other).await.unwrap();
    target.close().await;
    let refused = transfer.run(&mut |_| {}).await.unwrap_err();
    assert!(matches!(refused, TransferError::Target(StoreError::WrongMasterKey)), "{refused}");
    moving.open_source().await.unwrap().close().await;
}

#[tokio::test]
async fn values_that_the_server_cannot_store_are_listed_before_anything_is_copied() {
    let Some(moving) = Moving::from_nothing(master_key()).await else { return };
    one_event(&moving).await;
    let mut source = moving.beside_source().await;
    execute(
        &mut source,
        "UPDATE events SET news = 'a' || char(0) || 'b', person = 'somebody'; \
         INSERT INTO components (digest, bytes) VALUES (x'01', 'text'), (NULL, x'00'), (x'02', x'00')",
    )
    .await;
    source.close().await.unwrap();
    let refused = moving.run().await.unwrap_err();
    let TransferError::Unstorable(cells) = &refused else { panic!("{refused}") };
    let cell = |table: &str, column: &str, row, reason| UnstorableCell {
        table: table.to_owned(),
        column: column.to_owned(),
        row,
        reason,
    };
    assert_eq!(
        *cells,
        [
            cell("components", "bytes", 1, UnstorableReason::OtherType),
            cell("components", "digest", 2, UnstorableReason::Missing),
            cell("events", "person", 1, UnstorableReason::OtherType),
            cell("events", "news", 1, UnstorableReason::Nul),
        ]
    );
    assert_eq!(
        refused.to_string(),
        "PostgreSQL cannot store these values (at most 50 are listed): components.bytes in row 1 has another type than its \
         column; components.digest in row 2 is NULL; events.person in row 1 has another type than its column; events.news \
         in row 1 contains the character U+0000. Replace each, such as with `sqlite3 FILE \"UPDATE table SET column = \
         replace(column, char(0), '') WHERE rowid = N\"`, and try again"
    );
    moving.open_source().await.unwrap().close().await;
    moving.open_target().await.unwrap().close().await;
}

#[tokio::test]
async fn a_target_whose_rows_were_changed_during_the_transfer_does_not_take_the_place_of_the_file() {
    for (how, table, rows) in [
        ("UPDATE events SET news = '{ }' WHERE id = 'e'", "events", (1, 1)),
        ("DELETE FROM events", "events", (1, 0)),
        ("INSERT INTO tenants (tenant, person_key) VALUES ('new', '')", "tenants", (0, 1)),
    ] {
        let Some(moving) = Moving::from_nothing(master_key()).await else { return };
        one_event(&moving).await;
        moving.run().await.unwrap();
        // As before the end, with everything copied.
        let after = BTreeMap::from([("events".to_owned(), 1)]);
        let mut target = moving.beside_target().await;
        execute(&mut target, how).await;
        let arriving = TransferMark::Arriving { id: "t".to_owned(), after };
        transfer_mark::put(&mut target, &arriving).await.unwrap();
        let begun = TransferMark::Moving { id: "t".to_owned(), to: moving.to.to_string() };
        transfer_mark::put(&mut moving.beside_source().await, &begun).await.unwrap();

        let refused = moving.run().await.unwrap_err();
        let TransferError::Differs { table: found, source_rows, target_rows } = &refused else {
            panic!("{refused}")
        };
        assert_eq!((found.as_str(), (*source_rows, *target_rows)), (table, rows));
        let refused = moving.open_source().await.unwrap_err();
        assert!(matches!(refused, StoreError::Moving { .. }), "{refused}");
        let refused = moving.open_target().await.unwrap_err();
        assert!(matches!(refused, StoreError::TransferCutOff), "{refused}");
    }
}
