//! Decides what follows an attempt: the request is finished, or it is tried again, when and how. Pure: no clock, no
//! store.

use std::time::Duration;

use strum::AsRefStr;

use super::{RequestState, Step, outcome::AttemptResult};
use crate::{
    backoff,
    contract::{
        ConnectorError, ErrorKind,
        erasure::{ErasureStatus, Receipt},
    },
    failure::{CallFailure, FailureKind},
};

/// Maximum of the first wait, doubled with each failure.
const FIRST_BACKOFF: Duration = Duration::from_secs(2);
/// Maximum backoff, so that a vendor that is back is noticed within the day.
const MAX_BACKOFF: Duration = Duration::from_hours(6);
/// Minimum wait before a confirmation, so that a connector that wants to confirm immediately cannot keep the host busy.
const MIN_CONFIRM_DELAY: Duration = Duration::from_secs(1);
/// Maximum wait that a vendor may request; longer ones are treated as a mistake.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

/// Why an attempt failed: the connector returned an error, or the sandbox ended the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptFailure {
    /// The connector's error.
    Connector(ConnectorError),
    /// The connector had no chance to answer.
    Call(CallFailure),
}

impl AttemptFailure {
    /// Returns whether the vendor may have acted anyway.
    pub fn may_have_acted(&self) -> bool {
        match self {
            Self::Connector(error) => error.may_have_acted,
            Self::Call(failure) => failure.may_have_acted,
        }
    }

    /// Returns the reason for an operator, without secrets and personal data.
    pub fn reason(&self) -> String {
        match self {
            Self::Connector(error) => error.to_string(),
            Self::Call(failure) => failure.to_string(),
        }
    }

    /// Returns whether what was asked may be the cause, so that it can be asked in another way at once. A refused credential,
    /// a limit, an outage or a slow vendor would give the same answer again.
    pub fn may_be_about_the_question(&self) -> bool {
        match self {
            Self::Connector(error) => match error.kind {
                ErrorKind::MissingIdentity | ErrorKind::Rejected | ErrorKind::Other => true,
                ErrorKind::InvalidSettings
                | ErrorKind::Unauthorized
                | ErrorKind::RateLimited
                | ErrorKind::Unavailable
                | ErrorKind::Unsupported => false,
            },
            Self::Call(failure) => match failure.kind {
                FailureKind::Trapped
                | FailureKind::CpuSpent
                | FailureKind::OutOfMemory
                | FailureKind::StackExhausted
                | FailureKind::TooMuchData
                | FailureKind::BadAnswer => true,
                FailureKind::DeadlinePassed | FailureKind::NoRoom => false,
            },
        }
    }

    /// Returns the result to store for the attempt.
    pub fn record(&self) -> AttemptResult {
        match self {
            Self::Connector(error) => AttemptResult::Error(error.clone()),
            Self::Call(failure) => AttemptResult::EndedBySandbox(failure.clone()),
        }
    }
}

/// What follows an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Nothing: the request is finished.
    Finished {
        /// One of the final states.
        state: RequestState,
        /// The reason, unless it is done.
        reason: Option<String>,
    },
    /// Another attempt.
    Again {
        /// What the attempt does.
        step: Step,
        /// The wait, counted from now.
        wait: Duration,
        /// The reason, for an operator.
        reason: String,
        /// What the failure says about the connection.
        cause: RetryCause,
    },
}

/// What an attempt that must be repeated says about its connection. The string form is used in metrics and log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr)]
#[strum(serialize_all = "kebab-case")]
pub enum RetryCause {
    /// No problem: the vendor needs time.
    InProgress,
    /// The vendor or the network fails.
    Unavailable,
    /// The same, in an unexpected way that an operator should check.
    Unexpected,
    /// An erasure was not answered and shows no effect.
    Unanswered,
    /// The plugin version reported an outcome that its requests contradict: another version is needed.
    Contradicted,
    /// The vendor's rate limit is reached; other requests to it would be refused too.
    #[strum(serialize = "rate-limited")]
    Limited,
    /// The vendor refuses the connection's credential.
    Unauthorized,
    /// The host could not send, such as while its database did not respond. It says nothing about the vendor.
    HostUnavailable,
    /// The host is shutting down.
    HandedBack,
}

/// Decides what follows a failed attempt that came after `failures` consecutive failures. `chance`, from 0 to 1,
/// spreads the waits.
pub fn after_failure(failure: &AttemptFailure, step: Step, failures: u32, chance: f64) -> NextStep {
    let again = |wait, cause| NextStep::Again { step, wait, reason: failure.reason(), cause };
    let backoff = backoff(failures, chance);
    match failure {
        AttemptFailure::Call(CallFailure { kind: FailureKind::NoRoom, .. }) => {
            again(Duration::ZERO, RetryCause::HandedBack)
        }
        AttemptFailure::Call(CallFailure { contradicted: Some(_), .. }) => {
            again(Duration::ZERO, RetryCause::Contradicted)
        }
        AttemptFailure::Call(_) => again(backoff, RetryCause::Unexpected),
        AttemptFailure::Connector(error) => match error.kind {
            ErrorKind::RateLimited => again(requested_wait(error).unwrap_or(backoff), RetryCause::Limited),
            ErrorKind::Unavailable => {
                again(requested_wait(error).unwrap_or_default().max(backoff), RetryCause::Unavailable)
            }
            ErrorKind::Other => again(backoff, RetryCause::Unexpected),
            ErrorKind::Unauthorized => again(Duration::ZERO, RetryCause::Unauthorized),
            ErrorKind::MissingIdentity => finished(RequestState::Skipped, Some(failure.reason())),
            ErrorKind::Rejected | ErrorKind::InvalidSettings | ErrorKind::Unsupported => {
                finished(RequestState::Failed, Some(failure.reason()))
            }
        },
    }
}

/// Decides what follows a failed erasure. One that was sent but not answered is confirmed before it is repeated.
pub fn after_unerased(failure: &AttemptFailure, step: Step, failures: u32, chance: f64) -> NextStep {
    if failure.may_have_acted() {
        // A person who cannot be erased again may be gone anyway.
        after_unconfirmed(failure, failures, chance)
    } else {
        after_failure(failure, step, failures, chance)
    }
}

/// Decides what follows a failed confirmation. It covered every erasure in the call and proves nothing about any of
/// them, so it never finishes a request.
pub fn after_unconfirmed(failure: &AttemptFailure, failures: u32, chance: f64) -> NextStep {
    match after_failure(failure, Step::Confirm, failures, chance) {
        NextStep::Finished { reason, .. } => NextStep::Again {
            step: Step::Confirm,
            wait: backoff(failures, chance),
            reason: reason.unwrap_or_default(),
            cause: RetryCause::Unexpected,
        },
        again @ NextStep::Again { .. } => again,
    }
}

/// Decides what follows a receipt if the vendor has answered an erasure, now or before.
pub fn after_receipt(receipt: &Receipt) -> NextStep {
    match (receipt.status, receipt.confirm_after_ms) {
        (ErasureStatus::Erased, _) | (ErasureStatus::NotFound, None) => finished(RequestState::Done, None),
        (_, Some(wait)) => NextStep::Again {
            step: Step::Confirm,
            wait: Duration::from_millis(wait).clamp(MIN_CONFIRM_DELAY, MAX_RETRY_AFTER),
            reason: "the vendor is working on it".to_owned(),
            cause: RetryCause::InProgress,
        },
        (ErasureStatus::Accepted, None) => {
            finished(RequestState::Done, Some("accepted; this vendor never shows more than that".to_owned()))
        }
    }
}

/// Decides what follows the receipt of a confirmation if the vendor has answered no erasure: it is unknown whether the attempt
/// reached the vendor. Unless the confirmation proves it, the attempt is repeated.
pub fn after_unanswered_receipt(receipt: &Receipt, failures: u32, chance: f64) -> NextStep {
    match receipt.status {
        ErasureStatus::Erased => finished(RequestState::Done, None),
        ErasureStatus::Accepted | ErasureStatus::NotFound => NextStep::Again {
            step: Step::Act,
            wait: backoff(failures, chance),
            reason: "the attempt that was not answered shows no effect, so it is repeated".to_owned(),
            cause: RetryCause::Unanswered,
        },
    }
}

impl NextStep {
    /// Returns what follows instead if the host could not send a request, which says nothing about the vendor. An end stays.
    #[must_use]
    pub fn of_unavailable_host(self) -> Self {
        match self {
            Self::Again {
                step,
                wait,
                reason,
                cause: RetryCause::Unavailable | RetryCause::Unexpected | RetryCause::Limited,
            } => Self::Again { step, wait, reason, cause: RetryCause::HostUnavailable },
            other => other,
        }
    }
}

/// Creates the end in `state`.
pub fn finished(state: RequestState, reason: Option<String>) -> NextStep {
    NextStep::Finished { state, reason }
}

fn requested_wait(error: &ConnectorError) -> Option<Duration> {
    error.retry_after_ms.map(|wait| Duration::from_millis(wait).min(MAX_RETRY_AFTER))
}

/// Backoff with full jitter: a wait between zero and the maximum, so that requests that failed together do not return
/// together.
fn backoff(failures: u32, chance: f64) -> Duration {
    backoff::backoff(FIRST_BACKOFF, MAX_BACKOFF, failures).mul_f64(chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::contract::Claim;

    fn error(kind: ErrorKind, retry_after_ms: Option<u64>, may_have_acted: bool) -> AttemptFailure {
        let message = "no".to_owned();
        AttemptFailure::Connector(ConnectorError {
            kind,
            code: "C".into(),
            message,
            retry_after_ms,
            may_have_acted,
        })
    }

    fn call(kind: FailureKind, may_have_acted: bool) -> AttemptFailure {
        AttemptFailure::Call(CallFailure { kind, detail: "over".into(), may_have_acted, contradicted: None })
    }

    fn again(after: &NextStep) -> Option<(Step, Duration, RetryCause)> {
        match after {
            NextStep::Again { step, wait, cause, .. } => Some((*step, *wait, *cause)),
            NextStep::Finished { .. } => None,
        }
    }

    #[test]
    fn a_failure_of_the_host_itself_is_repeated_without_a_word_about_the_vendor() {
        let of = |kind| after_failure(&error(kind, None, false), Step::Act, 0, 0.5);
        for kind in [ErrorKind::Unavailable, ErrorKind::Other, ErrorKind::RateLimited] {
            let (step, wait, _) = again(&of(kind)).unwrap();
            let expected = Some((step, wait, RetryCause::HostUnavailable));
            assert_eq!(again(&of(kind).of_unavailable_host()), expected);
        }
        for kind in [ErrorKind::Unauthorized, ErrorKind::Rejected] {
            assert_eq!(of(kind).of_unavailable_host(), of(kind));
        }
    }

    #[test]
    fn a_rate_limit_waits_what_the_vendor_asked_up_to_a_day() {
        for (asked, wait) in [(1_000, 1), (86_400_000, 86_400), (u64::MAX, 86_400)] {
            let after = after_failure(&error(ErrorKind::RateLimited, Some(asked), false), Step::Act, 0, 0.5);
            assert_eq!(again(&after), Some((Step::Act, Duration::from_secs(wait), RetryCause::Limited)));
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
        assert_eq!(again(&after), Some((Step::Act, Duration::ZERO, RetryCause::Unauthorized)));
    }

    #[test]
    fn what_cannot_succeed_ends_with_its_reason() {
        for (kind, state) in [
            (ErrorKind::Rejected, RequestState::Failed),
            (ErrorKind::InvalidSettings, RequestState::Failed),
            (ErrorKind::Unsupported, RequestState::Failed),
            (ErrorKind::MissingIdentity, RequestState::Skipped),
        ] {
            let after = after_failure(&error(kind, None, false), Step::Act, 0, 1.0);
            assert_eq!(after, NextStep::Finished { state, reason: Some("no (C)".into()) }, "{kind:?}");
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
    fn a_contradicted_outcome_waits_for_another_version_which_first_looks_what_was_done() {
        let contradicted = |may_have_acted| {
            AttemptFailure::Call(CallFailure {
                kind: FailureKind::BadAnswer,
                detail: "no".into(),
                may_have_acted,
                contradicted: Some(Claim::EraseErased),
            })
        };
        for (may_have_acted, step) in [(false, Step::Act), (true, Step::Confirm)] {
            let after = after_unerased(&contradicted(may_have_acted), Step::Act, 3, 1.0);
            assert_eq!(again(&after), Some((step, Duration::ZERO, RetryCause::Contradicted)));
        }
    }

    #[test]
    fn a_look_for_proof_that_failed_ends_no_erasure_whatever_it_failed_by() {
        use ErrorKind::{InvalidSettings, MissingIdentity, Other, Rejected, Unsupported};
        for kind in [Rejected, InvalidSettings, Unsupported, MissingIdentity, Other] {
            let after = after_unconfirmed(&error(kind, None, false), 2, 1.0);
            assert_eq!(
                again(&after),
                Some((Step::Confirm, FIRST_BACKOFF * 4, RetryCause::Unexpected)),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn a_receipt_ends_waits_or_repeats() {
        let receipt = |status, confirm_after_ms| Receipt { confirm_after_ms, ..Receipt::of(status) };
        let done = |reason: Option<&str>| finished(RequestState::Done, reason.map(str::to_owned));
        assert_eq!(after_receipt(&receipt(ErasureStatus::Erased, None)), done(None));
        assert_eq!(after_unanswered_receipt(&receipt(ErasureStatus::Erased, None), 0, 1.0), done(None));
        assert_eq!(after_receipt(&receipt(ErasureStatus::NotFound, None)), done(None));
        let unproven = after_receipt(&receipt(ErasureStatus::Accepted, None));
        assert_eq!(unproven, done(Some("accepted; this vendor never shows more than that")));
        let confirm = after_receipt(&receipt(ErasureStatus::Accepted, Some(600_000)));
        assert_eq!(again(&confirm), Some((Step::Confirm, Duration::from_mins(10), RetryCause::InProgress)));
        for status in [ErasureStatus::Accepted, ErasureStatus::NotFound] {
            let unknown = after_unanswered_receipt(&receipt(status, Some(600_000)), 0, 1.0);
            assert_eq!(again(&unknown), Some((Step::Act, FIRST_BACKOFF, RetryCause::Unanswered)));
            let again_and_again = after_unanswered_receipt(&receipt(status, None), 5, 1.0);
            assert_eq!(again(&again_and_again).map(|(_, wait, _)| wait), Some(FIRST_BACKOFF * 32));
        }
    }

    proptest! {
        #![proptest_config(test_support::cases(256))]

        #[test]
        fn no_wait_is_longer_than_a_day(failures: u32, chance: f64, asked: Option<u64>) {
            for kind in [ErrorKind::RateLimited, ErrorKind::Unavailable, ErrorKind::Other] {
                let after = after_failure(&error(kind, asked, false), Step::Act, failures, chance);
                prop_assert!(again(&after).is_some_and(|(_, wait, _)| wait <= MAX_RETRY_AFTER));
            }
        }
    }
}
