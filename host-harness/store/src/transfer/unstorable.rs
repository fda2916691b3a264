//! Finds the values that SQLite holds and PostgreSQL cannot, before anything is copied.

use sqlx::{AssertSqlSafe, Row as _};

use super::{
    error::{TransferError, UNSTORABLE_LISTED, UnstorableCell, UnstorableReason},
    tables::{ColumnKind, SharedColumn, SharedTable},
};
use crate::{database::Tx, error::StoreError};

/// The reasons, by the number with which the query returns each.
const REASONS: [(i64, UnstorableReason); 3] =
    [(1, UnstorableReason::Nul), (2, UnstorableReason::OtherType), (3, UnstorableReason::Missing)];

/// Checks that PostgreSQL can store every value.
pub(super) async fn check(source: &mut Tx, tables: &[SharedTable]) -> Result<(), TransferError> {
    let mut cells = Vec::new();
    for table in tables {
        cells.extend(of_table(source, table).await.map_err(TransferError::Source)?);
    }
    cells.truncate(usize::try_from(UNSTORABLE_LISTED).unwrap_or(usize::MAX));
    if cells.is_empty() { Ok(()) } else { Err(TransferError::Unstorable(cells)) }
}

async fn of_table(source: &mut Tx, table: &SharedTable) -> Result<Vec<UnstorableCell>, StoreError> {
    let reasons: Vec<String> = table.columns.iter().map(reason).collect();
    let sql = format!(
        "SELECT rowid, {} FROM {} WHERE ({}) > 0 AND {} ORDER BY rowid LIMIT $1",
        reasons.join(", "),
        table.quoted(),
        reasons.join(" + "),
        table.moved_rows()
    );
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(UNSTORABLE_LISTED).fetch_all(source).await?;
    let mut cells = Vec::new();
    for row in rows {
        let rowid: i64 = row.try_get(0)?;
        for (place, column) in (1..).zip(&table.columns) {
            let found: i64 = row.try_get(place)?;
            let reason = REASONS.iter().find(|(number, _)| *number == found);
            cells.extend(reason.map(|(_, reason)| UnstorableCell {
                table: table.name.clone(),
                column: column.name.clone(),
                row: rowid,
                reason: *reason,
            }));
        }
    }
    Ok(cells)
}

/// An expression of SQLite for the number of the reason; 0 if the value can be stored.
fn reason(column: &SharedColumn) -> String {
    let name = column.quoted();
    let (kind, wrong) = match column.kind {
        ColumnKind::Integer => ("integer", "0".to_owned()),
        ColumnKind::Text => ("text", format!("instr({name}, char(0)) > 0")),
        ColumnKind::Bytes => ("blob", "0".to_owned()),
    };
    let missing = if column.is_nullable { 0 } else { 3 };
    format!("CASE typeof({name}) WHEN '{kind}' THEN {wrong} WHEN 'null' THEN {missing} ELSE 2 END")
}
