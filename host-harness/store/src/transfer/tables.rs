//! The tables and columns that are moved, as both databases have them.

use std::collections::{BTreeMap, BTreeSet};

use super::error::TransferError;
use crate::{database::Tx, error::StoreError, transfer_mark::TRANSFER};

/// The columns of all tables of SQLite, except for those that SQLite and the migrations keep for themselves.
const OF_SOURCE: &str = "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c \
                         WHERE m.type = 'table' AND m.name <> '_sqlx_migrations' AND SUBSTR(m.name, 1, 7) <> 'sqlite_'";

/// The columns of all tables of PostgreSQL.
const OF_TARGET: &str = "SELECT CAST(table_name AS TEXT) AS in_table, CAST(column_name AS TEXT) AS name, \
                                CAST(data_type AS TEXT) AS data_type, is_nullable = 'YES' AS is_nullable, \
                                is_identity = 'YES' AS is_identity \
                         FROM information_schema.columns WHERE table_schema = current_schema() \
                         ORDER BY table_name, ordinal_position";

/// The number that SQLite gives every row, and PostgreSQL those of a table that has a column for it.
const ROWID: &str = "rowid";

/// A table that both databases have.
pub(super) struct SharedTable {
    pub(super) name: String,
    /// Those of PostgreSQL, in their order there.
    pub(super) columns: Vec<SharedColumn>,
}

/// A column of a shared table.
pub(super) struct SharedColumn {
    pub(super) name: String,
    pub(super) kind: ColumnKind,
    pub(super) is_nullable: bool,
    /// Whether a sequence numbers its rows.
    pub(super) is_identity: bool,
}

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnKind {
    Integer,
    Text,
    Bytes,
}

#[derive(sqlx::FromRow)]
struct TargetColumn {
    in_table: String,
    name: String,
    data_type: String,
    is_nullable: bool,
    is_identity: bool,
}

/// Returns the tables, ordered by name.
pub(super) async fn read(source: &mut Tx, target: &mut Tx) -> Result<Vec<SharedTable>, TransferError> {
    let of_source = of_source(source).await.map_err(TransferError::Source)?;
    let mut of_target = of_target(target).await.map_err(TransferError::Target)?;
    let shared = |(table, names): (String, BTreeSet<String>)| {
        let columns = of_target.remove(&table).unwrap_or_default();
        let expected = columns.iter().map(|column| &column.name);
        let expected = expected.filter(|name| *name != ROWID || names.contains(*name));
        if expected.collect::<BTreeSet<_>>() != names.iter().collect() {
            return Err(TransferError::SchemasDiffer(table));
        }
        let columns = columns.into_iter().map(TargetColumn::shared).collect::<Result<_, _>>()?;
        Ok(SharedTable { name: table, columns })
    };
    of_source.into_iter().map(shared).collect()
}

async fn of_source(source: &mut Tx) -> Result<BTreeMap<String, BTreeSet<String>>, StoreError> {
    let found: Vec<(String, String)> = sqlx::query_as(OF_SOURCE).fetch_all(source).await?;
    let mut tables = BTreeMap::<_, BTreeSet<_>>::new();
    for (table, column) in found {
        tables.entry(table).or_default().insert(column);
    }
    Ok(tables)
}

async fn of_target(target: &mut Tx) -> Result<BTreeMap<String, Vec<TargetColumn>>, StoreError> {
    let found: Vec<TargetColumn> = sqlx::query_as(OF_TARGET).fetch_all(target).await?;
    let mut tables = BTreeMap::<_, Vec<_>>::new();
    for column in found {
        tables.entry(column.in_table.clone()).or_default().push(column);
    }
    Ok(tables)
}

impl TargetColumn {
    fn shared(self) -> Result<SharedColumn, TransferError> {
        let kind = match self.data_type.as_str() {
            "bigint" => ColumnKind::Integer,
            "text" => ColumnKind::Text,
            "bytea" => ColumnKind::Bytes,
            other => {
                return Err(TransferError::SchemasDiffer(format!("{}.{} {other}", self.in_table, self.name)));
            }
        };
        Ok(SharedColumn {
            name: self.name,
            kind,
            is_nullable: self.is_nullable,
            is_identity: self.is_identity,
        })
    }
}

impl SharedTable {
    /// The name of the table, quoted for both databases.
    pub(super) fn quoted(&self) -> String {
        quoted(&self.name)
    }

    /// The names of the columns, quoted and separated by commas.
    pub(super) fn column_list(&self) -> String {
        self.columns.iter().map(SharedColumn::quoted).collect::<Vec<_>>().join(", ")
    }

    /// The condition for rows that are moved. Those are not about processes that serve the database, since they have ended.
    pub(super) fn moved_rows(&self) -> String {
        match self.name.as_str() {
            "replicas" => "FALSE".to_owned(),
            _ => self.written_rows(),
        }
    }

    /// The condition for rows that a database has not had from the beginning. Each has marks of its own.
    pub(super) fn written_rows(&self) -> String {
        match self.name.as_str() {
            "marks" => format!("name NOT IN ('master-key', 'program', '{TRANSFER}')"),
            _ => "TRUE".to_owned(),
        }
    }
}

impl SharedColumn {
    /// The name of the column, quoted for both databases.
    pub(super) fn quoted(&self) -> String {
        quoted(&self.name)
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
