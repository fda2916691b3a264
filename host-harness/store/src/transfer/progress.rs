//! How far a transfer has come.

/// What a transfer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "kebab-case")]
pub enum TransferStep {
    /// It copies rows.
    Copying,
    /// It compares what has arrived with the database to move.
    Comparing,
}

/// How far a step of a transfer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferProgress<'a> {
    /// The step.
    pub step: TransferStep,
    /// The table.
    pub table: &'a str,
    /// The number of rows that this step has done, of all tables.
    pub done: u64,
    /// The number of rows of all tables.
    pub total: u64,
}

/// Receives how far a transfer has come.
pub(super) type ReportProgress<'a> = &'a mut (dyn FnMut(TransferProgress<'_>) + Send);

/// Counts the rows of a step.
pub(super) struct StepProgress<'a> {
    pub(super) step: TransferStep,
    pub(super) done: u64,
    pub(super) total: u64,
    pub(super) report: ReportProgress<'a>,
}

impl StepProgress<'_> {
    /// Reports that more rows of `table` are done.
    pub(super) fn advance(&mut self, table: &str, rows: usize) {
        self.done = self.done.saturating_add(u64::try_from(rows).unwrap_or(u64::MAX));
        (self.report)(TransferProgress { step: self.step, table, done: self.done, total: self.total });
    }
}
