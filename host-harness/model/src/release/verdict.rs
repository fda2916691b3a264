//! The verdict on a released version, from the counts of both versions.

use std::fmt;

use serde::{Deserialize, Serialize};
use strum::VariantArray as _;

use super::{
    call_kind::{CallKind, SplitBy},
    compared::ComparedCounts,
    counts::VersionCounts,
    measure::{Excess, Measure},
    rules::VerdictRules,
    share::Share,
};

/// What the counts say about a released version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verdict", content = "why")]
pub enum ReleaseVerdict {
    /// There were enough calls, and it does not do worse than is allowed.
    Good,
    /// It does worse than the version before.
    Bad(Vec<Excess>),
    /// Neither is shown yet.
    Inconclusive(Vec<Lack>),
}

/// What is lacking for a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Lack {
    /// Calls of the released version.
    Calls {
        /// How many there were.
        had: u64,
        /// The minimum.
        minimum: u64,
    },
    /// Calls of the version before, to compare with.
    CallsBefore {
        /// How many there were.
        had: u64,
        /// The minimum.
        minimum: u64,
    },
    /// Calls of a kind.
    CallsOfKind {
        /// The kind.
        kind: CallKind,
        /// How many there were.
        had: u64,
        /// The minimum.
        minimum: u64,
    },
    /// Erasures whose time for a proof has passed.
    Proofs {
        /// How many there were.
        had: u64,
        /// The minimum.
        minimum: u64,
    },
    /// Calls to tell an excess from chance.
    Certainty(Excess),
    /// Calls of the version before at the same time: the vendor may be the cause of an excess.
    SameTime(Excess),
}

/// A sentence without its full stop.
impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Calls { had, minimum } => write!(f, "too few calls: {had}, expected at least {minimum}"),
            Self::CallsBefore { had, minimum } => {
                write!(f, "too few calls of the version before: {had}, expected at least {minimum}")
            }
            Self::CallsOfKind { kind, had, minimum } => {
                write!(f, "too few {kind} calls: {had}, expected at least {minimum}")
            }
            Self::Proofs { had, minimum } => write!(
                f,
                "too few accepted erasures whose time for a proof has passed: {had}, expected at least {minimum}"
            ),
            Self::Certainty(excess) => write!(f, "this may still be chance: {excess}"),
            Self::SameTime(excess) => write!(
                f,
                "this may be due to the vendor, since the version before had too few such calls at the same time: {excess}"
            ),
        }
    }
}

/// What the counts of one kind of call show by one measure.
enum MeasureFinding {
    Bad(Excess),
    Lacking(Lack),
}

/// Returns the verdict on the released version at `share`, from its counts since the step began and the counts of the
/// version before since the release began. For kinds of calls that are split by connection, the counts of the version
/// before are those of the connections that are released, from before they were: other connections receive other deliveries.
///
/// For each kind of call and each [`Measure`], the rate that is allowed is the greatest that the version before may have,
/// by its counts, plus the margin. A rate above it is bad if the counts speak for it by `times_likelier` to one, and if at
/// least `failures` calls failed; otherwise it may be chance. So the verdict can be asked for at any time and any number of
/// times: each comparison finds an equal version bad with a probability of at most `2 / times_likelier` in a step.
///
/// What may be due to the vendor is compared with the calls of the version before in the same step, which calls about people
/// have at every step but the last: a vendor that fails in one step would look like a version that does, beside the calls of
/// the steps before. If there are too few of them to tell, it is inconclusive.
pub fn judge(counts: &ComparedCounts, share: Share, rules: &VerdictRules) -> ReleaseVerdict {
    let mut lacks = too_few(&counts.new, &counts.before, share, rules);
    let mut bad = Vec::new();
    for kind in counts.new.kinds() {
        let found = |measure: &Measure| {
            if measure.is_the_versions_own() {
                by_the_version(*measure, kind, counts, rules)
            } else {
                by_the_version_or_the_vendor(*measure, kind, counts, share, rules)
            }
        };
        for finding in Measure::VARIANTS.iter().filter_map(found) {
            match finding {
                MeasureFinding::Bad(excess) => bad.push(excess),
                MeasureFinding::Lacking(lack) => lacks.push(lack),
            }
        }
    }
    if !bad.is_empty() {
        ReleaseVerdict::Bad(bad)
    } else if lacks.is_empty() {
        ReleaseVerdict::Good
    } else {
        ReleaseVerdict::Inconclusive(lacks)
    }
}

fn by_the_version(
    measure: Measure,
    kind: CallKind,
    ComparedCounts { new, before, .. }: &ComparedCounts,
    rules: &VerdictRules,
) -> Option<MeasureFinding> {
    Excess::found(measure, kind, new, before, rules).map(|excess| bad_if_certain(excess, rules))
}

fn by_the_version_or_the_vendor(
    measure: Measure,
    kind: CallKind,
    ComparedCounts { new, before, same_time }: &ComparedCounts,
    share: Share,
    rules: &VerdictRules,
) -> Option<MeasureFinding> {
    let beside = |before| Excess::found(measure, kind, new, before, rules);
    let runs_on_both = runs_on_both(kind, share);
    if runs_on_both && let Some(excess) = beside(same_time) {
        return Some(bad_if_certain(excess, rules));
    }
    let excess = beside(before)?;
    if runs_on_both && excess.is_excused_by(same_time, rules) {
        return None;
    }
    let lack = if excess.is_certain(rules) { Lack::SameTime(excess) } else { Lack::Certainty(excess) };
    Some(MeasureFinding::Lacking(lack))
}

fn bad_if_certain(excess: Excess, rules: &VerdictRules) -> MeasureFinding {
    if excess.is_certain(rules) {
        MeasureFinding::Bad(excess)
    } else {
        MeasureFinding::Lacking(Lack::Certainty(excess))
    }
}

/// Returns whether both versions have calls of `kind` at `share`, at the same connections.
fn runs_on_both(kind: CallKind, share: Share) -> bool {
    kind.split_by() != SplitBy::Connection && share < Share::WHOLE
}

/// Returns whether a verdict at `share` needs calls of `kind` if the version before had them. Other kinds are rare, since
/// operators and schedules begin them, or have no connection in the share.
fn is_needed(kind: CallKind, share: Share) -> bool {
    kind.split_by() == SplitBy::Person || kind == CallKind::WebhookVerify && share == Share::WHOLE
}

fn too_few(new: &VersionCounts, before: &VersionCounts, share: Share, rules: &VerdictRules) -> Vec<Lack> {
    let mut lacks = Vec::new();
    let minimum = rules.calls;
    if new.calls() < minimum {
        lacks.push(Lack::Calls { had: new.calls(), minimum });
    }
    if before.calls() < minimum {
        lacks.push(Lack::CallsBefore { had: before.calls(), minimum });
    }
    let minimum = rules.calls_of_kind;
    for kind in CallKind::VARIANTS.iter().copied().filter(|kind| is_needed(*kind, share)) {
        let had = new.of(kind).calls;
        if had < minimum && before.of(kind).calls >= minimum {
            lacks.push(Lack::CallsOfKind { kind, had, minimum });
        }
    }
    let (minimum, due) = (rules.proofs, |counts: &VersionCounts| counts.of(CallKind::Erasure).proofs_due);
    if due(new) < minimum && due(before) >= minimum && new.of(CallKind::Erasure).accepted > 0 {
        lacks.push(Lack::Proofs { had: due(new), minimum });
    }
    lacks
}

#[cfg(test)]
mod tests;
