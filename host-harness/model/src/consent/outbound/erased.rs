//! A plan for a person who was erased here.

use super::{Plan, State, Status};
use crate::contract::consent::Choice;

/// Why an opt-in is not applied for a person who was erased here, and whom the vendor has all the same.
const ERASED_HERE: &str = "this person was erased here; an erasure is never undone by a consent";
/// Why an opt-out is not applied for a person whom neither an erasure nor a look found.
const NOT_THERE: &str = "an erasure did not find the person at the vendor, who is still unknown there: a person is not created to be opted out";

impl Plan {
    /// The same without its opt-ins, for a person who was erased here and whom the vendor still has.
    #[must_use]
    pub fn without_opt_ins(mut self) -> Self {
        for line in &mut self.lines {
            if matches!(&line.state, State::Open { chosen, .. } if chosen.choice == Choice::OptIn) {
                line.state = State::settled(Status::Refused, ERASED_HERE);
            }
        }
        self
    }

    /// The same, settled: an erasure found nobody, and the vendor still has nobody to opt out.
    #[must_use]
    pub fn of_nobody(mut self) -> Self {
        for line in self.lines.iter_mut().filter(|line| matches!(line.state, State::Open { .. })) {
            line.state = State::settled(Status::NotApplicable, NOT_THERE);
        }
        self
    }
}
