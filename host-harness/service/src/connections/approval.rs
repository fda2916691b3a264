//! Whether an operator approves what a change means for people.

/// An operator's decision on a change that rekeys people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    /// The change is approved.
    Given,
    /// The change is not approved, so it is refused.
    Missing,
}

impl From<bool> for Approval {
    /// Returns the approval of a request or a command with this `agree` flag.
    fn from(agree: bool) -> Self {
        if agree { Self::Given } else { Self::Missing }
    }
}
