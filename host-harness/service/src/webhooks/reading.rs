//! The result of a reading, and whether it is tried again. Pure: no clock, no store.

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

/// The result of a connector's reading of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DeliveryReading {
    /// The events of the delivery. Empty if the delivery is of no concern.
    Events(Vec<ConsentEvent>),
    /// The connector does not recognize the delivery.
    Unreadable(String),
    /// The delivery was unproven until now, and is not the vendor's.
    Refused(String),
    /// The stored delivery cannot be opened.
    Unopened(String),
    /// The reading failed this time.
    Failed(ReadingFailure),
}

/// A failed reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReadingFailure {
    /// The reason, for an operator.
    pub(super) why: String,
    /// Whether the failure is likely to pass, for example when the vendor answers again.
    pub(super) passes: bool,
    /// How long the vendor asked to wait, in milliseconds.
    pub(super) asked_ms: Option<u64>,
}

/// The maximum number of failed readings whose failure does not pass.
const MAX_FAILURES: i64 = 8;

const FIRST_BACKOFF: Duration = Duration::from_secs(2);
const MAX_BACKOFF: Duration = Duration::from_hours(1);

impl DeliveryReading {
    /// Returns the result that `verdict` means for a delivery that is not proven to be the vendor's.
    pub(super) fn of(verdict: CallResult<Verdict>) -> Self {
        match verdict {
            Ok(Ok(Verdict::Authentic(events))) => Self::Events(events),
            Ok(Ok(Verdict::Unreadable(why))) => Self::Unreadable(why),
            Ok(Ok(Verdict::Unauthenticated(why))) => Self::Refused(why),
            Ok(Err(error)) => Self::Failed(ReadingFailure {
                passes: matches!(
                    error.kind,
                    ErrorKind::Unavailable | ErrorKind::RateLimited | ErrorKind::Unauthorized
                ),
                asked_ms: error.retry_after_ms,
                why: error.to_string(),
            }),
            Err(failure) => Self::Failed(ReadingFailure {
                passes: failure.kind == FailureKind::NoRoom,
                asked_ms: None,
                why: failure.to_string(),
            }),
        }
    }

    /// Returns the same for a delivery that is proven: the host accepted it, so it is kept even if its connector rejects it.
    pub(super) fn of_proven(verdict: CallResult<Verdict>) -> Self {
        match Self::of(verdict) {
            Self::Refused(why) => Self::Unreadable(why),
            other => other,
        }
    }

    /// Returns the name for metrics and log lines, after `failures` failed readings.
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

    /// Returns the result for a connection that the host does not serve. The connection exists, because its deliveries
    /// would be deleted with it.
    pub(super) fn unserved(unknown: &NotServed) -> Self {
        Self::Failed(ReadingFailure { why: unknown.to_string(), passes: true, asked_ms: None })
    }
}

/// Returns the wait until the next reading in milliseconds, or `None` if there is none. A failure that passes is
/// retried for as long as the delivery is kept.
pub(super) fn after_failures(failed: &ReadingFailure, failures: i64) -> Option<i64> {
    if !failed.passes && failures + 1 >= MAX_FAILURES {
        return None;
    }
    let failures = u32::try_from(failures).unwrap_or(u32::MAX);
    let asked = failed.asked_ms.map(Duration::from_millis).unwrap_or_default();
    Some(millis(backoff(FIRST_BACKOFF, MAX_BACKOFF, failures).max(asked).min(MAX_BACKOFF)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(passes: bool, asked_ms: Option<u64>) -> ReadingFailure {
        ReadingFailure { why: String::new(), passes, asked_ms }
    }

    #[test]
    fn what_does_not_pass_is_read_eight_times_and_what_passes_for_as_long_as_it_is_kept() {
        let waits: Vec<_> = (0..8).map(|failures| after_failures(&failed(false, None), failures)).collect();
        let seconds = [2, 4, 8, 16, 32, 64, 128].map(|seconds| Some(seconds * 1_000));
        assert_eq!(waits[..7], seconds);
        assert_eq!(waits[7], None);
        assert_eq!(after_failures(&failed(true, None), 1_000), Some(millis(MAX_BACKOFF)));
        assert_eq!(after_failures(&failed(true, Some(30_000)), 0), Some(30_000));
        assert_eq!(after_failures(&failed(true, Some(u64::MAX)), 0), Some(millis(MAX_BACKOFF)));
    }

    #[test]
    fn what_the_host_let_in_is_kept_when_its_connector_does_not_take_it() {
        let verdict = || Ok(Ok(Verdict::Unauthenticated("no".to_owned())));
        assert_eq!(DeliveryReading::of_proven(verdict()), DeliveryReading::Unreadable("no".to_owned()));
        assert_eq!(DeliveryReading::of(verdict()), DeliveryReading::Refused("no".to_owned()));
    }
}
