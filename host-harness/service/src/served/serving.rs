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
use host_store::{
    deliveries::ClaimedDelivery,
    queue::{ClaimedRequest, DueRequest},
    release_counts::AcceptedErasure,
};

use super::{
    not_served::{NotServed, ServingProblem},
    release::ServedRelease,
    release_counter::ReleaseCounter,
};

/// The versions that serve the people of a connection. A clone counts as a call in flight on each.
#[derive(Clone)]
pub(crate) struct ServingCalls {
    running: Calls,
    release: Option<InRelease>,
}

/// The release that a connection takes part in.
#[derive(Clone)]
pub(super) struct InRelease {
    pub(super) release: Arc<ServedRelease>,
    pub(super) calls: ReleasedCalls,
    pub(super) counter: ReleaseCounter,
}

/// The calls on the version that is released.
#[derive(Clone)]
pub(super) enum ReleasedCalls {
    Here(Calls),
    /// It is not loaded at this replica.
    Elsewhere,
}

impl ReleasedCalls {
    fn here(&self) -> Option<&Calls> {
        match self {
            Self::Here(calls) => Some(calls),
            Self::Elsewhere => None,
        }
    }
}

/// The version that serves the calls of a connection that are about no single person, which is loaded here.
#[derive(Clone)]
pub(crate) struct ConnectionCalls {
    calls: Calls,
    serving: ServingCalls,
}

impl ServingCalls {
    pub(super) fn of(running: Calls, release: Option<InRelease>) -> Self {
        // One that is completed is the one that runs.
        let is_other = |of: &InRelease| of.release.plan.version() != running.plugin().digest();
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

    /// Returns whether the connection takes part in a release whose version is not loaded here. Then other replicas carry out
    /// what that version serves.
    pub(crate) fn lacks_released(&self) -> bool {
        self.release.as_ref().is_some_and(|of| of.calls.here().is_none())
    }

    /// Returns whether a due request is for the version that runs, which needs the released one for nothing.
    pub(crate) fn is_for_running(&self, step: Step, due: &DueRequest) -> bool {
        let Some(InRelease { release, .. }) = &self.release else { return true };
        let released = release.plan.version().to_string();
        if due.contradicted_by.as_deref() == Some(&*released) {
            return true;
        }
        match step {
            Step::Act => release.plan.side_of_person(release.share, due.person.number()) == Side::Before,
            Step::Confirm => due.acted_by.as_deref() != Some(&*released),
        }
    }

    /// Returns the version that serves a claimed request: an action the one that its person has, a confirmation the one that
    /// carried it out. A reference whose own version does not confirm it is confirmed by the version that runs. So is a
    /// request whose outcome the released version contradicted, which the person need not wait for until the release has ended.
    pub(crate) fn version_for(&self, claim: &ClaimedRequest) -> Digest {
        let running = self.running.plugin().digest();
        let Some(InRelease { release, .. }) = &self.release else { return running };
        let released = release.plan.version();
        let by_released = |by: &Option<String>| by.as_deref() == Some(&*released.to_string());
        let is_released = match claim.step {
            _ if by_released(&claim.contradicted_by) => false,
            Step::Act => release.plan.side_of_person(release.share, claim.person.number()) == Side::Released,
            Step::Confirm => claim.reference.is_none() && by_released(&claim.acted_by),
        };
        if is_released { released } else { running }
    }

    /// Returns the calls on the version with this digest, if it serves the connection and is loaded.
    pub(crate) fn on(&self, version: Digest) -> Option<&Calls> {
        let released = self.release.iter().filter_map(|of| of.calls.here());
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
}

impl ConnectionCalls {
    pub(super) fn of(serving: ServingCalls) -> Result<Self, NotServed> {
        let key = &serving.running.connection().key;
        let calls = match &serving.release {
            Some(InRelease { release, calls, .. })
                if release.plan.side_of_connection(release.share, key) == Side::Released =>
            {
                let lacking = || NotServed::Problem {
                    connection: key.clone(),
                    problem: Box::new(ServingProblem::NotLoaded(release.plan.version())),
                };
                calls.here().ok_or_else(lacking)?
            }
            _ => &serving.running,
        };
        Ok(Self { calls: calls.clone(), serving })
    }

    /// Returns the calls.
    pub(crate) fn calls(&self) -> &Calls {
        &self.calls
    }

    /// Returns the versions that serve the people of the connection.
    pub(crate) fn serving(&self) -> &ServingCalls {
        &self.serving
    }

    /// Returns the calls that read a delivery. One that the released version could not read is read by the version that runs,
    /// since an opt-out in it must not wait until the release has ended.
    pub(crate) fn for_delivery(&self, claim: &ClaimedDelivery) -> &Calls {
        let released = self.serving.release.as_ref().map(|of| of.release.plan.version().to_string());
        match &claim.read_by {
            None => &self.calls,
            // Its reading failed for a reason that may pass.
            by if *by == released && claim.failures > 0 => &self.calls,
            Some(_) => &self.serving.running,
        }
    }

    /// Makes a call, and counts it.
    pub(crate) async fn call<T, F: Future<Output = CallResult<T>>>(
        &self,
        kind: CallKind,
        call: impl FnOnce(Calls) -> F,
    ) -> CallResult<T> {
        let (calls, began) = (self.calls.clone(), Instant::now());
        let version = calls.plugin().digest();
        let answer = call(calls).await;
        if let Some(end) = end_of(&answer) {
            self.serving.count(kind, version, end, began.elapsed());
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
