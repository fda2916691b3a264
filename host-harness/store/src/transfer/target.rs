//! The database of PostgreSQL that rows are moved to.

use std::collections::BTreeMap;

use futures::TryStreamExt as _;
use sqlx::{AssertSqlSafe, Connection as _, Transaction};

use super::{
    batches::{BEGINNING, RowBatch},
    error::TransferError,
    rows::{CellValue, ContentDigest, CopiedRow},
    tables::SharedTable,
};
use crate::{
    address::PostgresAddress,
    database::Tx,
    error::StoreError,
    master_mark,
    postgres::{self, route::Route},
    seal::Vault,
    transfer_mark::{self, TransferMark},
};

/// A connection to the database.
pub(super) struct TransferTarget {
    connection: Tx,
    route: Route,
}

impl TransferTarget {
    /// Opens the database, with this version's schema and the mark of its master key.
    pub(super) async fn open(address: &PostgresAddress, vault: &Vault) -> Result<Self, StoreError> {
        let connection = postgres::connect(address, vault).await?;
        let mut target = Self { connection, route: address.route() };
        let mut tx = target.begin().await?;
        master_mark::check(&mut tx, vault).await?;
        tx.commit().await?;
        Ok(target)
    }

    /// Begins a transaction.
    pub(super) async fn begin(&mut self) -> Result<Transaction<'_, sqlx::Any>, StoreError> {
        Ok(self.connection.begin_with(self.route.begin_write()).await?)
    }

    /// Begins a transaction that reads everything.
    pub(super) async fn begin_long(&mut self) -> Result<Transaction<'_, sqlx::Any>, StoreError> {
        Ok(self.connection.begin_with(self.route.begin_long_write()).await?)
    }

    /// Closes the connection.
    pub(super) async fn close(self) -> Result<(), StoreError> {
        Ok(self.connection.close().await?)
    }
}

/// Returns the names of the tables that have rows already.
pub(super) async fn filled(tx: &mut Tx, tables: &[SharedTable]) -> Result<Vec<String>, StoreError> {
    let mut filled = Vec::new();
    for table in tables {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {} WHERE {})", table.quoted(), table.written_rows());
        if sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *tx).await? {
            filled.push(table.name.clone());
        }
    }
    Ok(filled)
}

/// What has arrived.
pub(super) struct Arrivals {
    id: String,
    after: BTreeMap<String, i64>,
}

impl Arrivals {
    /// Returns the arrivals of the transfer `id`, of which these have been stored.
    pub(super) fn of(id: String, after: BTreeMap<String, i64>) -> Self {
        Self { id, after }
    }

    /// Returns the `rowid` up to which the rows of a table have arrived.
    pub(super) fn after(&self, table: &SharedTable) -> i64 {
        self.after.get(&table.name).copied().unwrap_or(BEGINNING)
    }

    /// Checks that the database still says so, as it does unless another process transfers into it as well.
    pub(super) async fn check(&self, tx: &mut Tx) -> Result<(), TransferError> {
        let found = transfer_mark::get(tx).await.map_err(TransferError::Target)?;
        if found == Some(self.mark()) { Ok(()) } else { Err(TransferError::Interfered) }
    }

    /// Stores what has arrived.
    pub(super) async fn put(&self, tx: &mut Tx) -> Result<(), StoreError> {
        transfer_mark::put(tx, &self.mark()).await
    }

    /// Stores a batch, and that it has arrived, in one transaction.
    pub(super) async fn append(
        &mut self,
        target: &mut TransferTarget,
        table: &SharedTable,
        batch: RowBatch,
    ) -> Result<(), TransferError> {
        let mut tx = target.begin().await.map_err(TransferError::Target)?;
        self.check(&mut tx).await?;
        self.after.insert(table.name.clone(), batch.last);
        insert(&mut tx, table, batch.rows).await.map_err(TransferError::Target)?;
        self.put(&mut tx).await.map_err(TransferError::Target)?;
        tx.commit().await.map_err(|error| TransferError::Target(error.into()))
    }

    fn mark(&self) -> TransferMark {
        TransferMark::Arriving { id: self.id.clone(), after: self.after.clone() }
    }
}

/// Inserts rows with one statement.
async fn insert(tx: &mut Tx, table: &SharedTable, rows: Vec<CopiedRow>) -> Result<(), StoreError> {
    let width = table.columns.len();
    let row = |first: usize| {
        let places: Vec<String> = (first..first + width).map(|place| format!("${place}")).collect();
        format!("({})", places.join(", "))
    };
    let places: Vec<String> = (0..rows.len()).map(|number| row(number * width + 1)).collect();
    let sql =
        format!("INSERT INTO {} ({}) VALUES {}", table.quoted(), table.column_list(), places.join(", "));
    // Not kept by the server: the number of rows is seldom the same twice.
    let mut insert = sqlx::query(AssertSqlSafe(sql)).persistent(false);
    for cell in rows.into_iter().flat_map(|row| row.0) {
        insert = match cell {
            CellValue::Integer(value) => insert.bind(value),
            CellValue::Text(value) => insert.bind(value),
            CellValue::Bytes(value) => insert.bind(value),
        };
    }
    insert.execute(tx).await?;
    Ok(())
}

/// Returns the digest of a table.
pub(super) async fn digest(tx: &mut Tx, table: &SharedTable) -> Result<ContentDigest, StoreError> {
    let sql = format!("SELECT {} FROM {} WHERE {}", table.column_list(), table.quoted(), table.moved_rows());
    let mut digest = ContentDigest::default();
    let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(tx);
    while let Some(row) = rows.try_next().await? {
        digest.add(&CopiedRow::of(&row, &table.columns)?);
    }
    Ok(digest)
}
