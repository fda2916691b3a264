//! What is counted of the calls of a version.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{call_kind::CallKind, latency::Latency};
use crate::{contract::ErrorKind, failure::FailureKind, requests::retry::AttemptFailure};

/// How a call ended, as far as it says something about the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallEnd {
    /// The connector answered, or reported an error that is not its own, such as a limit or an outage of the vendor.
    Answered,
    /// An erasure was accepted, so that a proof is expected.
    Accepted,
    /// A delivery was the vendor's and could not be read.
    Unreadable,
    /// A delivery was not the vendor's, according to the connector or its manifest.
    Unauthenticated,
    /// The connector reported an `other` error: it did not understand the vendor.
    OtherError,
    /// The connector reported an error that ends the request without having carried it out.
    GivenUp,
    /// The sandbox ended the call for a fault of the connector.
    Trapped,
    /// The call's deadline passed.
    DeadlinePassed,
    /// The connector reported an outcome that its requests contradict.
    Contradicted,
}

impl CallEnd {
    /// Returns how a call with this failure ended; `None` if the host ended it for its own sake, so that it does not count.
    pub fn of_failure(failure: &AttemptFailure) -> Option<Self> {
        match failure {
            AttemptFailure::Call(call) => match call.kind {
                _ if call.contradicted.is_some() => Some(Self::Contradicted),
                FailureKind::NoRoom => None,
                FailureKind::DeadlinePassed => Some(Self::DeadlinePassed),
                FailureKind::Trapped
                | FailureKind::CpuSpent
                | FailureKind::OutOfMemory
                | FailureKind::StackExhausted
                | FailureKind::TooMuchData
                | FailureKind::BadAnswer => Some(Self::Trapped),
            },
            AttemptFailure::Connector(error) => Some(match error.kind {
                ErrorKind::Other => Self::OtherError,
                ErrorKind::InvalidSettings
                | ErrorKind::MissingIdentity
                | ErrorKind::Rejected
                | ErrorKind::Unsupported => Self::GivenUp,
                ErrorKind::Unauthorized | ErrorKind::RateLimited | ErrorKind::Unavailable => Self::Answered,
            }),
        }
    }
}

/// Whether an erasure was proven when the time for its proof had passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofEnd {
    /// It was proven within the time.
    Proven,
    /// It was not.
    Missing,
}

/// The calls of one kind. Counts that are missing in a stored form are 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct CallCounts {
    /// All calls.
    pub calls: u64,
    /// Of them, those that the sandbox ended for a fault of the connector.
    pub trapped: u64,
    /// Of them, those whose deadline passed.
    pub deadlines: u64,
    /// Of them, those with a contradicted outcome.
    pub contradicted: u64,
    /// Of them, those with an `other` error.
    pub other_errors: u64,
    /// Of them, those whose error ended the request.
    pub given_up: u64,
    /// Of them, deliveries of the vendor that could not be read.
    pub unreadable: u64,
    /// Deliveries that were refused at the door, besides the calls: anyone can send them.
    pub unauthenticated: u64,
    /// Of the calls, erasures that were accepted.
    pub accepted: u64,
    /// Of the accepted erasures, those whose time for a proof has passed.
    pub proofs_due: u64,
    /// Of those whose time has passed, the ones that were proven within it.
    pub proven: u64,
    /// How long the calls took.
    pub latency: Latency,
}

impl CallCounts {
    fn counts_mut(&mut self) -> [&mut u64; 11] {
        [
            &mut self.calls,
            &mut self.trapped,
            &mut self.deadlines,
            &mut self.contradicted,
            &mut self.other_errors,
            &mut self.given_up,
            &mut self.unreadable,
            &mut self.unauthenticated,
            &mut self.accepted,
            &mut self.proofs_due,
            &mut self.proven,
        ]
    }

    /// Adds a call. A delivery that is not the vendor's is none, so that what anyone sends does not make up for missing calls.
    pub fn record(&mut self, end: CallEnd, took: Duration) {
        if end == CallEnd::Unauthenticated {
            return increase(&mut self.unauthenticated);
        }
        increase(&mut self.calls);
        self.latency.record(took);
        match end {
            CallEnd::Answered | CallEnd::Unauthenticated => {}
            CallEnd::Accepted => increase(&mut self.accepted),
            CallEnd::Unreadable => increase(&mut self.unreadable),
            CallEnd::OtherError => increase(&mut self.other_errors),
            CallEnd::GivenUp => increase(&mut self.given_up),
            CallEnd::Trapped => increase(&mut self.trapped),
            CallEnd::DeadlinePassed => increase(&mut self.deadlines),
            CallEnd::Contradicted => increase(&mut self.contradicted),
        }
    }

    /// Adds the calls of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts_mut().into_iter().zip(other.clone().counts_mut()) {
            *count = count.saturating_add(*more);
        }
        self.latency.merge(&other.latency);
    }
}

fn increase(count: &mut u64) {
    *count = count.saturating_add(1);
}

/// What is counted of a version in a window of time, by kind of call. The counts of several replicas and windows add up.
///
/// A repeated attempt of a request on the same version is not counted: the requests of a few people, repeated again and
/// again, would count like those of many. Nor are calls that an operator made on a version by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VersionCounts(BTreeMap<CallKind, CallCounts>);

impl VersionCounts {
    /// Adds a call.
    pub fn record(&mut self, kind: CallKind, end: CallEnd, took: Duration) {
        self.0.entry(kind).or_default().record(end, took);
    }

    /// Adds an accepted erasure whose time for a proof has passed. Counted only then, since otherwise erasures that are
    /// proven at once would count before those that are never proven.
    pub fn record_proof(&mut self, end: ProofEnd) {
        let counts = self.0.entry(CallKind::Erasure).or_default();
        increase(&mut counts.proofs_due);
        if end == ProofEnd::Proven {
            increase(&mut counts.proven);
        }
    }

    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (kind, counts) in &other.0 {
            self.0.entry(*kind).or_default().merge(counts);
        }
    }

    /// Returns the kinds of which something was counted.
    pub fn kinds(&self) -> impl Iterator<Item = CallKind> {
        self.0.keys().copied()
    }

    /// Returns the counts of a kind.
    pub fn of(&self, kind: CallKind) -> CallCounts {
        self.0.get(&kind).cloned().unwrap_or_default()
    }

    /// Returns the number of calls of all kinds.
    pub fn calls(&self) -> u64 {
        self.0.values().fold(0, |sum, counts| sum.saturating_add(counts.calls))
    }
}

/// The counts of one kind, such as from a row of a table.
impl FromIterator<(CallKind, CallCounts)> for VersionCounts {
    fn from_iter<T: IntoIterator<Item = (CallKind, CallCounts)>>(counts: T) -> Self {
        let mut all = Self::default();
        for (kind, counts) in counts {
            all.0.entry(kind).or_default().merge(&counts);
        }
        all
    }
}

#[cfg(test)]
mod tests;
