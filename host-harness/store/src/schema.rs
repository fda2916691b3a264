//! The version of a database: its schema, and the program that migrated it. An older program never changes a newer
//! database.

use sqlx::migrate::Migrator;

use crate::{database::Tx, error::StoreError};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// The mark that contains the version of the program.
const PROGRAM: &str = "program";

/// Migrates the tables to this version's schema. Refuses a database with a newer schema.
pub(crate) async fn migrate(connection: &mut Tx) -> Result<(), StoreError> {
    let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default();
    let found = found(connection).await?.unwrap_or_default();
    if found > known {
        let written_by = written_by(connection).await?;
        return Err(StoreError::NewerDatabase { found, written_by, known });
    }
    MIGRATIONS
        .run(&mut *connection)
        .await
        .map_err(|error| StoreError::Migration(std::sync::Arc::new(error)))?;
    let sign = "INSERT INTO marks (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    let program = env!("CARGO_PKG_VERSION").as_bytes().to_vec();
    sqlx::query(sign).bind(PROGRAM).bind(program).execute(connection).await?;
    Ok(())
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
    let mark = sqlx::query_scalar("SELECT value FROM marks WHERE name = $1").bind(PROGRAM);
    let program: Option<Vec<u8>> = mark.fetch_optional(connection).await?;
    Ok(program.map_or_else(|| "unknown".to_owned(), |program| String::from_utf8_lossy(&program).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        handle::Store,
        testing::{Folder, master_key, write},
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
}
