//! What became of preferences that were applied.

use super::choice::ItemId;

/// What became of one preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Written.
    Applied,
    /// Iterable had it so.
    Unchanged,
    /// Taken, or to be written again once Iterable knows the person.
    Pending,
    /// Refused: the detail says why.
    Refused,
}

/// The report on one preference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemReport {
    /// For what.
    pub item: ItemId,
    /// What became of it.
    pub change: Change,
    /// More about it, or nothing.
    pub detail: String,
}

/// How the person stands with Iterable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Known; or not looked up, where every item was refused beforehand.
    Known,
    /// Unknown until now.
    Created,
    /// Erased, and not to be let in again.
    Forgotten,
}

/// What became of all preferences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// One for each preference, in their order.
    pub items: Vec<ItemReport>,
    /// How the person stands.
    pub standing: Standing,
    /// How long until Iterable surely shows what it has taken, in milliseconds.
    pub settles_after_ms: Option<u64>,
}
