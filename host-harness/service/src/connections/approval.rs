//! Whether an operator agrees to what a change means for people.

/// What an operator has said about a change that keys people anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    /// It may.
    Given,
    /// Nothing: such a change is refused.
    Missing,
}

impl Approval {
    /// What a request or a command that says `agree` or not has said.
    pub fn of(agree: bool) -> Self {
        if agree { Self::Given } else { Self::Missing }
    }
}
