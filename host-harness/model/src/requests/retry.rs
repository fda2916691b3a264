//! What the end of an attempt means: finished, or again, when and how. Pure: no clock, no store.

use std::time::Duration;

use strum::AsRefStr;

use super::{State, Step, outcome::AttemptResult};
use crate::{
    backoff,
    contract::{
        ConnectorError, ErrorKind,
        erasure::{Receipt, Status},
    },
    failure::{CallFailure, FailureKind},
};

/// The first wait's bound, doubled with each failure.
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// No wait is longer, so that a vendor that is back is noticed within the day.
const LONGEST_BACKOFF: Duration = Duration::from_hours(6);
/// A connector that wants to look again at once is no reason to do nothing else.
const SHORTEST_LOOK: Duration = Duration::from_secs(1);
/// What a vendor may ask for at most: past that its answer is a fault.
const LONGEST_ASKED: Duration = Duration::from_hours(24);

/// Why an attempt has no answer: the connector said no, or the sandbox ended the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The connector's own answer.
    Connector(ConnectorError),
    /// It did not get to answer.
    Call(CallFailure),
}

impl Failure {
    /// Whether the vendor may have acted all the same.
    pub fn may_have_acted(&self) -> bool {
        match self {
            Self::Connector(error) => error.may_have_acted,
            Self::Call(failure) => failure.may_have_acted,
        }
    }

    /// For an operator; free of secrets and personal data.
    pub fn reason(&self) -> String {
        match self {
            Self::Connector(error) => error.to_string(),
            Self::Call(failure) => failure.to_string(),
        }
    }

    /// For the record.
    pub fn record(&self) -> AttemptResult {
        match self {
            Self::Connector(error) => AttemptResult::Error(error.clone()),
            Self::Call(failure) => AttemptResult::EndedBySandbox(failure.clone()),
        }
    }
}

/// What comes after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    /// Nothing: it has ended.
    Finished {
        /// One of the final ones.
        state: State,
        /// Why, where it is not done.
        reason: Option<String>,
    },
    /// Another attempt.
    Again {
        /// Of what.
        step: Step,
        /// From now.
        wait: Duration,
        /// Why, for an operator.
        reason: String,
        /// What it says about the connection.
        cause: Cause,
    },
}

/// What an attempt that has to be repeated says about its connection. Its word is for metrics and log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Cause {
    /// All is well: the vendor needs time.
    InProgress,
    /// The vendor or the way there fails.
    Unavailable,
    /// The same, in a way that nobody expected: somebody should look.
    Unexpected,
    /// An attempt to erase was not answered, and shows no effect.
    Unanswered,
    /// The vendor's limit is reached; whatever else is due there would be refused too.
    #[strum(serialize = "rate-limited")]
    Limited,
    /// The vendor refuses the connection's credential.
    Unauthorized,
    /// The host is going down.
    HandedBack,
}

/// After an attempt that failed. `failures` in a row came before it; `chance` from 0 to 1 spreads the waits.
pub fn after_failure(failure: &Failure, step: Step, failures: u32, chance: f64) -> After {
    let again = |wait, cause| After::Again { step, wait, reason: failure.reason(), cause };
    let backoff = backoff(failures, chance);
    match failure {
        Failure::Call(CallFailure { kind: FailureKind::NoRoom, .. }) => {
            again(Duration::ZERO, Cause::HandedBack)
        }
        Failure::Call(_) => again(backoff, Cause::Unexpected),
        Failure::Connector(error) => match error.kind {
            ErrorKind::RateLimited => again(asked(error).unwrap_or(backoff), Cause::Limited),
            ErrorKind::Unavailable => {
                again(asked(error).unwrap_or_default().max(backoff), Cause::Unavailable)
            }
            ErrorKind::Other => again(backoff, Cause::Unexpected),
            ErrorKind::Unauthorized => again(Duration::ZERO, Cause::Unauthorized),
            ErrorKind::MissingIdentity => finished(State::Skipped, Some(failure.reason())),
            ErrorKind::Rejected | ErrorKind::InvalidSettings | ErrorKind::Unsupported => {
                finished(State::Failed, Some(failure.reason()))
            }
        },
    }
}

/// After an attempt to erase that failed: one that was sent and not answered is confirmed before it is repeated.
pub fn after_unerased(failure: &Failure, step: Step, failures: u32, chance: f64) -> After {
    if failure.may_have_acted() {
        // A person who cannot be erased again may be gone all the same.
        after_unconfirmed(failure, failures, chance)
    } else {
        after_failure(failure, step, failures, chance)
    }
}

/// After a look for proof that failed. It was about every erasure that was asked and says nothing of any: none ends by it.
pub fn after_unconfirmed(failure: &Failure, failures: u32, chance: f64) -> After {
    match after_failure(failure, Step::Confirm, failures, chance) {
        After::Finished { reason, .. } => After::Again {
            step: Step::Confirm,
            wait: backoff(failures, chance),
            reason: reason.unwrap_or_default(),
            cause: Cause::Unexpected,
        },
        again @ After::Again { .. } => again,
    }
}

/// After a receipt. `is_acknowledged`: the vendor has answered an attempt to erase, now or before.
pub fn after_receipt(receipt: &Receipt, is_acknowledged: bool, failures: u32, chance: f64) -> After {
    match (receipt.status, receipt.confirm_after_ms) {
        (Status::Erased, _) => finished(State::Done, None),
        // Nobody knows whether the attempt reached the vendor: looked, and now repeated.
        (Status::Accepted | Status::NotFound, _) if !is_acknowledged => After::Again {
            step: Step::Act,
            wait: backoff(failures, chance),
            reason: "the attempt that was not answered shows no effect, so it is repeated".to_owned(),
            cause: Cause::Unanswered,
        },
        (_, Some(wait)) => After::Again {
            step: Step::Confirm,
            wait: Duration::from_millis(wait).clamp(SHORTEST_LOOK, LONGEST_ASKED),
            reason: "the vendor is working on it".to_owned(),
            cause: Cause::InProgress,
        },
        (Status::NotFound, None) => finished(State::Done, None),
        (Status::Accepted, None) => {
            finished(State::Done, Some("accepted; this vendor never shows more than that".to_owned()))
        }
    }
}

/// An end in `state`.
pub fn finished(state: State, reason: Option<String>) -> After {
    After::Finished { state, reason }
}

fn asked(error: &ConnectorError) -> Option<Duration> {
    error.retry_after_ms.map(|wait| Duration::from_millis(wait).min(LONGEST_ASKED))
}

/// Full jitter: anything from nothing to the bound, so that requests that failed together do not come back together.
fn backoff(failures: u32, chance: f64) -> Duration {
    backoff::backoff(FIRST_WAIT, LONGEST_BACKOFF, failures).mul_f64(chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error(kind: ErrorKind, retry_after_ms: Option<u64>, may_have_acted: bool) -> Failure {
        let message = "no".to_owned();
        Failure::Connector(ConnectorError { kind, code: "C".into(), message, retry_after_ms, may_have_acted })
    }

    fn call(kind: FailureKind, may_have_acted: bool) -> Failure {
        Failure::Call(CallFailure { kind, detail: "over".into(), may_have_acted })
    }

    fn again(after: &After) -> Option<(Step, Duration, Cause)> {
        match after {
            After::Again { step, wait, cause, .. } => Some((*step, *wait, *cause)),
            After::Finished { .. } => None,
        }
    }

    #[test]
    fn a_rate_limit_waits_what_the_vendor_asked_up_to_a_day() {
        for (asked, wait) in [(1_000, 1), (86_400_000, 86_400), (u64::MAX, 86_400)] {
            let after = after_failure(&error(ErrorKind::RateLimited, Some(asked), false), Step::Act, 0, 0.5);
            assert_eq!(again(&after), Some((Step::Act, Duration::from_secs(wait), Cause::Limited)));
        }
    }

    #[test]
    fn an_unavailable_vendor_is_tried_again_with_full_jitter_from_2_seconds_to_6_hours() {
        let wait = |failures, chance| {
            let after =
                after_failure(&error(ErrorKind::Unavailable, None, false), Step::Act, failures, chance);
            again(&after).map(|(_, wait, _)| wait.as_secs())
        };
        assert_eq!([wait(0, 1.0), wait(1, 1.0), wait(3, 0.5)], [Some(2), Some(4), Some(8)]);
        assert_eq!([wait(40, 1.0), wait(40, 0.0)], [Some(6 * 3_600), Some(0)]);
    }

    #[test]
    fn a_refused_credential_parks_and_costs_no_failure() {
        let after = after_failure(&error(ErrorKind::Unauthorized, None, false), Step::Act, 3, 1.0);
        assert_eq!(again(&after), Some((Step::Act, Duration::ZERO, Cause::Unauthorized)));
    }

    #[test]
    fn what_cannot_succeed_ends_with_its_reason() {
        for (kind, state) in [
            (ErrorKind::Rejected, State::Failed),
            (ErrorKind::InvalidSettings, State::Failed),
            (ErrorKind::Unsupported, State::Failed),
            (ErrorKind::MissingIdentity, State::Skipped),
        ] {
            let after = after_failure(&error(kind, None, false), Step::Act, 0, 1.0);
            assert_eq!(after, After::Finished { state, reason: Some("no (C)".into()) }, "{kind:?}");
        }
    }

    #[test]
    fn an_unanswered_erasure_is_confirmed_before_it_is_repeated() {
        for failure in [
            error(ErrorKind::Unavailable, None, true),
            error(ErrorKind::Rejected, None, true),
            call(FailureKind::DeadlinePassed, true),
        ] {
            let after = after_unerased(&failure, Step::Act, 0, 1.0);
            assert_eq!(again(&after).map(|(step, ..)| step), Some(Step::Confirm), "{failure:?}");
        }
        let unsent = after_unerased(&error(ErrorKind::Unavailable, None, false), Step::Act, 0, 1.0);
        assert_eq!(again(&unsent).map(|(step, ..)| step), Some(Step::Act));
    }

    #[test]
    fn a_look_for_proof_that_failed_ends_no_erasure_whatever_it_failed_by() {
        use ErrorKind::{InvalidSettings, MissingIdentity, Other, Rejected, Unsupported};
        for kind in [Rejected, InvalidSettings, Unsupported, MissingIdentity, Other] {
            let after = after_unconfirmed(&error(kind, None, false), 2, 1.0);
            assert_eq!(again(&after), Some((Step::Confirm, FIRST_WAIT * 4, Cause::Unexpected)), "{kind:?}");
        }
    }

    #[test]
    fn a_receipt_ends_waits_or_repeats() {
        let receipt = |status, confirm_after_ms| Receipt {
            status,
            evidence: String::new(),
            reference: None,
            confirm_after_ms,
        };
        let done = |reason: Option<&str>| finished(State::Done, reason.map(str::to_owned));
        assert_eq!(after_receipt(&receipt(Status::Erased, None), true, 0, 1.0), done(None));
        assert_eq!(after_receipt(&receipt(Status::Erased, None), false, 0, 1.0), done(None));
        assert_eq!(after_receipt(&receipt(Status::NotFound, None), true, 0, 1.0), done(None));
        let unproven = after_receipt(&receipt(Status::Accepted, None), true, 0, 1.0);
        assert_eq!(unproven, done(Some("accepted; this vendor never shows more than that")));
        let confirm = after_receipt(&receipt(Status::Accepted, Some(600_000)), true, 0, 1.0);
        assert_eq!(again(&confirm), Some((Step::Confirm, Duration::from_mins(10), Cause::InProgress)));
        for status in [Status::Accepted, Status::NotFound] {
            let unknown = after_receipt(&receipt(status, Some(600_000)), false, 0, 1.0);
            assert_eq!(again(&unknown), Some((Step::Act, FIRST_WAIT, Cause::Unanswered)));
            let again_and_again = after_receipt(&receipt(status, None), false, 5, 1.0);
            assert_eq!(again(&again_and_again).map(|(_, wait, _)| wait), Some(FIRST_WAIT * 32));
        }
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_a_day(failures: u32, chance: f64, asked: Option<u64>) {
            for kind in [ErrorKind::RateLimited, ErrorKind::Unavailable, ErrorKind::Other] {
                let after = after_failure(&error(kind, asked, false), Step::Act, failures, chance);
                prop_assert!(again(&after).is_some_and(|(_, wait, _)| wait <= LONGEST_ASKED));
            }
        }
    }
}
