//! Releases of versions in steps.

use std::collections::BTreeSet;

use host_model::release::{
    call_kind::CallKind,
    counts::{CallCounts, VersionCounts},
    rules::VerdictRules,
    share::{NotPercent, Share},
    state::{PauseCause, ReleaseState, RollBackCause},
    steps::{NotSteps, ReleaseSteps},
    times::StepTimes,
    verdict::ReleaseVerdict,
};
use host_service::{connections::releases::ReleaseReport, settings::releases::ReleaseConfig};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::release_rules::ReleaseRules;

/// A release to begin.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginningRelease {
    /// The digest of a version that was approved and has not served.
    pub digest: String,
    /// The shares of people in percent, growing up to 100, with at most two decimals. By default as configured: 5, 25 and 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<f64>>,
    /// How long a step lasts at least, in milliseconds. By default as configured: 10 minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_step_ms: Option<i64>,
    /// How long a step lasts without a verdict until the release is paused, in milliseconds. By default as configured: a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_step_ms: Option<i64>,
    /// The minimum number of calls of each version in a step. By default as configured: 300.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<u64>,
    /// The minimum number of calls of each kind about people, if the version before had as many. By default as configured: 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls_of_kind: Option<u64>,
    /// The minimum number of accepted erasures whose time for a proof has passed, if the version before had as many. By
    /// default as configured: 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proofs: Option<u64>,
    /// The time for the proof of an accepted erasure, in milliseconds. By default as configured: an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof_within_ms: Option<i64>,
    /// Fewer failures than these are never bad. By default as configured: 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<u64>,
    /// How many contradicted outcomes of a kind of call are bad if the version before had none. By default as configured: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contradicted: Option<u64>,
}

/// The step of a release to end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdvancingRelease {
    /// The share of the step in percent, as the release shows it.
    pub share: f64,
}

/// The shares of people are not steps.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BadSteps {
    /// It is no share.
    #[error(transparent)]
    NotPercent(#[from] NotPercent),
    /// The shares do not grow up to the whole.
    #[error(transparent)]
    NotSteps(#[from] NotSteps),
}

impl AdvancingRelease {
    pub(crate) fn parsed_share(self) -> Result<Share, BadSteps> {
        Ok(Share::of_percent(self.share)?)
    }
}

impl BeginningRelease {
    /// Returns the steps, times and rules that it says, with those of `usual` for the others.
    pub(crate) fn over(&self, usual: &ReleaseConfig) -> Result<ReleaseConfig, BadSteps> {
        let ReleaseConfig { steps, times, rules } = usual.clone();
        Ok(ReleaseConfig {
            steps: self.steps.as_deref().map_or(Ok(steps), parsed)?,
            times: StepTimes {
                minimum_ms: self.minimum_step_ms.unwrap_or(times.minimum_ms),
                maximum_ms: self.maximum_step_ms.unwrap_or(times.maximum_ms),
            },
            rules: VerdictRules {
                calls: self.calls.unwrap_or(rules.calls),
                calls_of_kind: self.calls_of_kind.unwrap_or(rules.calls_of_kind),
                proofs: self.proofs.unwrap_or(rules.proofs),
                proof_within_ms: self.proof_within_ms.unwrap_or(rules.proof_within_ms),
                failures: self.failures.unwrap_or(rules.failures),
                contradicted: self.contradicted.unwrap_or(rules.contradicted),
                ..rules
            },
        })
    }
}

fn parsed(steps: &[f64]) -> Result<ReleaseSteps, BadSteps> {
    let shares = steps.iter().map(|percent| Share::of_percent(*percent)).collect::<Result<Vec<_>, _>>()?;
    Ok(ReleaseSteps::try_from(shares)?)
}

/// The state of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseStateName {
    /// It is in a step.
    Running,
    /// It stays in its step until an operator moves it.
    Paused,
    /// The version serves in place of the one before.
    Completed,
    /// The version before serves all connections again.
    RolledBack,
}

/// What the calls say about a released version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseVerdictName {
    /// There were enough calls, and it does not do worse than is allowed.
    Good,
    /// It does worse than the version before.
    Bad,
    /// Neither is shown yet.
    Inconclusive,
}

/// The release of a version in steps: the one in progress, or the last one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PluginRelease {
    /// The plugin's name.
    pub plugin: String,
    /// The digest of the version that is released.
    pub digest: String,
    /// The digest of the version that served before.
    pub before: String,
    /// Its state.
    pub state: ReleaseStateName,
    /// Why it is paused or was rolled back; null otherwise.
    pub why: Option<String>,
    /// The share of the people whose requests the version carries out, in percent.
    pub share: f64,
    /// The shares of its steps, in percent.
    pub steps: Vec<f64>,
    /// How long its steps last, and the rules of its verdict.
    pub rules: ReleaseRules,
    /// Who began it.
    pub began_by: String,
    /// When, in milliseconds since 1970 in UTC.
    pub began_at: i64,
    /// When its step began; null once it has ended.
    pub step_began_at: Option<i64>,
    /// When it ended; null while it is in progress.
    pub ended_at: Option<i64>,
    /// What the calls say about the version at its step, or said at its last one.
    pub verdict: ReleaseVerdictName,
    /// Why that is the verdict, a sentence each; none if it is good.
    pub reasons: Vec<String>,
    /// What was counted, by kind of call.
    pub calls: Vec<ComparedCalls>,
}

/// The calls of one kind of both versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ComparedCalls {
    /// The kind, such as `erasure` or `webhook-verify`.
    pub kind: String,
    /// Of the version that is released, since its step began.
    pub new: CountedCalls,
    /// Of the version before, since the release began; what the vendor may have caused is compared with those since the step
    /// began. For calls that are about no single person, at the connections that were released.
    pub before: CountedCalls,
}

/// The calls of one kind of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CountedCalls {
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
    /// Deliveries that were refused at the door as not the vendor's, besides the calls.
    pub unauthenticated: u64,
    /// Of the calls, erasures that were accepted.
    pub accepted: u64,
    /// Of the accepted erasures, those whose time for a proof has passed.
    pub proofs_due: u64,
    /// Of those, the ones that were proven within it.
    pub proven: u64,
    /// The time within which 95 % of the calls ended, in milliseconds, rounded up; null if there were none.
    pub p95_ms: Option<u64>,
}

impl From<CallCounts> for CountedCalls {
    fn from(counts: CallCounts) -> Self {
        let p95_ms = counts.latency.p95_ms();
        let CallCounts {
            calls,
            trapped,
            deadlines,
            contradicted,
            other_errors,
            given_up,
            unreadable,
            unauthenticated,
            accepted,
            proofs_due,
            proven,
            latency: _,
        } = counts;
        Self {
            calls,
            trapped,
            deadlines,
            contradicted,
            other_errors,
            given_up,
            unreadable,
            unauthenticated,
            accepted,
            proofs_due,
            proven,
            p95_ms,
        }
    }
}

impl From<ReleaseReport> for PluginRelease {
    fn from(ReleaseReport { release, compared, verdict }: ReleaseReport) -> Self {
        let (verdict, reasons) = said(&verdict);
        let step = match &release.state {
            ReleaseState::Running(step) | ReleaseState::Paused { step, .. } => Some(step),
            ReleaseState::Proposed | ReleaseState::Completed { .. } | ReleaseState::RolledBack { .. } => None,
        };
        Self {
            digest: release.plan.version().to_string(),
            before: release.before.to_string(),
            state: named(&release.state),
            why: why(&release.state),
            share: release.state.share().percent(),
            steps: release.plan.steps().shares().iter().map(|share| share.percent()).collect(),
            rules: ReleaseRules::of(release.times, &release.rules),
            step_began_at: step.map(|step| step.entered_ms),
            ended_at: release.state.ended_ms(),
            verdict,
            reasons,
            calls: calls(&compared.new, &compared.before),
            plugin: release.plugin,
            began_by: release.began_by,
            began_at: release.began_at,
        }
    }
}

fn named(state: &ReleaseState) -> ReleaseStateName {
    match state {
        // Never stored: a release is stored as it enters its first step.
        ReleaseState::Proposed | ReleaseState::Running(_) => ReleaseStateName::Running,
        ReleaseState::Paused { .. } => ReleaseStateName::Paused,
        ReleaseState::Completed { .. } => ReleaseStateName::Completed,
        ReleaseState::RolledBack { .. } => ReleaseStateName::RolledBack,
    }
}

fn why(state: &ReleaseState) -> Option<String> {
    match state {
        ReleaseState::Paused { why, .. } => Some(PauseCause::to_string(why)),
        ReleaseState::RolledBack { by, .. } => Some(RollBackCause::to_string(by)),
        ReleaseState::Proposed | ReleaseState::Running(_) | ReleaseState::Completed { .. } => None,
    }
}

fn said(verdict: &ReleaseVerdict) -> (ReleaseVerdictName, Vec<String>) {
    match verdict {
        ReleaseVerdict::Good => (ReleaseVerdictName::Good, Vec::new()),
        ReleaseVerdict::Bad(excesses) => {
            (ReleaseVerdictName::Bad, excesses.iter().map(ToString::to_string).collect())
        }
        ReleaseVerdict::Inconclusive(lacks) => {
            (ReleaseVerdictName::Inconclusive, lacks.iter().map(ToString::to_string).collect())
        }
    }
}

fn calls(new: &VersionCounts, before: &VersionCounts) -> Vec<ComparedCalls> {
    let kinds: BTreeSet<CallKind> = new.kinds().chain(before.kinds()).collect();
    let compared = kinds.into_iter().map(|kind| ComparedCalls {
        kind: kind.to_string(),
        new: new.of(kind).into(),
        before: before.of(kind).into(),
    });
    compared.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(steps: &[f64]) -> Result<ReleaseSteps, String> {
        let release = BeginningRelease { steps: Some(steps.to_vec()), ..BeginningRelease::default() };
        release.over(&ReleaseConfig::default()).map(|of| of.steps).map_err(|error| error.to_string())
    }

    #[test]
    fn steps_are_percentages_with_two_decimals_that_grow_to_100() {
        let shares = |parsed: Result<ReleaseSteps, String>| {
            parsed.unwrap().shares().iter().map(|share| u16::from(*share)).collect::<Vec<_>>()
        };
        assert_eq!(shares(steps(&[0.29, 5.0, 25.0, 100.0])), [29, 500, 2_500, 10_000]);
        let usual = BeginningRelease::default().over(&ReleaseConfig::default());
        assert_eq!(usual.unwrap(), ReleaseConfig::default());
        for (refused, why) in [
            (&[0.125, 100.0][..], "0.125 is not a share"),
            (&[-1.0, 100.0], "-1 is not a share"),
            (&[f64::NAN, 100.0], "NaN is not a share"),
            (&[101.0], "101 is not a share"),
            (&[5.0, 5.0, 100.0], "not greater than the one before"),
            (&[5.0], "expected 100 %"),
            (&[], "0 steps"),
        ] {
            let error = steps(refused).unwrap_err();
            assert!(error.contains(why), "{refused:?}: {error}");
        }
    }
}
