//! What is compared of two versions, and the sentences about it.

use std::fmt;

use serde::{Deserialize, Serialize};
use strum::VariantArray;

use super::{
    call_kind::CallKind,
    counts::{CallCounts, VersionCounts},
    evidence,
    latency::bound_of,
    rate::{Grouped, Rate, Tally},
    rules::{Slower, VerdictRules},
};

/// What is compared of two versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, VariantArray)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Calls that the sandbox ended for a fault of the connector.
    Traps,
    /// Calls whose deadline passed.
    Deadlines,
    /// Outcomes that the requests contradict.
    Contradicted,
    /// `other` errors.
    OtherErrors,
    /// Requests that ended without being carried out.
    GivenUp,
    /// Accepted erasures that were not proven in time.
    Unproven,
    /// Deliveries that could not be read.
    Unreadable,
    /// Deliveries that were refused at the door. Anyone can send them, so that an excess of them alone is never bad.
    Unauthenticated,
    /// Calls that took much longer than before.
    Slow,
}

/// How much more often than before deliveries may be refused at the door: others than the vendor may begin to send some, and
/// stop.
const UNAUTHENTICATED: Rate = Rate::permille(50);

impl Measure {
    /// Returns whether only the version can be the cause. Otherwise the vendor may be, too.
    pub fn is_the_versions_own(self) -> bool {
        match self {
            Self::Traps | Self::Contradicted | Self::Unreadable => true,
            Self::Deadlines
            | Self::OtherErrors
            | Self::GivenUp
            | Self::Unproven
            | Self::Unauthenticated
            | Self::Slow => false,
        }
    }

    fn margin(self, rules: &VerdictRules) -> Rate {
        match self {
            Self::Traps => rules.margins.traps,
            Self::Deadlines => rules.margins.deadlines,
            Self::Contradicted => rules.margins.contradicted,
            Self::OtherErrors => rules.margins.other_errors,
            Self::GivenUp => rules.margins.given_up,
            Self::Unproven => rules.margins.unproven,
            Self::Unreadable => rules.margins.unreadable,
            Self::Unauthenticated => UNAUTHENTICATED,
            Self::Slow => rules.slower.margin,
        }
    }

    /// Returns how many of what `counts` has failed. `slow_above_ms` is the time above which a call is slow.
    fn tally(self, counts: &CallCounts, slow_above_ms: u64) -> Tally {
        let (failed, of) = match self {
            Self::Traps => (counts.trapped, counts.calls),
            Self::Deadlines => (counts.deadlines, counts.calls),
            Self::Contradicted => (counts.contradicted, counts.calls),
            Self::OtherErrors => (counts.other_errors, counts.calls),
            Self::GivenUp => (counts.given_up, counts.calls),
            Self::Unproven => (counts.proofs_due.saturating_sub(counts.proven), counts.proofs_due),
            Self::Unreadable => (counts.unreadable, counts.calls),
            Self::Unauthenticated => {
                (counts.unauthenticated, counts.calls.saturating_add(counts.unauthenticated))
            }
            Self::Slow => (counts.latency.slower_than(slow_above_ms), counts.latency.calls()),
        };
        Tally { failed, of }
    }

    /// Returns the rate that is allowed beside a version before with these counts.
    fn allowed(self, before: Tally, rules: &VerdictRules) -> Rate {
        if self == Self::Contradicted && before.failed == 0 {
            return Rate::ZERO;
        }
        let plausible = evidence::greatest_plausible(before, rules.times_likelier);
        // Few calls of the version before excuse anything that the vendor may have caused, but not the version's own faults, unless
        // it has them itself.
        let is_known = before.rate().is_some_and(|rate| rate > rules.unknown);
        let excused =
            if self.is_the_versions_own() && !is_known { plausible.min(rules.unknown) } else { plausible };
        excused.plus(self.margin(rules))
    }
}

/// Returns the time above which a call is slow, one of the bounds of latencies.
fn slow_above(before: &CallCounts, slower: &Slower) -> Option<u64> {
    let p95 = before.latency.p95_ms()?;
    let times_factor = p95.saturating_mul(slower.factor_percent) / 100;
    bound_of(times_factor.max(p95.saturating_add(slower.minimum_ms)))
}

/// More of something than is allowed, with the numbers that show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Excess {
    /// The kind of call.
    pub kind: CallKind,
    /// What there is more of.
    pub measure: Measure,
    /// The counts of the released version.
    pub new: Tally,
    /// The counts of the version before.
    pub before: Tally,
    /// The rate that is allowed to the released version.
    pub allowed: Rate,
    /// For [`Measure::Slow`], the time in milliseconds above which a call is slow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_above_ms: Option<u64>,
}

impl Excess {
    /// Returns the excess of `measure` in the counts of calls of one kind; `None` if it is allowed, or if there is nothing
    /// to compare.
    pub(super) fn found(
        measure: Measure,
        kind: CallKind,
        new: &VersionCounts,
        before: &VersionCounts,
        rules: &VerdictRules,
    ) -> Option<Self> {
        let (new, before) = (new.of(kind), before.of(kind));
        let slow_above_ms =
            if measure == Measure::Slow { Some(slow_above(&before, &rules.slower)?) } else { None };
        let tally = |counts| measure.tally(counts, slow_above_ms.unwrap_or_default());
        let (new, before) = (tally(&new), tally(&before));
        let allowed = measure.allowed(before, rules);
        new.is_above(allowed).then_some(Self { kind, measure, new, before, allowed, slow_above_ms })
    }

    /// Returns whether the calls in `before` failed as often, within the margin.
    pub(super) fn is_excused_by(&self, before: &VersionCounts, rules: &VerdictRules) -> bool {
        let slow_above_ms = self.slow_above_ms.unwrap_or_default();
        let before = self.measure.tally(&before.of(self.kind), slow_above_ms).rate();
        before.is_some_and(|rate| !self.new.is_above(rate.plus(self.measure.margin(rules))))
    }

    /// Returns whether it is certain enough that it is no chance.
    pub(super) fn is_certain(&self, rules: &VerdictRules) -> bool {
        if self.measure == Measure::Contradicted && self.before.failed == 0 {
            return self.new.failed >= rules.contradicted;
        }
        self.new.failed >= rules.failures && evidence::is_above(self.new, self.allowed, rules.times_likelier)
    }
}

/// Such as `traps in erasure calls: 41 of 2,000 (2.05 %), before 0 of 38,000; allowed 0.13 %`.
impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind;
        match self.measure {
            Measure::Traps => write!(f, "traps in {kind} calls"),
            Measure::Deadlines => write!(f, "passed deadlines in {kind} calls"),
            Measure::Contradicted => write!(f, "contradicted outcomes of {kind} calls"),
            Measure::OtherErrors => write!(f, "other errors of {kind} calls"),
            Measure::GivenUp => write!(f, "requests given up after {kind} calls"),
            Measure::Unproven => write!(f, "accepted erasures without a proof in time"),
            Measure::Unreadable => write!(f, "unreadable deliveries"),
            Measure::Unauthenticated => write!(f, "deliveries refused as not the vendor's"),
            Measure::Slow => {
                write!(f, "{kind} calls longer than {} ms", Grouped(self.slow_above_ms.unwrap_or_default()))
            }
        }?;
        write!(f, ": {} of {}", Grouped(self.new.failed), Grouped(self.new.of))?;
        if let Some(rate) = self.new.rate() {
            write!(f, " ({rate})")?;
        }
        if self.before.of == 0 {
            f.write_str(", none to compare with before")?;
        } else {
            write!(f, ", before {} of {}", Grouped(self.before.failed), Grouped(self.before.of))?;
        }
        write!(f, "; allowed {}", self.allowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_excess_is_a_sentence_with_its_numbers() {
        let of = |measure, kind| Excess {
            kind,
            measure,
            new: Tally { failed: 41, of: 2_000 },
            before: Tally { failed: 0, of: 38_000 },
            allowed: Rate::permille(5),
            slow_above_ms: (measure == Measure::Slow).then_some(1_536),
        };
        let numbers = "41 of 2,000 (2.05 %), before 0 of 38,000; allowed 0.5 %";
        for (measure, kind, expected) in [
            (Measure::Traps, CallKind::Erasure, "traps in erasure calls"),
            (Measure::Deadlines, CallKind::Consent, "passed deadlines in consent calls"),
            (Measure::Contradicted, CallKind::Confirm, "contradicted outcomes of confirm calls"),
            (Measure::OtherErrors, CallKind::ListItems, "other errors of list-items calls"),
            (Measure::GivenUp, CallKind::Consent, "requests given up after consent calls"),
            (Measure::Unproven, CallKind::Erasure, "accepted erasures without a proof in time"),
            (Measure::Unreadable, CallKind::WebhookVerify, "unreadable deliveries"),
            (Measure::Unauthenticated, CallKind::WebhookVerify, "deliveries refused as not the vendor's"),
            (Measure::Slow, CallKind::Reading, "reading calls longer than 1,536 ms"),
        ] {
            assert_eq!(of(measure, kind).to_string(), format!("{expected}: {numbers}"));
        }
        let first = Excess { before: Tally::default(), ..of(Measure::Traps, CallKind::Erasure) };
        let expected =
            "traps in erasure calls: 41 of 2,000 (2.05 %), none to compare with before; allowed 0.5 %";
        assert_eq!(first.to_string(), expected);
    }

    #[test]
    fn a_call_is_slow_if_it_takes_twice_as_long_as_95_of_100_did_and_noticeably_longer() {
        let slow_above = |ms, slower| {
            let mut before = CallCounts::default();
            before.latency.record(std::time::Duration::from_millis(ms));
            slow_above(&before, &slower)
        };
        assert_eq!(slow_above(500, Slower::default()), Some(1_024));
        assert_eq!(slow_above(2, Slower::default()), Some(128));
        assert_eq!(slow_above(500, Slower { factor_percent: 100, ..Slower::default() }), Some(768));
        assert_eq!(slow_above(200_000, Slower::default()), None);
    }
}
