//! Reads a table of SQLite in batches that fit into memory.

use std::iter;

use sqlx::AssertSqlSafe;

use super::{
    rows::CopiedRow,
    tables::{ColumnKind, SharedTable},
};
use crate::{database::Tx, error::StoreError};

/// The maximum number of parameters of a statement of PostgreSQL. A batch is inserted by one statement.
const MAX_PARAMETERS: usize = 65_535;

/// A position before every row.
pub(super) const BEGINNING: i64 = i64::MIN;

/// The maximum size of a batch, except that it has at least one row.
#[derive(Clone, Copy)]
pub(super) struct BatchLimits {
    pub(super) rows: usize,
    pub(super) bytes: i64,
}

impl Default for BatchLimits {
    /// Large enough that the cost of a commit is negligible. A component of several MiB is a batch of its own.
    fn default() -> Self {
        Self { rows: 1_000, bytes: 4 << 20 }
    }
}

/// Rows of a table that follow each other.
pub(super) struct RowBatch {
    pub(super) rows: Vec<CopiedRow>,
    /// The `rowid` of the last one.
    pub(super) last: i64,
}

/// Returns the rows of `table` that follow the one with the `rowid` `after`; `None` if there are no more.
pub(super) async fn next(
    source: &mut Tx,
    table: &SharedTable,
    after: i64,
    limits: BatchLimits,
) -> Result<Option<RowBatch>, StoreError> {
    let Some(last) = end(source, table, after, limits).await? else { return Ok(None) };
    let sql = format!(
        "SELECT {} FROM {} WHERE rowid > $1 AND rowid <= $2 AND {} ORDER BY rowid",
        table.column_list(),
        table.quoted(),
        table.moved_rows()
    );
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(after).bind(last).fetch_all(source).await?;
    let rows = rows.iter().map(|row| CopiedRow::of(row, &table.columns)).collect::<Result<_, _>>()?;
    Ok(Some(RowBatch { rows, last }))
}

/// Returns the `rowid` of the last row that still fits into the batch. SQLite knows the sizes of values without reading
/// them.
async fn end(
    source: &mut Tx,
    table: &SharedTable,
    after: i64,
    limits: BatchLimits,
) -> Result<Option<i64>, StoreError> {
    let large = table.columns.iter().filter(|column| column.kind != ColumnKind::Integer);
    let sizes = large.map(|column| format!("COALESCE(octet_length({}), 0)", column.quoted()));
    let sizes: Vec<_> = iter::once("0".to_owned()).chain(sizes).collect();
    let sql = format!(
        "SELECT rowid, {} FROM {} WHERE rowid > $1 AND {} ORDER BY rowid LIMIT $2",
        sizes.join(" + "),
        table.quoted(),
        table.moved_rows()
    );
    let rows = limits.rows.min(MAX_PARAMETERS / table.columns.len().max(1));
    let limit = i64::try_from(rows).unwrap_or(i64::MAX);
    let sizes: Vec<(i64, i64)> =
        sqlx::query_as(AssertSqlSafe(sql)).bind(after).bind(limit).fetch_all(source).await?;
    let mut bytes = 0;
    let fitting = sizes.iter().take_while(|(_, size)| {
        bytes += size;
        bytes <= limits.bytes
    });
    let count = fitting.count().max(1);
    Ok(sizes.get(count - 1).map(|(rowid, _)| *rowid))
}
