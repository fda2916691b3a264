//! How versions are released in steps.

use host_model::release::{
    rate::Rate,
    rules::{Margins, Slower, VerdictRules},
    times::StepTimes,
};

use super::*;

fn releases(lines: &str) -> Result<ReleaseConfig, Vec<String>> {
    read(lines, None).map(|service| service.releases)
}

#[test]
fn a_release_has_the_defaults_of_its_rules_for_what_the_file_does_not_set() {
    assert_eq!(releases("").unwrap(), ReleaseConfig::default());
    assert_eq!(releases("[service.releases]").unwrap(), ReleaseConfig::default());
    let set = releases(
        "[service.releases]\nsteps = [1, 12.5, 100]\nstep-minutes = 0\npause-after-minutes = 30\ncalls = 50\n\
         calls-of-kind = 5\nproofs = 7\nproof-minutes = 90\nfailures = 8\ncontradicted = 2\ntimes-likelier = 20000\n\
         unknown = 2.5\n\
         [service.releases.margins]\ntraps = 0.2\nunreadable = 1\n\
         [service.releases.slower]\nfactor-percent = 150\nmargin = 10",
    );
    let usual = VerdictRules::default();
    let expected = ReleaseConfig {
        steps: [100, 1_250, 10_000].map(|points| points.try_into().unwrap()).to_vec().try_into().unwrap(),
        times: StepTimes { minimum_ms: 0, maximum_ms: 1_800_000 },
        rules: VerdictRules {
            calls: 50,
            calls_of_kind: 5,
            proofs: 7,
            proof_within_ms: 5_400_000,
            failures: 8,
            contradicted: 2,
            times_likelier: 20_000,
            unknown: Rate::permille(25),
            margins: Margins { traps: Rate::permille(2), unreadable: Rate::permille(10), ..usual.margins },
            slower: Slower { factor_percent: 150, margin: Rate::permille(100), ..usual.slower },
        },
    };
    assert_eq!(set.unwrap(), expected);
}

#[test]
fn a_setting_of_releases_out_of_its_bounds_is_refused_at_its_place() {
    for (lines, problem) in [
        ("steps = [5, 25]", "service.releases.steps: the last step is 25 %, expected 100 %"),
        (
            "steps = [0.001, 100]",
            "service.releases.steps[0]: expected a percentage from 0 to 100 with at most two decimals",
        ),
        ("calls = 0", "service.releases.calls: expected a whole number above 0"),
        ("failures = 0", "service.releases.failures: expected a whole number above 0"),
        (
            "step-minutes = 31\npause-after-minutes = 30",
            "service.releases.step-minutes: a step of 1860000 to 1800000 ms, expected a minimum of at least 0 that is not \
             above the maximum",
        ),
        (
            "proof-minutes = 43201",
            "service.releases.proof-minutes: the time for a proof is 2592060000 ms, expected 0 to 2592000000, which are 30 days",
        ),
        (
            "times-likelier = 999",
            "service.releases.times-likelier: a version is to be 999 times likelier a worse one, expected at least 1000 times",
        ),
        (
            "unknown = 101",
            "service.releases.unknown: expected a percentage from 0 to 100 with at most four decimals",
        ),
        (
            "margins.traps = -0.1",
            "service.releases.margins.traps: expected a percentage from 0 to 100 with at most four decimals",
        ),
        (
            "margins.given-up = 100",
            "service.releases.margins.given-up: the margin of given-up is 100 %, with which no version is bad: expected less",
        ),
        (
            "slower.factor-percent = 99",
            "service.releases.slower.factor-percent: a call is to be slow at 99 % of the time of the version before, expected \
             at least 100 %",
        ),
        (
            "slower.margin = 100",
            "service.releases.slower.margin: the margin of slower is 100 %, with which no version is bad: expected less",
        ),
        ("margins.trap = 1", "service.releases.margins: unknown key `trap`: did you mean `traps`?"),
    ] {
        assert_eq!(releases(&format!("[service.releases]\n{lines}")).unwrap_err(), [problem], "{lines}");
    }
}
