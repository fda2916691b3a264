//! Moves a database from a file of SQLite to a server of PostgreSQL.
//!
//! At most one of the two can be served at any time. Each has a mark that says which part it has in the transfer, and a
//! database with a mark is not opened for service (`transfer_mark.rs`):
//!
//! | After | Mark of the database to move | Mark of the database to move to |
//! |---|---|---|
//! | the beginning | moving | none, then arriving |
//! | each batch | moving | arriving, with the position of the batch |
//! | the comparison | moved | arriving |
//! | the end | moved | none |
//!
//! After an interruption anywhere, the transfer is run again and continues. A batch and its position are committed
//! together, so that no row is copied twice or left out. [`abandon_transfer`] removes the mark `moving`, and then nothing
//! continues that transfer.

mod batches;
mod beginning;
mod ending;
mod error;
mod progress;
mod rows;
mod sequences;
mod source;
mod tables;
mod target;
mod unstorable;

use std::path::Path;

use sqlx::Connection as _;

use self::{
    batches::BatchLimits,
    ending::SourceContent,
    progress::{ReportProgress, StepProgress},
    tables::SharedTable,
    target::{Arrivals, TransferTarget},
};
pub use self::{
    error::{TransferError, UnstorableCell, UnstorableReason},
    progress::{TransferProgress, TransferStep},
};
use crate::{
    address::PostgresAddress,
    audit_chain::ChainCheck,
    database::Tx,
    error::StoreError,
    seal::MasterKey,
    transfer_mark::{self, TransferMark},
};

/// Which database is moved, and where to.
#[derive(Clone, Copy, Debug)]
pub struct DatabaseTransfer<'a> {
    /// The file of SQLite. No service may use it.
    pub from: &'a Path,
    /// The master key with which the file was created.
    pub from_key: &'a MasterKey,
    /// The database of PostgreSQL, which must be empty or hold what an interrupted run of this transfer copied.
    pub to: &'a PostgresAddress,
    /// The master key with which that database will be served. It has to be the same.
    pub to_key: &'a MasterKey,
}

/// What was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transferred {
    /// The number of rows.
    pub rows: u64,
    /// The audit chains, which are the same in both databases. One that was broken before is still broken.
    pub chains: Vec<ChainCheck>,
}

impl DatabaseTransfer<'_> {
    /// Copies all rows, compares both databases, and has the new one take the place of the old one, which is not opened
    /// again. Continues after an interruption. `report` receives how far it has come after each batch.
    pub async fn run(
        &self,
        report: &mut (dyn FnMut(TransferProgress<'_>) + Send),
    ) -> Result<Transferred, TransferError> {
        self.run_in_batches(BatchLimits::default(), report).await
    }

    async fn run_in_batches(
        &self,
        limits: BatchLimits,
        report: ReportProgress<'_>,
    ) -> Result<Transferred, TransferError> {
        let (from_vault, to_vault) = (self.from_key.vault(), self.to_key.vault());
        let mut source = source::open(self.from, &from_vault).await?;
        source::check_key(&mut source, &to_vault).await.map_err(|error| match error {
            StoreError::WrongMasterKey => TransferError::OtherMasterKey,
            other => TransferError::Source(other),
        })?;
        let mut target = TransferTarget::open(self.to, &to_vault).await.map_err(TransferError::Target)?;
        let tables = tables_of_both(&mut source, &mut target).await?;
        unstorable::check(&mut source, &tables).await?;
        let mut arrivals = beginning::begin(&mut source, &mut target, self.to, &tables).await?;

        // Held until the end, so that what is compared is what was copied.
        let mut held = source::hold(&mut source).await.map_err(TransferError::Source)?;
        let total = copy(&mut held, &mut target, &tables, &mut arrivals, limits, report).await?;
        let mut progress = StepProgress { step: TransferStep::Comparing, done: 0, total, report };
        let content = SourceContent::read(&mut held, &tables, &from_vault, limits, &mut progress).await;
        let content = content.map_err(TransferError::Source)?;
        ending::end(held, &mut target, &content, &arrivals, &tables, &to_vault).await?;
        // Both transactions are on disk.
        let (_source, _target) = (source.close().await, target.close().await);
        Ok(Transferred { rows: total, chains: content.chains })
    }
}

async fn tables_of_both(
    source: &mut Tx,
    target: &mut TransferTarget,
) -> Result<Vec<SharedTable>, TransferError> {
    let mut tx = target.begin().await.map_err(TransferError::Target)?;
    let tables = tables::read(source, &mut tx).await?;
    tx.rollback().await.map_err(|error| TransferError::Target(error.into()))?;
    Ok(tables)
}

/// Copies the rows that have not arrived. Returns the number of all rows.
async fn copy(
    source: &mut Tx,
    target: &mut TransferTarget,
    tables: &[SharedTable],
    arrivals: &mut Arrivals,
    limits: BatchLimits,
    report: ReportProgress<'_>,
) -> Result<u64, TransferError> {
    let (mut done, mut total) = (0, 0);
    for table in tables {
        done += source::count(source, table, arrivals.after(table)).await.map_err(TransferError::Source)?;
        total += source::count(source, table, i64::MAX).await.map_err(TransferError::Source)?;
    }
    let mut progress = StepProgress { step: TransferStep::Copying, done, total, report };
    for table in tables {
        loop {
            let batch = batches::next(source, table, arrivals.after(table), limits).await;
            let Some(batch) = batch.map_err(TransferError::Source)? else { break };
            let rows = batch.rows.len();
            arrivals.append(target, table, batch).await?;
            progress.advance(&table.name, rows);
        }
    }
    Ok(total)
}

/// Abandons the transfer of the file `from`, so that it can be served again, and returns the address of the database to
/// which its rows were being copied. What has arrived there can only be dropped. No service or transfer may use the file.
/// Fails if no transfer was begun, and if everything was moved.
pub async fn abandon_transfer(from: &Path, key: &MasterKey) -> Result<String, TransferError> {
    let mut source = source::open(from, &key.vault()).await?;
    let mut tx = source::hold(&mut source).await.map_err(TransferError::Source)?;
    match transfer_mark::get(&mut tx).await.map_err(TransferError::Source)? {
        Some(TransferMark::Moving { to, .. }) => {
            transfer_mark::remove(&mut tx).await.map_err(TransferError::Source)?;
            tx.commit().await.map_err(|error| TransferError::Source(error.into()))?;
            // The transaction is on disk.
            let _closed = source.close().await;
            Ok(to)
        }
        None => Err(TransferError::NotBegun),
        Some(TransferMark::Moved { to, at, .. }) => Err(TransferError::Source(StoreError::Moved { to, at })),
        Some(TransferMark::Arriving { .. }) => Err(TransferError::Source(StoreError::TransferCutOff)),
    }
}

#[cfg(test)]
mod tests;
