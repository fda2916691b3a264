//! What an attempt counts for, if its connection takes part in a release in steps.

use std::time::Duration;

use host_model::{
    contract::erasure::ErasureStatus,
    digest::Digest,
    release::{call_kind::CallKind, counts::CallEnd},
    requests::{Step, outcome::AttemptResult, retry::AttemptFailure},
};
use host_store::queue::ClaimedRequest;

use super::handler::RequestOutcome;
use crate::served::serving::ServingCalls;

/// Counts an attempt on `version`, which took `took` and ended at `now`. Confirmations of several erasures are one call. An
/// attempt that repeats others on the same version does not count.
pub(super) fn count(
    serving: &ServingCalls,
    version: Digest,
    ended: &[(ClaimedRequest, RequestOutcome)],
    took: Duration,
    now: i64,
) {
    let by = version.to_string();
    let is_first = |claim: &ClaimedRequest| claim.tried_by.as_deref() != Some(&*by);
    let first = ended.iter().filter(|(claim, _)| is_first(claim));
    let ends: Vec<_> =
        first.filter_map(|(claim, came)| Some((claim, end_of(claim.step, &came.result)?))).collect();
    let Some((claim, _)) = ends.first() else { return };
    let kind = CallKind::of_attempt(claim.action, claim.step);
    let failed = ends.iter().find(|(_, end)| *end != CallEnd::Answered);
    serving.count(kind, version, failed.map_or(CallEnd::Answered, |(_, end)| *end), took);
    for (claim, end) in ends {
        if end == CallEnd::Accepted {
            serving.count_accepted(claim.seq, version, now);
        }
    }
}

/// Returns how the call ended that had this result; `None` if there was none, or it says nothing about its version.
fn end_of(step: Step, result: &AttemptResult) -> Option<CallEnd> {
    match result {
        AttemptResult::Receipt(receipt) if step == Step::Act && receipt.status == ErasureStatus::Accepted => {
            Some(CallEnd::Accepted)
        }
        AttemptResult::Receipt(_) | AttemptResult::Report(_) | AttemptResult::Read(_) => {
            Some(CallEnd::Answered)
        }
        AttemptResult::Error(error) => CallEnd::of_failure(&AttemptFailure::Connector(error.clone())),
        AttemptResult::EndedBySandbox(failure) => CallEnd::of_failure(&AttemptFailure::Call(failure.clone())),
        AttemptResult::NothingSent(_) | AttemptResult::Store(_) | AttemptResult::Unreadable(_) => None,
    }
}
