//! The version of a database: its schema, and the program that migrated it. An older program never changes a newer
//! database.

use std::{collections::BTreeSet, fmt};

use sqlx::{Connection as _, migrate::Migrator};

use crate::{database::Tx, error::StoreError, marks, seal::Vault, upgrade};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// The mark that contains the version of the program.
const PROGRAM: &str = "program";

/// The last schema whose rows have no authentication codes.
const UNAUTHENTICATED: i64 = 6;

/// Migrates the tables to this version's schema, in one transaction. Refuses a database with a newer schema, and one with
/// tables or triggers that its schema does not define.
pub(crate) async fn migrate(connection: &mut Tx, vault: &Vault) -> Result<(), StoreError> {
    let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default();
    let found = found(connection).await?;
    if let Some(found) = found.filter(|found| *found > known) {
        let written_by = written_by(connection).await?;
        return Err(StoreError::NewerDatabase { found, written_by, known });
    }
    check_objects(connection, found).await?;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    MIGRATIONS
        .run(&mut *transaction)
        .await
        .map_err(|error| StoreError::Migration(std::sync::Arc::new(error)))?;
    if found.is_some_and(|found| found <= UNAUTHENTICATED) {
        upgrade::authenticate(&mut transaction, vault).await?;
    }
    marks::put(&mut transaction, PROGRAM, env!("CARGO_PKG_VERSION").as_bytes().to_vec()).await?;
    Ok(transaction.commit().await?)
}

/// Checks that the database has exactly the tables, indexes, triggers and views of its schema. A trigger that was added
/// from outside would run with every write, and a view could stand in for a table.
async fn check_objects(connection: &mut Tx, schema: Option<i64>) -> Result<(), StoreError> {
    let mut reference = Tx::connect("sqlite::memory:").await?;
    if let Some(schema) = schema {
        let made = MIGRATIONS.run_to(schema, &mut reference).await;
        made.map_err(|error| StoreError::Migration(std::sync::Arc::new(error)))?;
    }
    let (found, expected) = (objects(connection).await?, objects(&mut reference).await?);
    reference.close().await?;
    let foreign: Vec<String> = found.difference(&expected).map(SchemaObject::to_string).collect();
    let missing: Vec<String> = expected.difference(&found).map(SchemaObject::to_string).collect();
    if foreign.is_empty() && missing.is_empty() {
        return Ok(());
    }
    Err(StoreError::ForeignSchema { foreign, missing })
}

/// A table, index, trigger or view, with the statement that creates it.
#[derive(PartialEq, Eq, PartialOrd, Ord, sqlx::FromRow)]
struct SchemaObject {
    kind: String,
    name: String,
    sql: Option<String>,
}

impl fmt::Display for SchemaObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// Returns the objects of a database, apart from the tables that `ANALYZE` creates.
async fn objects(connection: &mut Tx) -> Result<BTreeSet<SchemaObject>, StoreError> {
    let sql = "SELECT type AS kind, name, sql FROM sqlite_master \
               WHERE NOT (type = 'table' AND name IN ('sqlite_stat1', 'sqlite_stat4'))";
    Ok(sqlx::query_as(sql).fetch_all(connection).await?.into_iter().collect())
}

/// Returns the schema version of the database; `None` if it is empty.
async fn found(connection: &mut Tx) -> Result<Option<i64>, StoreError> {
    let tables = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'";
    let tables: i64 = sqlx::query_scalar(tables).fetch_one(&mut *connection).await?;
    if tables == 0 {
        return Ok(None);
    }
    Ok(sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations").fetch_one(connection).await?)
}

/// Returns the version of the program that last wrote the database. Version 0.1.0 did not record it.
async fn written_by(connection: &mut Tx) -> Result<String, StoreError> {
    let program = marks::get(connection, PROGRAM).await?;
    Ok(program.map_or_else(|| "unknown".to_owned(), |program| String::from_utf8_lossy(&program).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        handle::Store,
        testing::{Folder, master_key, sql, write},
    };

    #[tokio::test]
    async fn a_database_of_a_newer_program_is_refused_by_the_programs_name_and_left_as_it_is() {
        let folder = Folder::new();
        let store = folder.store().await;
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
        let store = folder.store().await;
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
             are trigger audit_is_not_deleted. Look at each with `sqlite3 FILE .schema`, and undo it or restore a backup"
        );
    }
}
