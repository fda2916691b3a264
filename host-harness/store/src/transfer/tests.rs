//! Transfers from a file in a folder to the folder's database on a server.

mod contents;
mod filled;
mod interruptions;
mod references;
mod refusals;

use std::{collections::BTreeMap, path::PathBuf};

use sqlx::AssertSqlSafe;

use self::filled::fill;
use super::*;
use crate::{
    DatabaseAddress, Store,
    sqlite::address,
    testing::{Folder, folder_on_server, master_key, server::connected},
    transfer::rows::{CellValue, CopiedRow},
};

/// A file with rows in every table, and an empty database on a server.
struct Moving {
    folder: Folder,
    key: MasterKey,
    to: PostgresAddress,
}

/// The rows of each table, in any order.
type Contents = BTreeMap<String, Vec<String>>;

impl Moving {
    /// Fills the file; `None` without a server.
    async fn filled() -> Option<Self> {
        let moving = Self::from_nothing(master_key()).await?;
        let store = moving.folder.file_store().await;
        fill(&store).await;
        store.close().await;
        Some(moving)
    }

    /// Leaves the file to the test; `None` without a server.
    async fn from_nothing(key: MasterKey) -> Option<Self> {
        let folder = folder_on_server()?;
        let DatabaseAddress::Server(to) = folder.address().await else { panic!("no server") };
        Some(Self { folder, key, to })
    }

    fn from(&self) -> PathBuf {
        self.folder.file("host.db")
    }

    async fn run(&self) -> Result<Transferred, TransferError> {
        self.run_in(BatchLimits::default(), &mut |_| {}).await
    }

    async fn run_in(
        &self,
        limits: BatchLimits,
        report: ReportProgress<'_>,
    ) -> Result<Transferred, TransferError> {
        let from = self.from();
        let transfer = DatabaseTransfer { from: &from, from_key: &self.key, to: &self.to, to_key: &self.key };
        transfer.run_in_batches(limits, report).await
    }

    async fn open_source(&self) -> Result<Store, StoreError> {
        Store::open(&self.from(), &self.key).await
    }

    async fn open_target(&self) -> Result<Store, StoreError> {
        Store::open_at(&DatabaseAddress::Server(self.to.clone()), &self.key).await
    }

    /// Connects to the file, beside any store.
    async fn beside_source(&self) -> Tx {
        sqlx::any::install_default_drivers();
        Tx::connect(&format!("{}?mode=rw", address(&self.from()))).await.unwrap()
    }

    /// Connects to the database on the server, beside any store.
    async fn beside_target(&self) -> Tx {
        connected(&self.to).await
    }

    /// Returns what is moved of the file, and what of it is on the server.
    async fn both_contents(&self) -> (Contents, Contents) {
        let (mut source, mut target) = (self.beside_source().await, self.beside_target().await);
        let tables = tables::read(&mut source, &mut target).await.unwrap();
        (contents(&mut source, &tables).await, contents(&mut target, &tables).await)
    }
}

async fn contents(connection: &mut Tx, tables: &[SharedTable]) -> Contents {
    let mut contents = Contents::new();
    for table in tables {
        let sql =
            format!("SELECT {} FROM {} WHERE {}", table.column_list(), table.quoted(), table.moved_rows());
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut *connection).await.unwrap();
        let rows = rows.iter().map(|row| shown(&CopiedRow::of(row, &table.columns).unwrap()));
        let mut rows: Vec<_> = rows.collect();
        rows.sort();
        contents.insert(table.name.clone(), rows);
    }
    contents
}

fn shown(row: &CopiedRow) -> String {
    let cells = row.0.iter().map(|cell| match cell {
        CellValue::Integer(value) => format!("{value:?}"),
        CellValue::Text(value) => format!("{value:?}"),
        CellValue::Bytes(value) => format!("{value:02x?}"),
    });
    cells.collect::<Vec<_>>().join(" ")
}

/// Executes statements that no function of the store makes.
async fn execute(connection: &mut Tx, statements: &'static str) {
    sqlx::raw_sql(statements).execute(connection).await.unwrap();
}
