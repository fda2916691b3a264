//! The result of applying preferences.

use super::choice::ItemId;

/// The result for one preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Written.
    Applied,
    /// Iterable already had this choice.
    Unchanged,
    /// Accepted but not in effect yet, or to be written again once Iterable knows the person.
    Pending,
    /// Refused: the detail says why.
    Refused,
}

/// The report on one preference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemReport {
    /// The item that the preference is about.
    pub item: ItemId,
    /// The result.
    pub change: Change,
    /// An explanation; may be empty.
    pub detail: String,
}

/// The person's status at Iterable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Known; or not looked up because every item was refused beforehand.
    Known,
    /// Unknown until now, and created.
    Created,
    /// Erased, and must not be added again.
    Forgotten,
}

/// The result of applying all preferences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// One for each preference, in their order.
    pub items: Vec<ItemReport>,
    /// The person's status afterwards.
    pub standing: Standing,
    /// How long, in milliseconds, until reads reliably show what was written. `None` if there is nothing to wait for.
    pub settles_after_ms: Option<u64>,
}
