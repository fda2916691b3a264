//! Portions of a long change. A write keeps all others waiting, and a server ends a statement after 30 seconds, so that nothing of
//! a change that takes longer would ever be done.

use crate::{database::Tx, error::StoreError};

/// Maximum number of rows that one write changes in a table: it takes some tens of milliseconds.
pub(crate) const MAX_ROWS: i64 = 1_000;

/// Whether there may be more to change after a portion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Portion {
    /// It had as many rows as a portion may have.
    Full,
    /// It had the rest.
    Last,
}

impl Portion {
    /// Returns the portion with `rows` of at most `limit` rows.
    pub(crate) fn of(rows: u64, limit: i64) -> Self {
        if u64::try_from(limit).is_ok_and(|limit| rows < limit) { Self::Last } else { Self::Full }
    }

    /// Returns the portion that is full if one of both is.
    pub(crate) fn and(self, other: Self) -> Self {
        if self == Self::Full { self } else { other }
    }
}

/// Runs `delete`, which deletes rows from before `$1`, at most `$2` of them.
pub(crate) async fn delete_before(
    tx: &mut Tx,
    delete: &'static str,
    before: i64,
) -> Result<Portion, StoreError> {
    let deleted = sqlx::query(delete).bind(before).bind(MAX_ROWS).execute(tx).await?;
    Ok(Portion::of(deleted.rows_affected(), MAX_ROWS))
}
