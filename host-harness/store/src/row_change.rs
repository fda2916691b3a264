//! Whether a statement changed anything.

/// Whether a statement found the row that it changes, in the state that it expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowChange {
    /// It did, and the row is changed.
    Changed,
    /// There is no such row, or it is in another state. Nothing is changed.
    Unchanged,
}

impl RowChange {
    pub(crate) fn of(rows_affected: u64) -> Self {
        if rows_affected > 0 { Self::Changed } else { Self::Unchanged }
    }
}
