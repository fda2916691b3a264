//! The version of a database: its schema, and the program that migrated it. An older program never changes a newer
//! database.

use std::{collections::BTreeSet, fmt};

use futures::future::BoxFuture;
use sqlx::{Connection as _, SqlStr, migrate::Migrator};

use crate::{
    database::Tx,
    error::StoreError,
    marks,
    replicas::{self, PRESUMED_ALIVE},
    seal::Vault,
    upgrade,
};
use host_model::time::millis;

/// The mark that contains the version of the program.
const PROGRAM: &str = "program";

/// The last schema whose rows have no authentication codes.
const UNAUTHENTICATED: i64 = 6;

/// The schema in the dialect of a kind of database.
pub(crate) trait Schema: Sync {
    /// The query of the number of tables that list the migrations that were run: 0 or 1.
    const IS_MIGRATED: &'static str;
    /// The query of the objects of a database: `kind`, `name` and `sql` of each.
    const OBJECTS: &'static str;

    /// The first version of the schema that says which processes serve the database; `None` if only one can, which a lock
    /// excludes.
    const SHARED_SINCE: Option<i64>;

    /// Returns what begins a transaction that excludes all other writers.
    fn begin(&self) -> SqlStr;

    /// The migrations.
    fn migrations(&self) -> &'static Migrator;

    /// Returns the objects that a database with the schema `version` has; those of an empty database if it is `None`.
    fn reference<'a>(
        &'a self,
        connection: &'a mut Tx,
        version: Option<i64>,
    ) -> BoxFuture<'a, Result<BTreeSet<SchemaObject>, StoreError>>;
}

/// Migrates the tables to this version's schema, in one transaction. Refuses a database with a newer schema, one that is to be
/// migrated while replicas serve it, and one with tables or triggers that its schema does not define.
pub(crate) async fn migrate<S: Schema>(
    connection: &mut Tx,
    vault: &Vault,
    schema: &S,
) -> Result<(), StoreError> {
    let known = schema.migrations().iter().map(|migration| migration.version).max().unwrap_or_default();
    let mut transaction = connection.begin_with(schema.begin()).await?;
    let found = found::<S>(&mut transaction).await?;
    if let Some(found) = found.filter(|found| *found > known) {
        let written_by = written_by(&mut transaction).await?;
        return Err(StoreError::NewerDatabase { found, written_by, known });
    }
    let has_replicas = |found| S::SHARED_SINCE.is_some_and(|since| since <= found);
    if found.is_some_and(|found| found < known && has_replicas(found)) {
        let replicas = replicas::seen_within(&mut transaction, millis(PRESUMED_ALIVE)).await?;
        if !replicas.is_empty() {
            return Err(StoreError::ServedByOlder { replicas, presumed_alive: PRESUMED_ALIVE });
        }
    }
    check_objects(&mut transaction, schema, found).await?;
    run(schema.migrations(), &mut transaction, known).await?;
    if found.is_some_and(|found| found <= UNAUTHENTICATED) {
        upgrade::authenticate(&mut transaction, vault).await?;
    }
    marks::put(&mut transaction, PROGRAM, env!("CARGO_PKG_VERSION").as_bytes().to_vec()).await?;
    Ok(transaction.commit().await?)
}

/// Runs the migrations up to the schema `version`.
pub(crate) async fn run(
    migrations: &'static Migrator,
    connection: &mut Tx,
    version: i64,
) -> Result<(), StoreError> {
    // `run_to` takes a connection in a way that is not `Send`; sqlx has this function for that.
    let run = migrations.run_direct(Some(version), connection, false).await;
    run.map_err(|error| StoreError::Migration(std::sync::Arc::new(error)))
}

/// Checks that the database has exactly the tables, indexes, triggers and views of its schema. A trigger that was added
/// from outside would run with every write, and a view could stand in for a table.
async fn check_objects<S: Schema>(
    connection: &mut Tx,
    schema: &S,
    version: Option<i64>,
) -> Result<(), StoreError> {
    let expected = schema.reference(connection, version).await?;
    let found = objects::<S>(connection).await?;
    let foreign: Vec<String> = found.difference(&expected).map(SchemaObject::to_string).collect();
    let missing: Vec<String> = expected.difference(&found).map(SchemaObject::to_string).collect();
    if foreign.is_empty() && missing.is_empty() {
        return Ok(());
    }
    Err(StoreError::ForeignSchema { foreign, missing })
}

/// Returns the objects of a database.
pub(crate) async fn objects<S: Schema>(connection: &mut Tx) -> Result<BTreeSet<SchemaObject>, StoreError> {
    Ok(sqlx::query_as(S::OBJECTS).fetch_all(connection).await?.into_iter().collect())
}

/// A table, index, trigger or view, with the statement that creates it.
#[derive(PartialEq, Eq, PartialOrd, Ord, sqlx::FromRow)]
pub(crate) struct SchemaObject {
    kind: String,
    name: String,
    sql: Option<String>,
}

impl fmt::Display for SchemaObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// Returns the schema version of the database; `None` if it is empty.
pub(crate) async fn found<S: Schema>(connection: &mut Tx) -> Result<Option<i64>, StoreError> {
    let tables: i64 = sqlx::query_scalar(S::IS_MIGRATED).fetch_one(&mut *connection).await?;
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
