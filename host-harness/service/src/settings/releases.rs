//! How versions are released in steps unless the call that begins a release says otherwise: `[service.releases]`.
//! Tested in `src/settings/tests/releases.rs`.

use std::num::{NonZeroU32, NonZeroU64};

use host_harness::config::{Problems, Section};
use host_model::release::{
    rate::Rate,
    rules::{Margins, RulesError, Slower, VerdictRules},
    share::Share,
    steps::ReleaseSteps,
    times::StepTimes,
};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, Unexpected},
};

use super::wrong::WrongSetting;

/// The steps of a release, how long they last, and the rules of its verdict. A release stores those that it begins with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReleaseConfig {
    /// The steps.
    pub steps: ReleaseSteps,
    /// How long a step lasts.
    pub times: StepTimes,
    /// The rules of the verdict.
    pub rules: VerdictRules,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ReleasesSection {
    steps: Option<Vec<SharePercent>>,
    step_minutes: Option<u32>,
    pause_after_minutes: Option<NonZeroU32>,
    calls: Option<NonZeroU64>,
    calls_of_kind: Option<NonZeroU64>,
    proofs: Option<NonZeroU64>,
    proof_minutes: Option<u32>,
    failures: Option<NonZeroU64>,
    contradicted: Option<NonZeroU64>,
    times_likelier: Option<u32>,
    unknown: Option<RatePercent>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct MarginsSection {
    traps: Option<RatePercent>,
    deadlines: Option<RatePercent>,
    contradicted: Option<RatePercent>,
    other_errors: Option<RatePercent>,
    given_up: Option<RatePercent>,
    unproven: Option<RatePercent>,
    unreadable: Option<RatePercent>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct SlowerSection {
    factor_percent: Option<u64>,
    minimum_ms: Option<u64>,
    margin: Option<RatePercent>,
}

/// A rate in percent.
#[derive(Clone, Copy)]
struct RatePercent(Rate);

impl<'de> Deserialize<'de> for RatePercent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        percentage(deserializer, Rate::of_percent, "four").map(Self)
    }
}

/// A share in percent.
#[derive(Clone, Copy)]
struct SharePercent(Share);

impl<'de> Deserialize<'de> for SharePercent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        percentage(deserializer, |percent| Share::of_percent(percent).ok(), "two").map(Self)
    }
}

/// Reads a percentage with at most so many `decimals`, which `convert` accepts.
fn percentage<'de, T, D: Deserializer<'de>>(
    deserializer: D,
    convert: impl Fn(f64) -> Option<T>,
    decimals: &str,
) -> Result<T, D::Error> {
    let percent = f64::deserialize(deserializer)?;
    let expected = format!("a percentage from 0 to 100 with at most {decimals} decimals");
    convert(percent).ok_or_else(|| D::Error::invalid_value(Unexpected::Float(percent), &expected.as_str()))
}

/// Reads the section `releases` of the service, with defaults for what it does not set.
pub(super) fn releases(section: Option<Section<'_>>, problems: &mut Problems<'_>) -> Option<ReleaseConfig> {
    let Some(mut section) = section else { return Some(ReleaseConfig::default()) };
    let margins = margins(section.part("margins", problems), problems);
    let slower = slower(section.part("slower", problems), problems);
    let (place, at) = (section.place.clone(), section.at("steps"));
    let (times_at, rules_at) = (section.at("step-minutes"), section.at("calls"));
    let written: ReleasesSection = section.read(problems)?;
    let steps = match written.steps {
        Some(shares) => shares.into_iter().map(|SharePercent(share)| share).collect::<Vec<_>>().try_into(),
        None => Ok(ReleaseSteps::default()),
    };
    let steps = steps.map_err(|wrong| {
        problems.add(at, &format!("{place}.steps"), WrongSetting::ReleaseSteps(wrong).into());
    });
    let usual = StepTimes::default();
    let times = StepTimes {
        minimum_ms: written.step_minutes.map_or(usual.minimum_ms, minutes),
        maximum_ms: written.pause_after_minutes.map_or(usual.maximum_ms, |least| minutes(least.get())),
    };
    if let Err(wrong) = times.check() {
        problems.add(times_at, &format!("{place}.step-minutes"), WrongSetting::StepTimes(wrong).into());
    }
    let usual = VerdictRules::default();
    let number = |written: Option<NonZeroU64>, usual: u64| written.map_or(usual, NonZeroU64::get);
    let rules = VerdictRules {
        calls: number(written.calls, usual.calls),
        calls_of_kind: number(written.calls_of_kind, usual.calls_of_kind),
        proofs: number(written.proofs, usual.proofs),
        proof_within_ms: written.proof_minutes.map_or(usual.proof_within_ms, minutes),
        failures: number(written.failures, usual.failures),
        contradicted: number(written.contradicted, usual.contradicted),
        times_likelier: written.times_likelier.unwrap_or(usual.times_likelier),
        unknown: rate(written.unknown, usual.unknown),
        margins: margins?,
        slower: slower?,
    };
    if let Err(wrong) = rules.check() {
        problems.add(
            rules_at,
            &format!("{place}.{}", key_of(wrong)),
            WrongSetting::VerdictRules(wrong).into(),
        );
    }
    Some(ReleaseConfig { steps: steps.ok()?, times, rules })
}

fn margins(section: Option<Section<'_>>, problems: &mut Problems<'_>) -> Option<Margins> {
    let written = section.map_or(Some(MarginsSection::default()), |section| section.read(problems))?;
    let usual = Margins::default();
    Some(Margins {
        traps: rate(written.traps, usual.traps),
        deadlines: rate(written.deadlines, usual.deadlines),
        contradicted: rate(written.contradicted, usual.contradicted),
        other_errors: rate(written.other_errors, usual.other_errors),
        given_up: rate(written.given_up, usual.given_up),
        unproven: rate(written.unproven, usual.unproven),
        unreadable: rate(written.unreadable, usual.unreadable),
    })
}

fn slower(section: Option<Section<'_>>, problems: &mut Problems<'_>) -> Option<Slower> {
    let written = section.map_or(Some(SlowerSection::default()), |section| section.read(problems))?;
    let usual = Slower::default();
    Some(Slower {
        factor_percent: written.factor_percent.unwrap_or(usual.factor_percent),
        minimum_ms: written.minimum_ms.unwrap_or(usual.minimum_ms),
        margin: rate(written.margin, usual.margin),
    })
}

fn rate(written: Option<RatePercent>, usual: Rate) -> Rate {
    written.map_or(usual, |RatePercent(rate)| rate)
}

fn minutes(minutes: u32) -> i64 {
    i64::from(minutes) * 60_000
}

/// Returns the key that a rule is set by.
fn key_of(wrong: RulesError) -> String {
    match wrong {
        // The numbers are above 0 as they are read.
        RulesError::NoMinimum(_) => "calls".to_owned(),
        RulesError::ProofTime(_) => "proof-minutes".to_owned(),
        RulesError::TooWeak(_) => "times-likelier".to_owned(),
        RulesError::FactorBelowOne(_) => "slower.factor-percent".to_owned(),
        RulesError::NoLimit("slower") => "slower.margin".to_owned(),
        RulesError::NoLimit(margin) => format!("margins.{margin}"),
    }
}
