//! What a reading came to, and whether it is tried again. Pure: no clock, no store.

use std::time::Duration;

use host_harness::sandbox::CallResult;
use host_model::{
    backoff::backoff,
    contract::{
        ErrorKind,
        webhook::{ConsentEvent, Verdict},
    },
    failure::FailureKind,
    time::millis,
};
use host_store::deliveries::DeliveryState;

use crate::served::NotServed;

/// What a connector made of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// These events; none where it is of no concern.
    Events(Vec<ConsentEvent>),
    /// Not what its connector knows.
    Unreadable(String),
    /// Unproven until now, and not the vendor's.
    Refused(String),
    /// What is stored does not open.
    Unopened(String),
    /// Nothing, this time.
    Failed(Failed),
}

/// A reading that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    /// For an operator.
    pub(super) why: String,
    /// Whether it may well come to something later, such as when the vendor answers again.
    pub(super) passes: bool,
    /// How long the vendor asked to wait, in milliseconds.
    pub(super) asked_ms: Option<u64>,
}

/// So many readings may come to nothing in ways that do not pass.
const MOST_FAILURES: i64 = 8;

const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_hours(1);

impl Reading {
    /// What `verdict` says of a delivery that is shown to be the vendor's or not.
    pub(super) fn of(verdict: CallResult<Verdict>, is_proven: bool) -> Self {
        match verdict {
            Ok(Ok(Verdict::Authentic(events))) => Self::Events(events),
            Ok(Ok(Verdict::Unreadable(why))) => Self::Unreadable(why),
            // The host let it in: what its connector does not take is kept all the same.
            Ok(Ok(Verdict::Unauthenticated(why))) if is_proven => Self::Unreadable(why),
            Ok(Ok(Verdict::Unauthenticated(why))) => Self::Refused(why),
            Ok(Err(error)) => Self::Failed(Failed {
                passes: matches!(
                    error.kind,
                    ErrorKind::Unavailable | ErrorKind::RateLimited | ErrorKind::Unauthorized
                ),
                asked_ms: error.retry_after_ms,
                why: error.to_string(),
            }),
            Err(failure) => Self::Failed(Failed {
                passes: failure.kind == FailureKind::NoRoom,
                asked_ms: None,
                why: failure.to_string(),
            }),
        }
    }

    /// For metrics and log lines, where `failures` readings came to nothing before.
    pub(super) fn word(&self, failures: i64) -> &'static str {
        match self {
            Self::Events(events) if events.is_empty() => DeliveryState::OfNoConcern.as_ref(),
            Self::Events(_) => DeliveryState::Read.as_ref(),
            Self::Unreadable(_) => DeliveryState::Unreadable.as_ref(),
            Self::Refused(_) => DeliveryState::Refused.as_ref(),
            Self::Failed(failed) if after_failures(failed, failures).is_some() => "again",
            Self::Failed(_) | Self::Unopened(_) => DeliveryState::Stuck.as_ref(),
        }
    }

    /// The host does not carry the connection. It is there, for its deliveries go with it.
    pub(super) fn uncarried(unknown: &NotServed) -> Self {
        Self::Failed(Failed { why: unknown.to_string(), passes: true, asked_ms: None })
    }
}

/// How long until the next reading, in milliseconds; none where there is none. What passes is tried for as long as the
/// delivery is kept.
pub(super) fn after_failures(failed: &Failed, failures: i64) -> Option<i64> {
    if !failed.passes && failures + 1 >= MOST_FAILURES {
        return None;
    }
    let failures = u32::try_from(failures).unwrap_or(u32::MAX);
    let asked = failed.asked_ms.map(Duration::from_millis).unwrap_or_default();
    Some(millis(backoff(FIRST_WAIT, LONGEST_WAIT, failures).max(asked).min(LONGEST_WAIT)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(passes: bool, asked_ms: Option<u64>) -> Failed {
        Failed { why: String::new(), passes, asked_ms }
    }

    #[test]
    fn what_does_not_pass_is_read_eight_times_and_what_passes_for_as_long_as_it_is_kept() {
        let waits: Vec<_> = (0..8).map(|failures| after_failures(&failed(false, None), failures)).collect();
        let seconds = [2, 4, 8, 16, 32, 64, 128].map(|seconds| Some(seconds * 1_000));
        assert_eq!(waits[..7], seconds);
        assert_eq!(waits[7], None);
        assert_eq!(after_failures(&failed(true, None), 1_000), Some(millis(LONGEST_WAIT)));
        assert_eq!(after_failures(&failed(true, Some(30_000)), 0), Some(30_000));
        assert_eq!(after_failures(&failed(true, Some(u64::MAX)), 0), Some(millis(LONGEST_WAIT)));
    }

    #[test]
    fn what_the_host_let_in_is_kept_when_its_connector_does_not_take_it() {
        let verdict = || Ok(Ok(Verdict::Unauthenticated("no".to_owned())));
        assert_eq!(Reading::of(verdict(), true), Reading::Unreadable("no".to_owned()));
        assert_eq!(Reading::of(verdict(), false), Reading::Refused("no".to_owned()));
    }
}
