//! How long the steps of a release last, and the rules of its verdict.

use host_model::release::{
    rules::{Margins, Slower, VerdictRules},
    times::StepTimes,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How long the steps of a release last, and the rules of its verdict. They stay as they were when it began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReleaseRules {
    /// How long a step lasts at least, in milliseconds.
    pub minimum_step_ms: i64,
    /// How long a step lasts without a verdict until the release is paused, in milliseconds.
    pub maximum_step_ms: i64,
    /// The minimum number of calls of each version in a step.
    pub calls: u64,
    /// The minimum number of calls of each kind about people, if the version before had as many.
    pub calls_of_kind: u64,
    /// The minimum number of accepted erasures whose time for a proof has passed, if the version before had as many.
    pub proofs: u64,
    /// The time for the proof of an accepted erasure, in milliseconds.
    pub proof_within_ms: i64,
    /// Fewer failures than these are never bad.
    pub failures: u64,
    /// How many contradicted outcomes of a kind of call are bad if the version before had none.
    pub contradicted: u64,
    /// How many times likelier a worse version than an equal one must be to be bad.
    pub times_likelier: u32,
    /// What a version of which nothing is known is assumed to fail at most by itself, in percent of its calls.
    pub unknown: f64,
    /// How much more often than before something may happen.
    pub margins: ReleaseMargins,
    /// When calls are slow, and how many may be.
    pub slower: SlowCalls,
}

/// How much more often than before something may happen, each as a difference of rates, in percent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReleaseMargins {
    /// Of calls that the sandbox ended for a fault of the connector.
    pub traps: f64,
    /// Of calls whose deadline passed.
    pub deadlines: f64,
    /// Of contradicted outcomes, if the version before had such outcomes too.
    pub contradicted: f64,
    /// Of `other` errors.
    pub other_errors: f64,
    /// Of requests that ended without being carried out.
    pub given_up: f64,
    /// Of accepted erasures that were not proven in time.
    pub unproven: f64,
    /// Of deliveries that could not be read.
    pub unreadable: f64,
}

/// A call is slow if it takes longer than the time in which 95 % of the calls of the version before ended, times the factor,
/// and longer by the minimum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SlowCalls {
    /// The factor, in percent.
    pub factor_percent: u64,
    /// The minimum, in milliseconds.
    pub minimum_ms: u64,
    /// How many more calls than before may be slow, in percent.
    pub margin: f64,
}

impl ReleaseRules {
    pub(crate) fn of(times: StepTimes, rules: &VerdictRules) -> Self {
        let VerdictRules {
            calls,
            calls_of_kind,
            proofs,
            proof_within_ms,
            failures,
            contradicted,
            times_likelier,
            unknown,
            margins,
            slower,
        } = *rules;
        Self {
            minimum_step_ms: times.minimum_ms,
            maximum_step_ms: times.maximum_ms,
            calls,
            calls_of_kind,
            proofs,
            proof_within_ms,
            failures,
            contradicted,
            times_likelier,
            unknown: unknown.percent(),
            margins: margins.into(),
            slower: slower.into(),
        }
    }
}

impl From<Margins> for ReleaseMargins {
    fn from(margins: Margins) -> Self {
        let Margins { traps, deadlines, contradicted, other_errors, given_up, unproven, unreadable } =
            margins;
        Self {
            traps: traps.percent(),
            deadlines: deadlines.percent(),
            contradicted: contradicted.percent(),
            other_errors: other_errors.percent(),
            given_up: given_up.percent(),
            unproven: unproven.percent(),
            unreadable: unreadable.percent(),
        }
    }
}

impl From<Slower> for SlowCalls {
    fn from(Slower { factor_percent, minimum_ms, margin }: Slower) -> Self {
        Self { factor_percent, minimum_ms, margin: margin.percent() }
    }
}
