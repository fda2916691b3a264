//! A database with rows in every table, also in those of later versions.

use sqlx::AssertSqlSafe;

use crate::{
    audit::{self, Record},
    database::Tx,
    error::StoreError,
    handle::Store,
    testing::{master_key, write},
};

/// The columns of the tables that are filled with any values.
const COLUMNS: &str = "SELECT m.name AS in_table, c.name, c.type AS data_type, c.\"notnull\" = 1 OR c.pk > 0 AS required \
                       FROM sqlite_master m JOIN pragma_table_info(m.name) c \
                       WHERE m.type = 'table' AND m.name NOT IN ('_sqlx_migrations', 'audit') \
                         AND SUBSTR(m.name, 1, 7) <> 'sqlite_' ORDER BY m.name, c.cid";

const NUMBERS: [i64; 6] = [1, 0, -1, i64::MIN, i64::MAX, 7];
const TEXTS: [&str; 6] =
    ["", "plain", "back\\slash '\"$1%?\t\n\r", "\u{e4}\u{1f600}\u{fffd}", "{\"a\":\"\\u0000\"}", "required"];
const BYTES: [&[u8]; 6] = [&[], &[0], &[0, 1, 255], b"\\x00", "\u{e4}'".as_bytes(), b"required"];
/// The number of the row in which everything that may be missing is missing.
const SPARSE: usize = 5;

#[derive(sqlx::FromRow)]
struct FilledColumn {
    in_table: String,
    name: String,
    data_type: String,
    required: i64,
}

/// Adds rows with unusual values to each table.
pub(super) async fn fill(store: &Store) {
    write(store, |tx| {
        Box::pin(async move {
            let columns: Vec<FilledColumn> = sqlx::query_as(COLUMNS).fetch_all(&mut *tx).await?;
            for of_table in columns.chunk_by(|one, other| one.in_table == other.in_table) {
                for number in 0..NUMBERS.len() {
                    insert(tx, of_table, number).await?;
                }
            }
            for tenant in ["acme", "other", audit::ALL_TENANTS] {
                for what in ["one", "two", "three"] {
                    audit::append(tx, &master_key().vault(), tenant, 17, &Record::of(what)).await?;
                }
            }
            Ok(())
        })
    })
    .await;
    store.person_key("acme").await.unwrap();
}

impl FilledColumn {
    fn is_given(&self, number: usize) -> bool {
        // SQLite numbers the rows of a table whose column is an `INTEGER`.
        self.data_type != "INTEGER" && (number != SPARSE || self.required == 1)
    }
}

/// Inserts the row with this number, unless a constraint leaves room for one row only.
async fn insert(tx: &mut Tx, columns: &[FilledColumn], number: usize) -> Result<(), StoreError> {
    let given: Vec<_> = columns.iter().filter(|column| column.is_given(number)).collect();
    let names: Vec<_> = given.iter().map(|column| format!("\"{}\"", column.name)).collect();
    let places: Vec<_> = (1..=given.len()).map(|place| format!("${place}")).collect();
    let table = &columns[0].in_table;
    let sql =
        format!("INSERT OR IGNORE INTO \"{table}\" ({}) VALUES ({})", names.join(", "), places.join(", "));
    let mut insert = sqlx::query(AssertSqlSafe(sql));
    for column in given {
        insert = match column.data_type.as_str() {
            "TEXT" => insert.bind(TEXTS[number]),
            "BLOB" => insert.bind(BYTES[number].to_vec()),
            "BIGINT" => insert.bind(NUMBERS[number]),
            other => panic!("{table}.{}: a column of the type {other}", column.name),
        };
    }
    insert.execute(tx).await?;
    Ok(())
}
