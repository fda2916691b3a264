//! Whether a request was carried out: one answer, for callers that look at nothing else.

use super::{Action, RequestState, outcome::Outcome};
use crate::{
    consent::outbound::{LineStatus, RequestEntry},
    contract::erasure::ErasureStatus,
};

/// Whether a request was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completion {
    /// It has not ended, and can still be carried out.
    Open,
    /// It was carried out.
    Complete,
    /// It ended otherwise, for this reason.
    NotCarriedOut(String),
}

impl Completion {
    /// Returns the completion of a request with this state, outcome and reason. Choices count as carried out only if the
    /// vendor has at least one of them, and none was refused, lacks an identifier or is pending: a caller who looks at
    /// nothing else would take an opt-out for done that is not.
    pub fn of(action: Action, state: RequestState, outcome: Option<&Outcome>, reason: Option<&str>) -> Self {
        match (state, action, outcome) {
            (RequestState::Waiting | RequestState::Running, ..) => Self::Open,
            (RequestState::Done, Action::Consent, Some(Outcome::Report(entries))) => {
                Self::of_choices(entries)
            }
            (RequestState::Done, Action::Consent, _) => {
                Self::NotCarriedOut("the stored report on the choices cannot be read".to_owned())
            }
            (RequestState::Done, ..) => Self::Complete,
            (RequestState::Failed | RequestState::Skipped | RequestState::Expired, ..) => {
                Self::NotCarriedOut(reason.unwrap_or("no reason is recorded").to_owned())
            }
        }
    }

    fn of_choices(entries: &[RequestEntry]) -> Self {
        let is_at_vendor =
            |entry: &&RequestEntry| matches!(entry.status, LineStatus::Executed | LineStatus::NoUpdateNeeded);
        let mut lacking: Vec<&str> = entries
            .iter()
            .filter(|entry| {
                matches!(
                    entry.status,
                    LineStatus::Pending | LineStatus::MissingIdentity | LineStatus::Refused
                )
            })
            .map(|entry| entry.why.as_str())
            .collect();
        if lacking.is_empty() {
            if entries.iter().any(|entry| is_at_vendor(&entry)) {
                return Self::Complete;
            }
            lacking = entries.iter().map(|entry| entry.why.as_str()).collect();
        }
        lacking.dedup();
        if lacking.is_empty() {
            return Self::NotCarriedOut("there was no choice to carry out".to_owned());
        }
        Self::NotCarriedOut(lacking.join("; "))
    }
}

/// Returns whether the vendor has proven an erasure with this outcome, or `None` if the request is not an erasure.
pub fn proven(action: Action, state: RequestState, outcome: Option<&Outcome>) -> Option<bool> {
    let is_proof = |outcome: &Outcome| match outcome {
        Outcome::Receipt(receipt) => receipt.status != ErasureStatus::Accepted,
        Outcome::Report(_) | Outcome::Reading(_) => false,
    };
    (action == Action::Erasure).then(|| state == RequestState::Done && outcome.is_some_and(is_proof))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::erasure::Receipt;

    fn entry(status: LineStatus) -> RequestEntry {
        RequestEntry { notice_id: None, item: None, status, why: format!("{status:?}") }
    }

    fn of_choices(statuses: &[LineStatus]) -> Completion {
        let report = Outcome::Report(statuses.iter().map(|status| entry(*status)).collect());
        Completion::of(Action::Consent, RequestState::Done, Some(&report), None)
    }

    #[test]
    fn choices_are_carried_out_if_the_vendor_has_one_and_none_was_refused() {
        use LineStatus::{Executed, MissingIdentity, NoUpdateNeeded, NotApplicable, Refused};
        for complete in [&[Executed][..], &[NoUpdateNeeded], &[Executed, NotApplicable]] {
            assert_eq!(of_choices(complete), Completion::Complete, "{complete:?}");
        }
        for (not, why) in [
            (&[][..], "there was no choice to carry out"),
            (&[NotApplicable, NotApplicable], "NotApplicable"),
            (&[Refused], "Refused"),
            (&[Executed, Refused, MissingIdentity], "Refused; MissingIdentity"),
            (&[NoUpdateNeeded, LineStatus::Pending], "Pending"),
        ] {
            assert_eq!(of_choices(not), Completion::NotCarriedOut(why.to_owned()), "{not:?}");
        }
        let unreadable = Completion::of(Action::Consent, RequestState::Done, None, None);
        assert!(matches!(unreadable, Completion::NotCarriedOut(_)));
    }

    #[test]
    fn a_request_is_open_until_it_has_ended_and_complete_only_if_it_is_done() {
        use RequestState::{Done, Expired, Failed, Running, Skipped, Waiting};
        for (state, expected) in [
            (Waiting, Completion::Open),
            (Running, Completion::Open),
            (Done, Completion::Complete),
            (Failed, Completion::NotCarriedOut("why".to_owned())),
            (Skipped, Completion::NotCarriedOut("why".to_owned())),
            (Expired, Completion::NotCarriedOut("why".to_owned())),
        ] {
            assert_eq!(Completion::of(Action::Erasure, state, None, Some("why")), expected, "{state}");
        }
    }

    #[test]
    fn an_erasure_that_the_vendor_only_accepted_is_not_proven() {
        let receipt = |status| Outcome::Receipt(Receipt::of(status));
        for (status, state, expected) in [
            (ErasureStatus::Accepted, RequestState::Done, false),
            (ErasureStatus::Erased, RequestState::Done, true),
            (ErasureStatus::NotFound, RequestState::Done, true),
            (ErasureStatus::Erased, RequestState::Failed, false),
        ] {
            assert_eq!(proven(Action::Erasure, state, Some(&receipt(status))), Some(expected), "{status:?}");
        }
        assert_eq!(proven(Action::Erasure, RequestState::Done, None), Some(false));
        assert_eq!(proven(Action::Consent, RequestState::Done, None), None);
    }
}
