use proptest::prelude::*;

use super::*;

/// As the default of the rules.
const TIMES: u32 = 10_000;

fn tally(failed: u64, of: u64) -> Tally {
    Tally { failed, of }
}

#[test]
fn counts_without_a_failure_bound_the_rate_by_their_number() {
    let bound = |of| greatest_plausible(tally(0, of), TIMES);
    assert_eq!(bound(0), Rate::ONE);
    // The exact bound at one in 10,000 is 9.2 / n; trying several rates costs 1.8 / n more.
    assert!((Rate::permille(10)..Rate::permille(12)).contains(&bound(1_000)), "{}", bound(1_000));
    assert!(
        (Rate::permille(1)..Rate::try_from(1_200).unwrap()).contains(&bound(10_000)),
        "{}",
        bound(10_000)
    );
}

#[test]
fn many_counts_bound_the_rate_to_within_a_tenth_of_it() {
    for (failed, of) in [(10_000, 1_000_000), (50_000, 100_000), (99_000, 100_000)] {
        let (rate, bound) = (tally(failed, of).rate().unwrap(), greatest_plausible(tally(failed, of), TIMES));
        assert!(bound > rate && bound.probability() < rate.probability() * 1.1, "{rate} {bound}");
    }
}

#[test]
fn two_percent_are_above_one_per_thousand_after_some_hundred_calls_and_a_few_failures_are_not() {
    let allowed = Rate::permille(1);
    assert!(is_above(tally(10, 500), allowed, TIMES));
    assert!(!is_above(tally(3, 500), allowed, TIMES));
    assert!(is_above(tally(5, 5), allowed, TIMES));
    assert!(!is_above(tally(0, 1_000_000), allowed, TIMES));
}

#[test]
fn nothing_is_above_always_and_a_failure_is_above_never() {
    assert!(!is_above(tally(100, 100), Rate::ONE, TIMES));
    assert!(is_above(tally(100, 100), Rate::ZERO, TIMES));
}

/// Looks after every call. By Ville's inequality, at most one of `TIMES` runs ever finds the rate above itself; a weaker
/// level makes that measurable: of 500 runs at one in 20, at most 25 are expected.
#[test]
fn however_often_it_is_looked_at_few_runs_find_a_rate_above_itself_or_refute_it() {
    let (mut random, runs, times) = (fastrand::Rng::with_seed(1), 500, 20);
    for permille in [2, 50, 500] {
        let rate = Rate::permille(permille);
        let (mut above, mut refuted) = (0, 0);
        for _ in 0..runs {
            let (mut counts, mut was_above, mut was_refuted) = (Tally::default(), false, false);
            for _ in 0..2_000 {
                counts.of += 1;
                counts.failed += u64::from(random.u32(0..1_000) < permille);
                was_above |= is_above(counts, rate, times);
                was_refuted |= speaks(counts, rate, &BELOW) >= f64::from(times).ln();
            }
            above += u32::from(was_above);
            refuted += u32::from(was_refuted);
        }
        assert!(above <= runs / times && refuted <= runs / times, "{rate}: {above} {refuted} of {runs}");
    }
}

proptest! {
    #![proptest_config(test_support::cases(256))]

    #[test]
    fn no_counts_make_it_panic_and_the_bound_is_never_below_what_was_counted(
        of in 0..1_u64 << 40, share in 0.0..=1.0_f64, times in 2..u32::MAX
    ) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and `of`")]
        let failed = ((float(of) * share) as u64).min(of);
        let bound = greatest_plausible(tally(failed, of), times);
        prop_assert!(!tally(failed, of).is_above(bound));
    }

    #[test]
    fn more_failures_speak_for_no_smaller_rate(failed in 0..1_000_u64, more in 0..1_000_u64) {
        let bound = |failed| greatest_plausible(tally(failed, 2_000), TIMES);
        prop_assert!(bound(failed) <= bound(failed + more));
    }
}
