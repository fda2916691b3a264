//! Where a transfer begins, or continues.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{
    error::TransferError,
    source,
    tables::SharedTable,
    target::{self, Arrivals, TransferTarget},
};
use crate::{
    address::PostgresAddress,
    database::Tx,
    error::StoreError,
    transfer_mark::{self, TransferMark},
};

/// Begins a transfer to `address`, or continues the one that both databases name. From here on, neither can be served.
///
/// A transfer that begins anew has a new id: what an earlier one left elsewhere can never be completed then.
pub(super) async fn begin(
    source: &mut Tx,
    target: &mut TransferTarget,
    address: &PostgresAddress,
    tables: &[SharedTable],
) -> Result<Arrivals, TransferError> {
    let mut old = source::hold(source).await.map_err(TransferError::Source)?;
    // Holds the lock of all that write, so that nothing is stored between the check that it is empty and the mark.
    let mut new = target.begin().await.map_err(TransferError::Target)?;
    let found = transfer_mark::get(&mut old).await.map_err(TransferError::Source)?;
    let arriving = transfer_mark::get(&mut new).await.map_err(TransferError::Target)?;
    match (found, arriving) {
        (
            Some(TransferMark::Moving { id, .. } | TransferMark::Moved { id, .. }),
            Some(TransferMark::Arriving { id: arriving, after }),
        ) if id == arriving => Ok(Arrivals::of(id, after)),
        (Some(TransferMark::Moved { to, at, .. }), _) => {
            Err(TransferError::Source(StoreError::Moved { to, at }))
        }
        (_, Some(_)) => Err(TransferError::OtherTransfer),
        (_, None) => {
            let filled = target::filled(&mut new, tables).await.map_err(TransferError::Target)?;
            if !filled.is_empty() {
                return Err(TransferError::NotEmpty(filled));
            }
            let id = Uuid::now_v7().to_string();
            let moving = TransferMark::Moving { id: id.clone(), to: address.to_string() };
            transfer_mark::put(&mut old, &moving).await.map_err(TransferError::Source)?;
            old.commit().await.map_err(|error| TransferError::Source(error.into()))?;
            let arrivals = Arrivals::of(id, BTreeMap::new());
            arrivals.put(&mut new).await.map_err(TransferError::Target)?;
            new.commit().await.map_err(|error| TransferError::Target(error.into()))?;
            Ok(arrivals)
        }
    }
}
