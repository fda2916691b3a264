//! Where a transfer ends: once both databases have the same content, the new one takes the place of the old one.

use std::time::SystemTime;

use host_model::time::milliseconds;
use sqlx::Transaction;

use super::{
    batches::{self, BEGINNING, BatchLimits},
    error::TransferError,
    progress::StepProgress,
    rows::ContentDigest,
    sequences::{self, LastNumber},
    tables::SharedTable,
    target::{self, Arrivals, TransferTarget},
};
use crate::{
    audit_chain::{self, ChainCheck},
    database::Tx,
    error::StoreError,
    seal::Vault,
    transfer_mark::{self, TransferMark},
};

/// What the database to move contains.
pub(super) struct SourceContent {
    digests: Vec<ContentDigest>,
    pub(super) chains: Vec<ChainCheck>,
    numbers: Vec<LastNumber>,
}

impl SourceContent {
    /// Reads everything.
    pub(super) async fn read(
        source: &mut Tx,
        tables: &[SharedTable],
        vault: &Vault,
        limits: BatchLimits,
        progress: &mut StepProgress<'_>,
    ) -> Result<Self, StoreError> {
        let mut digests = Vec::new();
        for table in tables {
            let (mut digest, mut after) = (ContentDigest::default(), BEGINNING);
            while let Some(batch) = batches::next(source, table, after, limits).await? {
                batch.rows.iter().for_each(|row| digest.add(row));
                after = batch.last;
                progress.advance(&table.name, batch.rows.len());
            }
            digests.push(digest);
        }
        let chains = audit_chain::verify(source, vault).await?;
        Ok(Self { digests, chains, numbers: sequences::read(source, tables).await? })
    }

    /// Checks that the other database has the same content, and has its sequences continue.
    async fn check(&self, tx: &mut Tx, tables: &[SharedTable], vault: &Vault) -> Result<(), TransferError> {
        sequences::put(tx, &self.numbers).await.map_err(TransferError::Target)?;
        for (table, digest) in tables.iter().zip(&self.digests) {
            let found = target::digest(tx, table).await.map_err(TransferError::Target)?;
            if found != *digest {
                return Err(TransferError::Differs {
                    table: table.name.clone(),
                    source_rows: digest.rows,
                    target_rows: found.rows,
                });
            }
        }
        let chains = audit_chain::verify(tx, vault).await.map_err(TransferError::Target)?;
        if chains == self.chains { Ok(()) } else { Err(TransferError::ChainsDiffer) }
    }
}

/// Ends the transfer if the other database has the same content. Marks the database as moved first: an interruption before
/// the other one is released leaves none that can be served, and a repetition ends here again.
pub(super) async fn end(
    mut source: Transaction<'_, sqlx::Any>,
    target: &mut TransferTarget,
    content: &SourceContent,
    arrivals: &Arrivals,
    tables: &[SharedTable],
    vault: &Vault,
) -> Result<(), TransferError> {
    let mut tx = target.begin_long().await.map_err(TransferError::Target)?;
    arrivals.check(&mut tx).await?;
    content.check(&mut tx, tables, vault).await?;
    mark_moved(&mut source).await.map_err(TransferError::Source)?;
    source.commit().await.map_err(|error| TransferError::Source(error.into()))?;
    transfer_mark::remove(&mut tx).await.map_err(TransferError::Target)?;
    tx.commit().await.map_err(|error| TransferError::Target(error.into()))
}

/// Marks the database as moved, unless an earlier run did.
async fn mark_moved(source: &mut Tx) -> Result<(), StoreError> {
    if let Some(TransferMark::Moving { id, to }) = transfer_mark::get(source).await? {
        let moved = TransferMark::Moved { id, to, at: milliseconds(SystemTime::now()) };
        transfer_mark::put(source, &moved).await?;
    }
    Ok(())
}
