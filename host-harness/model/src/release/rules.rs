//! The settings of a verdict, each with its reason.

use serde::{Deserialize, Serialize};

use super::rate::Rate;
use crate::time::DAY_MS;

/// When the calls of a version are enough for a verdict, and how much worse than the version before they may be. Stored
/// with the release, so that a verdict can be understood later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct VerdictRules {
    /// The minimum number of calls of a step, of each version. Default: 300. After 300 calls without a failure, fewer
    /// than 1 % fail (95 % confidence; the rule of three).
    pub calls: u64,
    /// The minimum number of calls of each kind about people that the version before carried out at least as often, and
    /// at the last step of deliveries. Default: 20. It shows that such a call works at all: without a failure, fewer than
    /// one in seven fail.
    pub calls_of_kind: u64,
    /// The minimum number of erasures whose time for a proof has passed, if the version before had as many. Default: 20,
    /// for the same reason.
    pub proofs: u64,
    /// The time for the proof of an accepted erasure, in milliseconds. Default: an hour. Iterable is asked for a proof after
    /// 11 minutes; a vendor that takes longer than an hour to show that a person is gone needs a longer time here.
    pub proof_within_ms: i64,
    /// Fewer failures than these are never bad, however few calls there were. Default: 5. A few failures may have one
    /// cause, such as one person's data.
    pub failures: u64,
    /// At least this many contradicted outcomes of one kind of call are bad if the version before had none. Default: 1. A connector
    /// that reports what its requests contradict is wrong, whatever the vendor does. A needless roll-back costs a repeated
    /// release; a person whose erasure was only claimed cannot be asked again.
    pub contradicted: u64,
    /// How many times likelier a worse version than an equal one must be. Default: 10,000. An equal version is then found
    /// bad for one measure of one kind of call with a probability of at most 2 in 10,000, however often it is looked at:
    /// 1 for each version's counts.
    pub times_likelier: u32,
    /// What a version of which nothing is known is assumed to fail at most by itself. Default: 5 %. It bounds what a few
    /// calls of the version before excuse.
    pub unknown: Rate,
    /// How much more often than before something may happen.
    pub margins: Margins,
    /// How much slower calls may be.
    pub slower: Slower,
}

impl Default for VerdictRules {
    fn default() -> Self {
        Self {
            calls: 300,
            calls_of_kind: 20,
            proofs: 20,
            proof_within_ms: 60 * 60 * 1_000,
            failures: 5,
            contradicted: 1,
            times_likelier: 10_000,
            unknown: Rate::permille(50),
            margins: Margins::default(),
            slower: Slower::default(),
        }
    }
}

/// How much more often than before something may happen, as a difference of rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Margins {
    /// Default: 0.1 %. A trap is a fault of the connector, which no vendor and no load excuses.
    pub traps: Rate,
    /// Default: 0.5 %. The vendor has a part in it.
    pub deadlines: Rate,
    /// If the version before had such outcomes too. Default: 0.1 %, since the requests of these people wait.
    pub contradicted: Rate,
    /// Default: 1 %. The vendor has a part in it, and the requests are repeated.
    pub other_errors: Rate,
    /// Default: 2 %. Some people lack what the vendor asks for, and few calls may by chance be about them.
    pub given_up: Rate,
    /// Default: 2 %. Vendors take different times to show that a person is gone, and the erasures are looked after.
    pub unproven: Rate,
    /// Default: 0.5 %. Unreadable deliveries are kept and read again, but opt-outs in them are late.
    pub unreadable: Rate,
}

impl Default for Margins {
    fn default() -> Self {
        Self {
            traps: Rate::permille(1),
            deadlines: Rate::permille(5),
            contradicted: Rate::permille(1),
            other_errors: Rate::permille(10),
            given_up: Rate::permille(20),
            unproven: Rate::permille(20),
            unreadable: Rate::permille(5),
        }
    }
}

/// When a call is slow: if it takes longer than the time in which 95 % of the calls of the version before ended, times the
/// factor, and longer by the minimum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Slower {
    /// The factor, in percent. Default: 200. A vendor's times often vary by half within a day.
    pub factor_percent: u64,
    /// The minimum, in milliseconds. Default: 100. Below it, a caller who waits for a request does not notice.
    pub minimum_ms: u64,
    /// How many more calls than before may be slow. Default: 5 %, as many as were slower than the time that it starts from.
    pub margin: Rate,
}

impl Default for Slower {
    fn default() -> Self {
        Self { factor_percent: 200, minimum_ms: 100, margin: Rate::permille(50) }
    }
}

/// The rules cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// No call would be enough.
    #[error("the minimum number of {0} is 0, expected at least 1")]
    NoMinimum(&'static str),
    /// Proofs would never be due, or at once.
    #[error("the time for a proof is {0} ms, expected 0 to {MAX_PROOF_WITHIN_MS}, which are 30 days")]
    ProofTime(i64),
    /// Equal versions would often be found bad.
    #[error(
        "a version is to be {0} times likelier a worse one, expected at least {MIN_TIMES_LIKELIER} times"
    )]
    TooWeak(u32),
    /// An equally fast version would be slow.
    #[error("a call is to be slow at {0} % of the time of the version before, expected at least 100 %")]
    FactorBelowOne(u64),
    /// No version would be bad.
    #[error("the margin of {0} is 100 %, with which no version is bad: expected less")]
    NoLimit(&'static str),
}

/// The minimum of `times-likelier`. A verdict has some forty comparisons: with less, an equal version would be found bad in
/// one of a dozen releases.
pub const MIN_TIMES_LIKELIER: u32 = 1_000;

/// The maximum of [`VerdictRules::proof_within_ms`]: an erasure has to be carried out within a month.
pub const MAX_PROOF_WITHIN_MS: i64 = 30 * DAY_MS;

impl VerdictRules {
    /// Checks that the rules can be used.
    pub fn check(&self) -> Result<(), RulesError> {
        let minima = [
            ("calls", self.calls),
            ("calls of a kind", self.calls_of_kind),
            ("proofs", self.proofs),
            ("failures", self.failures),
            ("contradicted outcomes", self.contradicted),
        ];
        if let Some((name, _)) = minima.into_iter().find(|(_, minimum)| *minimum == 0) {
            return Err(RulesError::NoMinimum(name));
        }
        if !(0..=MAX_PROOF_WITHIN_MS).contains(&self.proof_within_ms) {
            return Err(RulesError::ProofTime(self.proof_within_ms));
        }
        if self.times_likelier < MIN_TIMES_LIKELIER {
            return Err(RulesError::TooWeak(self.times_likelier));
        }
        if self.slower.factor_percent < 100 {
            return Err(RulesError::FactorBelowOne(self.slower.factor_percent));
        }
        let mut margins = self.margins.named().into_iter().chain([("slower", self.slower.margin)]);
        match margins.find(|(_, margin)| *margin == Rate::ONE) {
            Some((name, _)) => Err(RulesError::NoLimit(name)),
            None => Ok(()),
        }
    }
}

impl Margins {
    /// Returns each margin with its name.
    pub fn named(&self) -> [(&'static str, Rate); 7] {
        let Self { traps, deadlines, contradicted, other_errors, given_up, unproven, unreadable } = *self;
        [
            ("traps", traps),
            ("deadlines", deadlines),
            ("contradicted", contradicted),
            ("other-errors", other_errors),
            ("given-up", given_up),
            ("unproven", unproven),
            ("unreadable", unreadable),
        ]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_that_are_left_out_have_their_defaults_and_unknown_ones_are_refused() {
        let rules: VerdictRules =
            serde_json::from_value(json!({"calls": 50, "margins": {"traps": 1_000}})).unwrap();
        let margins = Margins { traps: Rate::permille(1), ..Margins::default() };
        assert_eq!(rules, VerdictRules { calls: 50, margins, ..VerdictRules::default() });
        assert!(serde_json::from_value::<VerdictRules>(json!({"call": 50})).is_err());
        assert!(serde_json::from_value::<VerdictRules>(json!({"unknown": 1_000_001})).is_err());
    }

    #[test]
    fn rules_that_find_nothing_or_everything_bad_are_refused() {
        let default = VerdictRules::default;
        assert_eq!(default().check(), Ok(()));
        let without = |rules: VerdictRules| rules.check().unwrap_err();
        assert_eq!(without(VerdictRules { calls: 0, ..default() }), RulesError::NoMinimum("calls"));
        assert_eq!(without(VerdictRules { failures: 0, ..default() }), RulesError::NoMinimum("failures"));
        assert_eq!(without(VerdictRules { times_likelier: 999, ..default() }), RulesError::TooWeak(999));
        for proof_within_ms in [-1, MAX_PROOF_WITHIN_MS + 1] {
            let rules = VerdictRules { proof_within_ms, ..default() };
            assert_eq!(without(rules), RulesError::ProofTime(proof_within_ms));
        }
        let slower = Slower { factor_percent: 99, ..Slower::default() };
        assert_eq!(without(VerdictRules { slower, ..default() }), RulesError::FactorBelowOne(99));
        let margins = Margins { given_up: Rate::ONE, ..Margins::default() };
        assert_eq!(without(VerdictRules { margins, ..default() }), RulesError::NoLimit("given-up"));
        let slower = Slower { margin: Rate::ONE, ..Slower::default() };
        assert_eq!(without(VerdictRules { slower, ..default() }), RulesError::NoLimit("slower"));
    }
}
