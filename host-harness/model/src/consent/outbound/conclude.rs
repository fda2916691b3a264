//! Records the connector's answer in a plan.
//! Tested in `src/consent/outbound/tests/answers.rs`.

use super::{LineState, LineStatus, Plan};
use crate::contract::{
    ConnectorError, ErrorKind,
    consent::{Change, ItemReport, Preference, Report, Standing},
};

/// The reason why nothing is applied for a person whom the vendor has erased.
const ERASED: &str = "the vendor has erased this person; an erasure is never undone by a consent";

impl Plan {
    /// Records the answer to one `apply` of [`preferences`](Self::preferences). Pending choices stay open and are
    /// applied again once they have settled; after a transient error, all choices stay open.
    #[must_use]
    pub fn conclude(mut self, answer: Result<&Report, &ConnectorError>) -> Self {
        for line in &mut self.lines {
            let LineState::Open { chosen, taken } = &line.state else {
                continue;
            };
            let became = match answer {
                Ok(report) if report.standing == Standing::Forgotten => {
                    Some(LineState::settled(LineStatus::Refused, ERASED))
                }
                Ok(report) => Some(answered(chosen, taken.as_deref(), report)),
                Err(error) => failed(error),
            };
            if let Some(became) = became {
                line.state = became;
            }
        }
        self
    }
}

/// `taken` is what the vendor answered before, if it accepted the choice then.
fn answered(chosen: &Preference, taken: Option<&str>, report: &Report) -> LineState {
    let Some(ItemReport { change, detail, .. }) = report.items.iter().find(|item| item.item == chosen.item)
    else {
        return LineState::settled(LineStatus::Refused, "the connector did not report on it");
    };
    let said = |why: &str| if detail.is_empty() { why.to_owned() } else { detail.clone() };
    let is_created = report.standing == Standing::Created;
    match change {
        Change::Pending => {
            LineState::Open { chosen: chosen.clone(), taken: Some(said("accepted, but not in effect yet")) }
        }
        Change::Refused => LineState::settled(LineStatus::Refused, said("the vendor refused it")),
        Change::Unchanged if taken.is_some() => {
            LineState::settled(LineStatus::Executed, said("it is in effect"))
        }
        Change::Unchanged => {
            LineState::settled(LineStatus::NoUpdateNeeded, said("the vendor already had this choice"))
        }
        Change::Applied if is_created => {
            LineState::settled(LineStatus::Executed, said("the vendor accepted it after creating the person"))
        }
        Change::Applied => LineState::settled(LineStatus::Executed, said("the vendor accepted it")),
    }
}

/// Returns the final state for an error, or `None` if a retry may help.
fn failed(error: &ConnectorError) -> Option<LineState> {
    let status = match error.kind {
        ErrorKind::MissingIdentity => LineStatus::MissingIdentity,
        ErrorKind::InvalidSettings | ErrorKind::Rejected | ErrorKind::Unsupported => LineStatus::Refused,
        ErrorKind::Unauthorized | ErrorKind::RateLimited | ErrorKind::Unavailable | ErrorKind::Other => {
            return None;
        }
    };
    Some(LineState::settled(status, error.to_string()))
}
