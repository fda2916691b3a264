//! Plans for people who were erased through this connection.

use super::{LineState, LineStatus, Plan};
use crate::contract::consent::Choice;

/// The reason why an opt-in is not applied for a person who was erased here but whom the vendor still has.
const ERASED_HERE: &str = "this person was erased here; an erasure is never undone by a consent";
/// The reason why an opt-out is not applied for a person whom neither an erasure nor a reading found.
const NOT_THERE: &str =
    "neither an erasure nor a reading found this person, who is not created just to be opted out";

impl Plan {
    /// Refuses all opt-ins, for a person who was erased here but whom the vendor still has.
    #[must_use]
    pub fn without_opt_ins(mut self) -> Self {
        for line in &mut self.lines {
            if matches!(&line.state, LineState::Open { chosen, .. } if chosen.choice == Choice::OptIn) {
                line.state = LineState::settled(LineStatus::Refused, ERASED_HERE);
            }
        }
        self
    }

    /// Settles everything: an erasure did not find the person, and the vendor still does not know the person.
    #[must_use]
    pub fn settle_unknown_person(mut self) -> Self {
        for line in self.lines.iter_mut().filter(|line| matches!(line.state, LineState::Open { .. })) {
            line.state = LineState::settled(LineStatus::NotApplicable, NOT_THERE);
        }
        self
    }
}
