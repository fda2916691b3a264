//! The versions that serve a connection at one moment: one, or the two of a release in steps.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use host_harness::sandbox::{CallResult, Calls};
use host_model::{
    digest::Digest,
    release::{call_kind::CallKind, compared::CountPlace, counts::CallEnd, plan::Side},
    requests::{Step, retry::AttemptFailure},
};
use host_store::{queue::ClaimedRequest, release_counts::AcceptedErasure};

use super::{release::ServedRelease, release_counter::ReleaseCounter};

/// The versions that serve a connection. A clone counts as a call in flight on each.
#[derive(Clone)]
pub(crate) struct ServingCalls {
    running: Calls,
    release: Option<InRelease>,
}

/// The release that a connection takes part in.
#[derive(Clone)]
pub(super) struct InRelease {
    pub(super) release: Arc<ServedRelease>,
    pub(super) calls: Calls,
    pub(super) counter: ReleaseCounter,
}

impl ServingCalls {
    pub(super) fn of(running: Calls, release: Option<InRelease>) -> Self {
        // One that is completed is the one that runs.
        let is_other = |of: &InRelease| of.calls.plugin().digest() != running.plugin().digest();
        let release = release.filter(is_other);
        Self { running, release }
    }

    /// Returns the calls on the version that the plugin runs, which is the one before during a release.
    pub(crate) fn running(&self) -> &Calls {
        &self.running
    }

    /// Returns whether the connection takes part in a release.
    pub(crate) fn is_in_release(&self) -> bool {
        self.release.is_some()
    }

    /// Returns the calls that are about the connection and no single person.
    pub(crate) fn of_connection(&self) -> &Calls {
        match &self.release {
            Some(InRelease { release, calls, .. })
                if release.plan.side_of_connection(release.share, &self.running.connection().key)
                    == Side::Released =>
            {
                calls
            }
            _ => &self.running,
        }
    }

    /// Returns the version that serves a claimed request: an action the one that its person has, a confirmation the one that
    /// carried it out. A reference whose own version does not confirm it is confirmed by the version that runs.
    pub(crate) fn version_for(&self, claim: &ClaimedRequest) -> Digest {
        let running = self.running.plugin().digest();
        let Some(InRelease { release, .. }) = &self.release else { return running };
        let released = release.plan.version();
        let is_released = match claim.step {
            Step::Act => release.plan.side_of_person(release.share, claim.person.number()) == Side::Released,
            Step::Confirm => {
                claim.reference.is_none() && claim.acted_by.as_deref() == Some(&*released.to_string())
            }
        };
        if is_released { released } else { running }
    }

    /// Returns the calls on the version with this digest, if it serves the connection.
    pub(crate) fn on(&self, version: Digest) -> Option<&Calls> {
        let released = self.release.iter().map(|of| &of.calls);
        released.chain([&self.running]).find(|calls| calls.plugin().digest() == version)
    }

    /// Counts a call on `version`, if the connection takes part in a release of it or beside it.
    pub(crate) fn count(&self, kind: CallKind, version: Digest, end: CallEnd, took: Duration) {
        if let Some((InRelease { release, counter, .. }, side)) = self.counted_on(version) {
            let key = &self.running.connection().key;
            counter.add(&release.id, CountPlace::of_call(side, release.share, kind, key), end, took);
        }
    }

    /// Counts the erasure at position `request` that `version` carried out and the vendor accepted at `accepted_at`.
    pub(crate) fn count_accepted(&self, request: i64, version: Digest, accepted_at: i64) {
        if let Some((InRelease { release, counter, .. }, side)) = self.counted_on(version) {
            let share = release.share;
            counter.add_accepted(&release.id, AcceptedErasure { request, side, share, accepted_at });
        }
    }

    fn counted_on(&self, version: Digest) -> Option<(&InRelease, Side)> {
        let of = self.release.as_ref()?;
        if of.release.plan.version() == version {
            Some((of, Side::Released))
        } else if self.running.plugin().digest() == version {
            Some((of, Side::Before))
        } else {
            // A version that only confirms what it carried out.
            None
        }
    }

    /// Makes a call that is about the connection and no single person, and counts it.
    pub(crate) async fn call<T, F: Future<Output = CallResult<T>>>(
        &self,
        kind: CallKind,
        call: impl FnOnce(Calls) -> F,
    ) -> CallResult<T> {
        let (calls, began) = (self.of_connection().clone(), Instant::now());
        let version = calls.plugin().digest();
        let answer = call(calls).await;
        if let Some(end) = end_of(&answer) {
            self.count(kind, version, end, began.elapsed());
        }
        answer
    }
}

/// Returns how a call ended; `None` if it does not count.
pub(crate) fn end_of<T>(answer: &CallResult<T>) -> Option<CallEnd> {
    match answer {
        Ok(Ok(_)) => Some(CallEnd::Answered),
        Ok(Err(error)) => CallEnd::of_failure(&AttemptFailure::Connector(error.clone())),
        Err(failure) => CallEnd::of_failure(&AttemptFailure::Call(failure.clone())),
    }
}
