//! Requests that schema 21 stored in one table.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

use super::*;
use crate::{
    postgres::{route::Route, schema::PostgresSchema},
    schema::{self, Schema},
    sqlite::schema::SqliteSchema,
    testing::{folder_on_server, server::connected},
};

/// One that waits, one under way, one that waits for another version, and one that ended.
const OLD: &str = "INSERT INTO requests (seq, id, tenant, connection, person, action, state, step, received_at, next_at, \
                     generation, lease_until, claimed_by, contradicted_by, finished_at) VALUES \
                   (1, 'a', 'acme', 'n', 7, 'erasure', 'waiting', 'confirm', 10, 20, 3, NULL, NULL, NULL, NULL), \
                   (2, 'b', 'acme', 'n', 8, 'consent', 'running', 'act', 11, 21, 1, 99, 'first', NULL, NULL), \
                   (3, 'c', 'acme', 'n', 9, 'erasure', 'waiting', 'confirm', 12, 22, 2, NULL, NULL, 'sha256:00', NULL), \
                   (4, 'd', 'acme', 'n', 9, 'erasure', 'failed', 'act', 13, 23, 5, NULL, NULL, NULL, 30)";

const OPEN_ROWS: &str = "SELECT seq || ' ' || person || ' ' || state || ' ' || step || ' ' || received_at || ' ' || next_at || ' ' || \
                           generation || ' ' || COALESCE(claimed_by || ' ' || lease_until, '-') || ' ' || \
                           COALESCE(contradicted_by, '-') FROM open_requests ORDER BY seq";

const ROWS: &str = "SELECT id || ' ' || state || ' ' || generation FROM requests ORDER BY seq";

async fn migrated<S: Schema>(mut connection: Tx, schema: &S) -> (Vec<String>, Vec<String>) {
    schema::run(schema.migrations(), &mut connection, 21).await.unwrap();
    connection.execute(OLD).await.unwrap();
    schema::run(schema.migrations(), &mut connection, 22).await.unwrap();
    let mut rows = Vec::new();
    for sql in [OPEN_ROWS, ROWS] {
        rows.push(sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap());
    }
    (rows.remove(0), rows.remove(0))
}

fn expected() -> (Vec<String>, Vec<String>) {
    let open = [
        "1 7 waiting confirm 10 20 3 - -",
        "2 8 running act 11 21 1 first 99 -",
        "3 9 waiting confirm 12 22 2 - sha256:00",
    ];
    let all = ["a open 3", "b open 1", "c open 2", "d failed 5"];
    (open.map(str::to_owned).to_vec(), all.map(str::to_owned).to_vec())
}

#[tokio::test]
async fn requests_of_the_schema_before_are_open_or_history_as_they_were() {
    sqlx::any::install_default_drivers();
    let file = Tx::connect("sqlite::memory:").await.unwrap();
    assert_eq!(migrated(file, &SqliteSchema).await, expected());
    let Some(folder) = folder_on_server() else { return };
    let crate::DatabaseAddress::Server(address) = folder.address().await else { panic!("no server") };
    let mut server = connected(&address).await;
    server.execute("CREATE SCHEMA before; SET search_path = before").await.unwrap();
    assert_eq!(migrated(server, &PostgresSchema(Route::Direct)).await, expected());
}
