//! The sequences that number rows. They continue where SQLite would: no number is given twice, even if the rows with the
//! greatest ones were deleted.

use sqlx::AssertSqlSafe;

use super::tables::{SharedColumn, SharedTable};
use crate::{database::Tx, error::StoreError};

/// The greatest number that a column of a table ever had.
pub(super) struct LastNumber {
    table: String,
    column: String,
    number: i64,
}

/// Returns the greatest number of each column that a sequence numbers.
pub(super) async fn read(source: &mut Tx, tables: &[SharedTable]) -> Result<Vec<LastNumber>, StoreError> {
    let mut numbers = Vec::new();
    for table in tables {
        for column in table.columns.iter().filter(|column| column.is_identity) {
            numbers.push(last(source, table, column).await?);
        }
    }
    Ok(numbers)
}

async fn last(source: &mut Tx, table: &SharedTable, column: &SharedColumn) -> Result<LastNumber, StoreError> {
    let sql = format!(
        "SELECT MAX(COALESCE((SELECT seq FROM sqlite_sequence WHERE name = $1), 0), \
                    COALESCE((SELECT MAX({}) FROM {}), 0))",
        column.quoted(),
        table.quoted()
    );
    let number = sqlx::query_scalar(AssertSqlSafe(sql)).bind(&table.name).fetch_one(source).await?;
    Ok(LastNumber { table: table.quoted(), column: column.name.clone(), number })
}

/// Has each sequence continue after its number.
pub(super) async fn put(target: &mut Tx, numbers: &[LastNumber]) -> Result<(), StoreError> {
    const CONTINUE: &str =
        "SELECT setval(CAST(pg_get_serial_sequence($1, $2) AS regclass), GREATEST($3, 1), $3 > 0)";
    for LastNumber { table, column, number } in numbers {
        sqlx::query(CONTINUE).bind(table).bind(column).bind(*number).execute(&mut *target).await?;
    }
    Ok(())
}
