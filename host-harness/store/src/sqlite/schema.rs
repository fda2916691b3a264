//! The schema of SQLite.

use std::collections::BTreeSet;

use futures::future::BoxFuture;
use sqlx::{Connection as _, SqlStr, migrate::Migrator};

use crate::{
    database::Tx,
    error::StoreError,
    schema::{Schema, SchemaObject, objects, run},
};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// Begins a transaction with the write lock: one that starts with a read may be unable to write later.
pub(crate) const BEGIN: SqlStr = SqlStr::from_static("BEGIN IMMEDIATE");

pub(crate) struct SqliteSchema;

impl Schema for SqliteSchema {
    const SHARED_SINCE: Option<i64> = None;

    const IS_MIGRATED: &'static str =
        "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'";

    /// Leaves out the tables that `ANALYZE` creates.
    const OBJECTS: &'static str = "SELECT type AS kind, name, sql FROM sqlite_master \
                                   WHERE NOT (type = 'table' AND name IN ('sqlite_stat1', 'sqlite_stat4'))";

    fn begin(&self) -> SqlStr {
        BEGIN
    }

    fn migrations(&self) -> &'static Migrator {
        &MIGRATIONS
    }

    fn reference<'a>(
        &'a self,
        _connection: &'a mut Tx,
        version: Option<i64>,
    ) -> BoxFuture<'a, Result<BTreeSet<SchemaObject>, StoreError>> {
        Box::pin(async move {
            let mut reference = Tx::connect("sqlite::memory:").await?;
            if let Some(version) = version {
                run(&MIGRATIONS, &mut reference, version).await?;
            }
            let objects = objects::<Self>(&mut reference).await?;
            reference.close().await?;
            Ok(objects)
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        error::StoreError,
        handle::Store,
        testing::{Folder, master_key, sql, write},
    };

    #[tokio::test]
    async fn a_database_of_a_newer_program_is_refused_by_the_programs_name_and_left_as_it_is() {
        let folder = Folder::new();
        let store = folder.file_store().await;
        write(&store, |tx| {
            Box::pin(async move {
                for statement in [
                    "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                     VALUES (9999, 'later', 1, x'00', 0)",
                    "UPDATE marks SET value = CAST('7.0.0' AS BLOB) WHERE name = 'program'",
                ] {
                    sqlx::query(statement).execute(&mut *tx).await?;
                }
                Ok(())
            })
        })
        .await;
        store.close().await;
        let before = std::fs::read(folder.file("host.db")).unwrap();
        let refused = Store::open(&folder.file("host.db"), &master_key()).await.unwrap_err();
        let StoreError::NewerDatabase { found: 9999, written_by, known } = &refused else {
            panic!("{refused}")
        };
        assert_eq!(written_by, "7.0.0");
        assert_eq!(
            refused.to_string(),
            format!(
                "the database has schema 9999, written by connector-host 7.0.0; this is connector-host {}, which \
                 supports schema {known} and older: start the newer version, or restore a backup written by this one",
                env!("CARGO_PKG_VERSION")
            )
        );
        assert_eq!(std::fs::read(folder.file("host.db")).unwrap(), before);
    }

    /// Returns the error of opening a database on which `how` was run.
    async fn refusal_after(how: &'static str) -> Option<StoreError> {
        let folder = Folder::new();
        let store = folder.file_store().await;
        sql(&store, how).await;
        store.close().await;
        Store::open(&folder.file("host.db"), &master_key()).await.err()
    }

    #[tokio::test]
    async fn a_database_with_objects_that_no_version_creates_or_without_some_is_refused() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        for (how, foreign, missing) in [
            (
                "CREATE TRIGGER obey AFTER INSERT ON requests BEGIN DELETE FROM names; END",
                &["trigger obey"][..],
                &[][..],
            ),
            (
                "PRAGMA writable_schema = ON; INSERT INTO sqlite_master (type, name, tbl_name, rootpage, sql) VALUES \
                 ('trigger', 'sqlite_obey', 'requests', 0, 'CREATE TRIGGER sqlite_obey AFTER INSERT ON requests BEGIN \
                 DELETE FROM names; END')",
                &["trigger sqlite_obey"],
                &[],
            ),
            ("CREATE TABLE notes (text TEXT)", &["table notes"], &[]),
            ("CREATE VIEW everyone AS SELECT * FROM names", &["view everyone"], &[]),
            ("CREATE INDEX extra ON requests (person)", &["index extra"], &[]),
            ("DROP TRIGGER audit_is_not_deleted", &[], &["trigger audit_is_not_deleted"]),
            (
                "DROP TRIGGER audit_is_not_changed; CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN \
                 SELECT 1; END",
                &["trigger audit_is_not_changed"],
                &["trigger audit_is_not_changed"],
            ),
            ("ALTER TABLE requests ADD COLUMN note TEXT", &["table requests"], &["table requests"]),
        ] {
            let refused = refusal_after(how).await;
            let Some(StoreError::ForeignSchema { foreign: found, missing: lacks }) = &refused else {
                panic!("{how}: {refused:?}")
            };
            assert_eq!((found, lacks), (&names(foreign), &names(missing)), "{how}");
        }
        assert!(refusal_after("ANALYZE").await.is_none());
    }

    #[tokio::test]
    async fn what_a_foreign_schema_is_refused_with_names_each_object() {
        let refused =
            refusal_after("DROP TRIGGER audit_is_not_deleted; CREATE TABLE notes (text TEXT)").await;
        assert_eq!(
            refused.unwrap().to_string(),
            "the database was changed from outside: no version of this program creates table notes; missing or changed \
             are trigger audit_is_not_deleted. Look at each with `sqlite3 FILE .schema` or `psql -c '\\d'`, and undo it or restore \
             a backup. A PostgreSQL service has a database or schema of its own"
        );
    }
}
