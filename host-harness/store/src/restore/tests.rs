//! Restoring a backup, and what came after it.

use std::collections::BTreeMap;

use super::*;
use crate::{
    erasures::ledger::{ErasureLedger, LedgerFile, beside_database},
    people,
    seal::PersonName,
    testing::{Folder, audit_records, connection_row, master_key, name, sql, write},
};

async fn restored(backup: &Path, database: &Path) -> Result<Restored, RestoreError> {
    let ledger = beside_database(database);
    restore(backup, database, &ledger, &master_key(), ExistingDatabase::Replace).await
}

async fn event(store: &Store) -> i64 {
    let sql = "INSERT INTO events (id, tenant, connection, person, news, sealed_identity, received_at) \
               VALUES ($1, 'acme', 'newsletter', 1, '{}', x'00', 1) RETURNING seq";
    write(store, move |tx| {
        let id = uuid::Uuid::now_v7().to_string();
        Box::pin(async move { Ok(sqlx::query_scalar(sql).bind(id).fetch_one(tx).await?) })
    })
    .await
}

#[tokio::test]
async fn a_platform_that_read_the_feed_past_the_backup_misses_no_event_after_the_restore() {
    let folder = Folder::new();
    let (database, backup) = (folder.file("host.db"), folder.file("copy.db"));
    let store = Store::open(&database, &master_key()).await.unwrap();
    store.back_up(&backup).await.unwrap();
    let cursor = event(&store).await;
    store.close().await;
    restored(&backup, &database).await.unwrap();
    let store = Store::open(&database, &master_key()).await.unwrap();
    assert!(event(&store).await > cursor);
    store.close().await;
}

#[tokio::test]
async fn a_restore_that_was_cut_off_leaves_nothing_that_opens_and_is_done_again() {
    let folder = Folder::new();
    let (database, backup) = (folder.file("host.db"), folder.file("copy.db"));
    let store = Store::open(&database, &master_key()).await.unwrap();
    store.back_up(&backup).await.unwrap();
    event(&store).await;
    store.close().await;
    let aside = beside(&database, BEFORE);
    // The state between the moves.
    std::fs::copy(&backup, beside(&database, RESTORING)).unwrap();
    std::fs::write(beside(&aside, "-wal"), "").unwrap();
    let refused = Store::open(&database, &master_key()).await.unwrap_err();
    assert!(matches!(refused, StoreError::RestoreCutOff), "{refused}");
    std::fs::rename(&database, &aside).unwrap();
    let refused = Store::open(&database, &master_key()).await.unwrap_err();
    assert!(matches!(refused, StoreError::RestoreCutOff), "{refused}");
    assert!(!database.exists(), "no new database is created in its place");

    let restored = restored(&backup, &database).await.unwrap();
    assert_eq!(restored.kept, Some(aside.clone()));
    assert_eq!(restored.erasures, RestoredErasures::Unknown(beside_database(&database)));
    Store::open(&database, &master_key()).await.unwrap().close().await;
    let before = Store::open(&aside, &master_key()).await.unwrap();
    assert_eq!(event(&before).await, 2, "the old database is intact");
    before.close().await;
}

#[tokio::test]
async fn a_backup_of_a_newer_program_is_refused_by_the_programs_name_and_nothing_is_moved() {
    let folder = Folder::new();
    let (database, backup) = (folder.file("host.db"), folder.file("newer.db"));
    Store::open(&database, &master_key()).await.unwrap().close().await;
    let newer = Store::open(&backup, &master_key()).await.unwrap();
    write(&newer, |tx| {
        Box::pin(async move {
            let later = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                         VALUES (9999, 'later', 1, x'00', 0)";
            sqlx::query(later).execute(&mut *tx).await?;
            let program = "UPDATE marks SET value = CAST('7.0.0' AS BLOB) WHERE name = 'program'";
            sqlx::query(program).execute(tx).await?;
            Ok(())
        })
    })
    .await;
    newer.close().await;
    let before = std::fs::read(&database).unwrap();
    let refused = restored(&backup, &database).await.unwrap_err();
    let RestoreError::Store(StoreError::NewerDatabase { found: 9999, written_by, .. }) = &refused else {
        panic!("{refused}")
    };
    assert_eq!(written_by, "7.0.0");
    assert_eq!(std::fs::read(&database).unwrap(), before);
    assert!(!beside(&database, BEFORE).exists() && !unfinished(&database));
}

/// A service's database with the connection `newsletter` and its ledger.
struct Erasing {
    folder: Folder,
    store: Store,
    ledger: ErasureLedger,
}

impl Erasing {
    async fn new() -> Self {
        let folder = Folder::new();
        let store = folder.file_store().await;
        connection_row(&store, "acme", "newsletter").await;
        store.person_key("acme").await.unwrap();
        let (ledger, _) = ErasureLedger::open(&store, &folder.file("host.db.erasures")).await.unwrap();
        Self { folder, store, ledger }
    }

    /// Makes the person with this name known, with an opt-out.
    async fn opted_out(&self, byte: u8) {
        write(&self.store, move |tx| {
            Box::pin(async move {
                let person = people::known_as(tx, "newsletter", &[name(byte)]).await?;
                let choice = "INSERT INTO choices (person, kind, id, choice, chosen_at, origin, source) \
                              VALUES ($1, 'channel', '1', 'opt-out', 20, 'vendor', 'link')";
                Ok(sqlx::query(choice).bind(person).execute(tx).await.map(drop)?)
            })
        })
        .await;
    }

    /// Erases the person with this name, and writes the ledger.
    async fn erase(&mut self, byte: u8) {
        write(&self.store, move |tx| {
            Box::pin(async move {
                let person = people::known_as(tx, "newsletter", &[name(byte)]).await?;
                people::erases(tx, "newsletter", "r-1", &[name(byte)]).await?;
                people::erased(tx, "r-1", person, 30).await
            })
        })
        .await;
        self.ledger.catch_up().await.unwrap();
    }

    fn path(&self) -> PathBuf {
        self.folder.file("host.db.erasures")
    }

    /// Restores the backup `copy.db`, and returns the database and what was erased again.
    async fn restore(self) -> (Folder, Store, Reapplied) {
        self.store.close().await;
        let (backup, database) = (self.folder.file("copy.db"), self.folder.file("host.db"));
        let RestoredErasures::Reapplied(done) = restored(&backup, &database).await.unwrap().erasures else {
            panic!("the ledger was not found")
        };
        let store = self.folder.file_store().await;
        (self.folder, store, done)
    }

    async fn back_up(&self) {
        self.store.back_up(&self.folder.file("copy.db")).await.unwrap();
    }
}

/// Whether the person with this name is erased, and the number of their choices.
async fn known(store: &Store, byte: u8) -> (bool, i64) {
    write(store, move |tx| {
        Box::pin(async move {
            let erased = people::is_erased(tx, "newsletter", &[name(byte)]).await?;
            let choices = sqlx::query_scalar(
                "SELECT COUNT(*) FROM choices c JOIN names n ON n.person = c.person WHERE n.name = $1",
            );
            Ok((erased, choices.bind(name(byte).digest.to_vec()).fetch_one(tx).await?))
        })
    })
    .await
}

fn people(count: usize) -> Reapplied {
    let people =
        if count == 0 { BTreeMap::new() } else { BTreeMap::from([("newsletter".to_owned(), count)]) };
    Reapplied { people, ..Reapplied::default() }
}

#[tokio::test]
async fn a_person_who_was_erased_after_the_backup_is_erased_again_and_nobody_else_is() {
    let mut service = Erasing::new().await;
    for byte in 1..=3 {
        service.opted_out(byte).await;
    }
    service.erase(1).await;
    service.back_up().await;
    service.erase(2).await;
    // Not known to the backup at all.
    service.erase(4).await;
    let (_folder, store, done) = service.restore().await;
    assert_eq!(done, people(2));
    let mut found = Vec::new();
    for byte in 1..=4 {
        found.push(known(&store, byte).await);
    }
    assert_eq!(found, [(true, 0), (true, 0), (false, 1), (true, 0)]);
    let records = audit_records(&store, "acme").await;
    let [record] = &records[..] else { panic!("{records:?}") };
    assert!(record.contains("erasures-reapplied") && record.contains("\"people\":2"), "{record}");
    store.close().await;
}

#[tokio::test]
async fn a_person_whom_an_erasure_did_not_find_is_forgotten_again_and_looked_up_before_an_opt_out() {
    let mut service = Erasing::new().await;
    service.opted_out(1).await;
    service.back_up().await;
    write(&service.store, |tx| {
        Box::pin(async move {
            let person = people::known_as(tx, "newsletter", &[name(1)]).await?;
            people::not_found(tx, person, 30).await
        })
    })
    .await;
    service.ledger.catch_up().await.unwrap();
    let (_folder, store, done) = service.restore().await;
    assert_eq!(done, people(1));
    assert_eq!(known(&store, 1).await, (false, 0));
    let absence =
        write(&store, |tx| Box::pin(async move { people::absence(tx, "newsletter", &[name(1)]).await }));
    assert_eq!(absence.await, Some(people::Absence::NotFound));
    store.close().await;
}

#[tokio::test]
async fn restoring_twice_and_restoring_a_later_backup_erase_nobody_anew() {
    let mut service = Erasing::new().await;
    service.opted_out(1).await;
    service.erase(1).await;
    service.back_up().await;
    let (folder, store, done) = service.restore().await;
    assert_eq!(done, people(0));
    std::fs::remove_file(folder.file("host.db.before-restore")).unwrap();
    let (ledger, _) = ErasureLedger::open(&store, &folder.file("host.db.erasures")).await.unwrap();
    let again = Erasing { folder, store, ledger };
    let (_folder, store, done) = again.restore().await;
    assert_eq!(done, people(0));
    store.close().await;
}

#[tokio::test]
async fn a_name_without_a_line_of_its_own_is_not_erased_along_with_another() {
    let mut service = Erasing::new().await;
    let both = [name(1), PersonName { kind: "user-id".to_owned(), ..name(2) }];
    write(&service.store, |tx| Box::pin(async move { people::known_as(tx, "newsletter", &both).await }))
        .await;
    service.back_up().await;
    // Erased, and then not found by a second erasure: two lines.
    for mark in [
        "UPDATE names SET erased_at = 30, in_ledger = 0 WHERE kind = 'email'",
        "UPDATE names SET not_found_at = 40, in_ledger = 0 WHERE kind = 'email'",
    ] {
        sql(&service.store, mark).await;
        assert_eq!(service.ledger.catch_up().await.unwrap(), 1);
    }
    let (_folder, store, done) = service.restore().await;
    assert_eq!(done, people(1));
    assert_eq!([known(&store, 1).await, known(&store, 2).await], [(true, 0), (false, 0)]);
    store.close().await;
}

#[tokio::test]
async fn a_record_that_several_people_may_share_keeps_the_choices_of_the_others() {
    let mut service = Erasing::new().await;
    service.opted_out(1).await;
    // As version 0.1.0 kept them: two addresses in one record, and no word on what identifies people.
    sql(&service.store, "UPDATE connections SET identifying = NULL").await;
    write(&service.store, |tx| {
        Box::pin(async move { people::known_as(tx, "newsletter", &[name(1), name(2)]).await })
    })
    .await;
    service.back_up().await;
    sql(&service.store, "UPDATE connections SET identifying = 'email'").await;
    sql(&service.store, "UPDATE names SET erased_at = 30, in_ledger = 0 WHERE name = x'0101010101010101010101010101010101010101010101010101010101010101'").await;
    service.ledger.catch_up().await.unwrap();
    let (_folder, store, done) = service.restore().await;
    assert_eq!(done, people(1));
    assert_eq!([known(&store, 1).await, known(&store, 2).await], [(true, 1), (false, 1)]);
    store.close().await;
}

#[tokio::test]
async fn damaged_lines_are_counted_and_the_others_are_applied() {
    let mut service = Erasing::new().await;
    service.opted_out(1).await;
    service.opted_out(2).await;
    service.back_up().await;
    service.erase(1).await;
    // Cut off in the middle of a line, as by a full disk.
    let mut text = std::fs::read_to_string(service.path()).unwrap();
    text.push_str("01ab {\"number\":");
    std::fs::write(service.path(), text).unwrap();
    service.erase(2).await;
    let forged = std::fs::read_to_string(service.path()).unwrap() + "01ab {\"what\":\"erasure\"}\n";
    std::fs::write(service.path(), forged).unwrap();
    let (_folder, store, done) = service.restore().await;
    assert_eq!(done, Reapplied { damaged: 2, ..people(2) });
    assert_eq!([known(&store, 1).await, known(&store, 2).await], [(true, 0), (true, 0)]);
    store.close().await;
}

#[tokio::test]
async fn a_ledger_of_another_database_erases_nobody_and_is_reported() {
    let service = Erasing::new().await;
    service.opted_out(1).await;
    service.back_up().await;
    let mut other = Erasing::new().await;
    other.erase(1).await;
    std::fs::copy(other.path(), service.path()).unwrap();
    let (_folder, store, done) = service.restore().await;
    assert_eq!(done, Reapplied { other_key: 1, ..people(0) });
    assert_eq!(known(&store, 1).await, (false, 1));
    store.close().await;
}

#[tokio::test]
async fn a_backup_from_before_the_tenants_first_person_gets_its_key_from_the_ledger() {
    let folder = Folder::new();
    let store = folder.file_store().await;
    store.back_up(&folder.file("copy.db")).await.unwrap();
    connection_row(&store, "acme", "newsletter").await;
    let before = store.person_key("acme").await.unwrap().digest(b"x");
    let (ledger, _) = ErasureLedger::open(&store, &folder.file("host.db.erasures")).await.unwrap();
    let mut service = Erasing { folder, store, ledger };
    service.erase(1).await;
    let (_folder, store, done) = service.restore().await;
    assert_eq!(done, people(1));
    assert_eq!(store.person_key("acme").await.unwrap().digest(b"x"), before);
    assert_eq!(known(&store, 1).await, (true, 0));
    store.close().await;
}

#[tokio::test]
async fn a_ledger_that_was_lost_is_written_anew_and_continues_its_numbers() {
    let mut service = Erasing::new().await;
    service.opted_out(1).await;
    service.back_up().await;
    service.erase(1).await;
    std::fs::remove_file(service.path()).unwrap();
    let (mut ledger, file) = ErasureLedger::open(&service.store, &service.path()).await.unwrap();
    assert_eq!(file, LedgerFile::Incomplete);
    assert_eq!(ledger.catch_up().await.unwrap(), 1);
    assert_eq!(ledger.catch_up().await.unwrap(), 0, "each erasure is written once");
    let (_, file) = ErasureLedger::open(&service.store, &service.path()).await.unwrap();
    assert_eq!(file, LedgerFile::Whole);
    service.ledger = ledger;
    let (_folder, store, done) = service.restore().await;
    assert_eq!(done, people(1));
    store.close().await;
}

#[tokio::test]
async fn a_ledger_that_is_moved_away_or_replaced_by_an_older_copy_is_written_anew() {
    let mut service = Erasing::new().await;
    for byte in 1..=3 {
        service.opted_out(byte).await;
    }
    service.back_up().await;
    service.erase(1).await;
    let copy = std::fs::read(service.path()).unwrap();
    service.erase(2).await;
    std::fs::write(service.path(), copy).unwrap();
    assert_eq!(service.ledger.catch_up().await.unwrap(), 2, "an older copy lacks a line");
    std::fs::remove_file(service.path()).unwrap();
    service.erase(3).await;
    let (_folder, store, done) = service.restore().await;
    assert_eq!(done, people(3));
    store.close().await;
}

#[tokio::test]
async fn a_number_that_was_changed_in_the_backup_does_not_keep_erasures_from_being_applied() {
    let mut service = Erasing::new().await;
    service.opted_out(1).await;
    service.erase(2).await;
    service.back_up().await;
    service.erase(1).await;
    let backup = Store::open(&service.folder.file("copy.db"), &master_key()).await.unwrap();
    sql(&backup, "UPDATE marks SET value = CAST('9999' AS BLOB) WHERE name = 'erasure-ledger'").await;
    backup.close().await;
    let (_folder, store, done) = service.restore().await;
    assert_eq!((done, known(&store, 1).await), (people(1), (true, 0)));
    store.close().await;
}

#[tokio::test]
async fn erasures_are_applied_even_if_the_line_with_their_tenants_key_is_damaged() {
    let mut service = Erasing::new().await;
    service.opted_out(1).await;
    service.back_up().await;
    service.erase(1).await;
    let text = std::fs::read_to_string(service.path()).unwrap().replace("sealed-key", "sealed-kez");
    std::fs::write(service.path(), text).unwrap();
    let (_folder, store, done) = service.restore().await;
    assert_eq!(done, Reapplied { damaged: 1, ..people(1) });
    store.close().await;
}
