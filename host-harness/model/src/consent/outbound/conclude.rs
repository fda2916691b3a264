//! What the connector answered, taken into a plan.

use super::{Plan, State, Status};
use crate::contract::{
    ConnectorError, ErrorKind,
    consent::{Change, ItemReport, Preference, Report, Standing},
};

/// Why nothing is applied for a person whom the vendor has erased.
const ERASED: &str = "the vendor has erased this person; an erasure is never undone by a consent";

impl Plan {
    /// The same after one `apply` of [`preferences`](Self::preferences). What is pending stays open, to be applied again
    /// once it has settled; so does everything after an error that may pass.
    #[must_use]
    pub fn conclude(mut self, answer: Result<&Report, &ConnectorError>) -> Self {
        for line in &mut self.lines {
            let State::Open { chosen, taken } = &line.state else {
                continue;
            };
            let became = match answer {
                Ok(report) if report.standing == Standing::Forgotten => {
                    Some(State::settled(Status::Refused, ERASED))
                }
                Ok(report) => Some(answered(chosen, taken.is_some(), report)),
                Err(error) => failed(error),
            };
            if let Some(became) = became {
                line.state = became;
            }
        }
        self
    }
}

fn answered(chosen: &Preference, was_taken: bool, report: &Report) -> State {
    let Some(ItemReport { change, detail, .. }) = report.items.iter().find(|item| item.item == chosen.item)
    else {
        return State::settled(Status::Refused, "the connector did not report on it");
    };
    let said = |why: &str| if detail.is_empty() { why.to_owned() } else { detail.clone() };
    let is_created = report.standing == Standing::Created;
    match change {
        Change::Pending => {
            State::Open { chosen: chosen.clone(), taken: Some(said("taken, but not in effect yet")) }
        }
        Change::Refused => State::settled(Status::Refused, said("the vendor refused it")),
        Change::Unchanged if was_taken => State::settled(Status::Executed, said("it is in effect")),
        Change::Unchanged => State::settled(Status::NoUpdateNeeded, said("the vendor already had it so")),
        Change::Applied if is_created => {
            State::settled(Status::Executed, said("the vendor took it, once the person was created there"))
        }
        Change::Applied => State::settled(Status::Executed, said("the vendor took it")),
    }
}

/// None where trying again may help.
fn failed(error: &ConnectorError) -> Option<State> {
    let status = match error.kind {
        ErrorKind::MissingIdentity => Status::MissingIdentity,
        ErrorKind::InvalidSettings | ErrorKind::Rejected | ErrorKind::Unsupported => Status::Refused,
        ErrorKind::Unauthorized | ErrorKind::RateLimited | ErrorKind::Unavailable | ErrorKind::Other => {
            return None;
        }
    };
    Some(State::settled(status, error.to_string()))
}
