use std::time::Duration;

use super::*;
use crate::release::{
    counts::{CallCounts, CallEnd},
    rate::{Rate, Tally},
    rules::Margins,
};

mod simulations;

/// A step in which both versions have calls about people.
fn five_percent() -> Share {
    Share::try_from(500).unwrap()
}

fn of(kind: CallKind, counts: CallCounts) -> VersionCounts {
    [(kind, counts)].into_iter().collect()
}

fn erasures(counts: CallCounts) -> VersionCounts {
    of(CallKind::Erasure, counts)
}

fn calls(calls: u64) -> CallCounts {
    CallCounts { calls, ..CallCounts::default() }
}

/// The counts of a first step.
fn compared(new: &VersionCounts, before: &VersionCounts) -> ComparedCounts {
    ComparedCounts { new: new.clone(), before: before.clone(), same_time: before.clone() }
}

fn verdict(new: &VersionCounts, before: &VersionCounts) -> ReleaseVerdict {
    judge(&compared(new, before), five_percent(), &VerdictRules::default())
}

/// What is bad, as sentences; panics if the verdict is another.
fn bad(verdict: ReleaseVerdict) -> Vec<String> {
    match verdict {
        ReleaseVerdict::Bad(reasons) => reasons.iter().map(ToString::to_string).collect(),
        other => panic!("expected bad: {other:?}"),
    }
}

/// What is lacking, as sentences; panics if the verdict is another.
fn lacking(verdict: ReleaseVerdict) -> Vec<String> {
    match verdict {
        ReleaseVerdict::Inconclusive(lacks) => lacks.iter().map(ToString::to_string).collect(),
        other => panic!("expected inconclusive: {other:?}"),
    }
}

#[test]
fn enough_calls_without_a_difference_are_good() {
    assert_eq!(verdict(&erasures(calls(300)), &erasures(calls(5_700))), ReleaseVerdict::Good);
    let failing = |calls| CallCounts {
        calls,
        trapped: calls / 500,
        deadlines: calls / 100,
        other_errors: calls / 20,
        given_up: calls / 10,
        ..CallCounts::default()
    };
    assert_eq!(verdict(&erasures(failing(1_000)), &erasures(failing(19_000))), ReleaseVerdict::Good);
}

#[test]
fn two_percent_of_traps_are_bad_and_the_reason_has_the_numbers() {
    let new = erasures(CallCounts { trapped: 41, ..calls(2_000) });
    let expected = "traps in erasure calls: 41 of 2,000 (2.05 %), before 0 of 38,000; allowed 0.13 %";
    assert_eq!(bad(verdict(&new, &erasures(calls(38_000)))), [expected]);
    let few = erasures(CallCounts { trapped: 10, ..calls(500) });
    assert_eq!(bad(verdict(&few, &erasures(calls(9_500)))).len(), 1);
}

#[test]
fn too_few_calls_of_either_version_are_inconclusive_and_each_lack_is_named() {
    let enough = erasures(calls(300));
    let lacks = lacking(verdict(&erasures(calls(299)), &enough));
    assert_eq!(lacks, ["too few calls: 299, expected at least 300"]);
    let lacks = lacking(verdict(&enough, &erasures(calls(299))));
    assert_eq!(lacks, ["too few calls of the version before: 299, expected at least 300"]);
    let nothing = VersionCounts::default();
    assert_eq!(lacking(verdict(&nothing, &nothing)).len(), 2);
}

#[test]
fn a_kind_of_call_about_people_that_the_version_before_had_is_needed() {
    let new = erasures(calls(300));
    let mut before = erasures(calls(300));
    before.merge(&of(CallKind::Consent, calls(19)));
    assert_eq!(verdict(&new, &before), ReleaseVerdict::Good);
    before.merge(&of(CallKind::Consent, calls(1)));
    assert_eq!(lacking(verdict(&new, &before)), ["too few consent calls: 0, expected at least 20"]);
}

#[test]
fn deliveries_are_needed_at_the_last_step_alone_and_calls_that_operators_begin_never() {
    let new = erasures(calls(300));
    let mut before = new.clone();
    before.merge(&of(CallKind::WebhookVerify, calls(20)));
    before.merge(&of(CallKind::TestConnection, calls(20)));
    before.merge(&of(CallKind::Confirm, calls(20)));
    assert_eq!(verdict(&new, &before), ReleaseVerdict::Good);
    let last = judge(&compared(&new, &before), Share::WHOLE, &VerdictRules::default());
    assert_eq!(lacking(last), ["too few webhook-verify calls: 0, expected at least 20"]);
}

#[test]
fn a_handful_of_failures_is_never_bad_and_may_be_chance_until_there_are_more_calls() {
    let before = erasures(calls(38_000));
    let four = erasures(CallCounts { trapped: 4, ..calls(10) });
    let lacks = lacking(verdict(&four, &before));
    assert_eq!(lacks[0], "too few calls: 10, expected at least 300");
    assert!(lacks[2].starts_with("this may still be chance: traps in erasure calls: 4 of 10 (40 %)"));
    let of_enough = erasures(CallCounts { trapped: 4, ..calls(1_000) });
    assert_eq!(lacking(verdict(&of_enough, &before)).len(), 1);
    assert_eq!(verdict(&erasures(CallCounts { trapped: 4, ..calls(5_000) }), &before), ReleaseVerdict::Good);
}

#[test]
fn a_version_that_fails_every_call_is_bad_after_five() {
    let new = erasures(CallCounts { trapped: 5, ..calls(5) });
    assert_eq!(bad(verdict(&new, &erasures(calls(95)))).len(), 1);
}

#[test]
fn one_contradicted_outcome_is_bad_unless_the_version_before_had_some() {
    let new = erasures(CallCounts { contradicted: 1, ..calls(2_000) });
    let expected =
        "contradicted outcomes of erasure calls: 1 of 2,000 (0.05 %), before 0 of 38,000; allowed 0 %";
    assert_eq!(bad(verdict(&new, &erasures(calls(38_000)))), [expected]);
    let lone = erasures(CallCounts { contradicted: 1, ..calls(1) });
    assert_eq!(bad(verdict(&lone, &VersionCounts::default())).len(), 1);
    let before = erasures(CallCounts { contradicted: 10, ..calls(38_000) });
    assert_eq!(verdict(&new, &before), ReleaseVerdict::Good);
    let many = erasures(CallCounts { contradicted: 40, ..calls(2_000) });
    assert_eq!(bad(verdict(&many, &before)).len(), 1);
    let patient = VerdictRules { contradicted: 2, ..VerdictRules::default() };
    let lacks = lacking(judge(&compared(&new, &erasures(calls(38_000))), five_percent(), &patient));
    assert!(lacks[0].starts_with("this may still be chance: contradicted outcomes"), "{lacks:?}");
}

#[test]
fn what_may_be_due_to_the_vendor_is_bad_only_beside_calls_at_the_same_time() {
    let before = erasures(calls(38_000));
    for counts in [
        CallCounts { deadlines: 100, ..calls(2_000) },
        CallCounts { other_errors: 100, ..calls(2_000) },
        CallCounts { given_up: 200, ..calls(2_000) },
    ] {
        let new = erasures(counts);
        assert_eq!(bad(verdict(&new, &before)).len(), 1);
        let lacks = lacking(judge(&compared(&new, &before), Share::WHOLE, &VerdictRules::default()));
        assert!(lacks[0].starts_with("this may be due to the vendor, since"), "{lacks:?}");
    }
    let trapped = erasures(CallCounts { trapped: 100, ..calls(2_000) });
    assert_eq!(bad(judge(&compared(&trapped, &before), Share::WHOLE, &VerdictRules::default())).len(), 1);
}

#[test]
fn a_vendor_that_fails_in_a_later_step_is_not_blamed_on_the_version_beside_many_calls_from_before() {
    let hour = erasures(calls(300_000));
    let in_step = |deadlines, calls_of| erasures(CallCounts { deadlines, ..calls(calls_of) });
    let judged = |new: &VersionCounts, same_time: &VersionCounts| {
        let mut before = hour.clone();
        before.merge(same_time);
        let counts = ComparedCounts { new: new.clone(), before, same_time: same_time.clone() };
        judge(&counts, Share::try_from(2_500).unwrap(), &VerdictRules::default())
    };
    assert_eq!(judged(&in_step(2_400, 2_500), &in_step(7_200, 7_500)), ReleaseVerdict::Good);
    assert_eq!(bad(judged(&in_step(2_400, 2_500), &in_step(75, 7_500))).len(), 1);
    // Fewer calls at the same time leave it open.
    for same_time in [in_step(0, 0), in_step(0, 2)] {
        let lacks = lacking(judged(&in_step(500, 2_500), &same_time));
        assert!(lacks[0].starts_with("this may be due to the vendor, since"), "{lacks:?}");
    }
    // What only a version can do is compared with all calls.
    let trapped = erasures(CallCounts { trapped: 100, ..calls(2_500) });
    assert_eq!(bad(judged(&trapped, &in_step(0, 0))).len(), 1);
}

#[test]
fn unreadable_deliveries_are_bad_and_slow_ones_are_not_since_other_connections_have_other_deliveries() {
    let before = of(CallKind::WebhookVerify, timed(calls(10_000), 2));
    let new = of(CallKind::WebhookVerify, CallCounts { unreadable: 30, ..timed(calls(1_000), 2) });
    let expected = "unreadable deliveries: 30 of 1,000 (3 %), before 0 of 10,000; allowed 0.61 %";
    assert_eq!(bad(verdict(&new, &before)), [expected]);
    let lacks = lacking(verdict(&of(CallKind::WebhookVerify, timed(calls(1_000), 500)), &before));
    assert!(lacks[0].starts_with("this may be due to the vendor, since"), "{lacks:?}");
}

#[test]
fn many_deliveries_that_are_refused_at_the_door_are_inconclusive_and_make_up_for_no_calls() {
    let deliveries =
        |unauthenticated, read| of(CallKind::WebhookVerify, CallCounts { unauthenticated, ..calls(read) });
    let before = deliveries(5, 1_000);
    let lacks = lacking(verdict(&deliveries(200, 300), &before));
    let expected = "this may be due to the vendor, since the version before had too few such calls at the same time: \
                    deliveries refused as not the vendor's: 200 of 500 (40 %)";
    assert!(lacks[0].starts_with(expected), "{lacks:?}");
    assert_eq!(verdict(&deliveries(3, 300), &before), ReleaseVerdict::Good);
    assert_eq!(
        lacking(verdict(&deliveries(10_000, 0), &before))[0],
        "too few calls: 0, expected at least 300"
    );
}

fn timed(mut counts: CallCounts, ms: u64) -> CallCounts {
    for _ in 0..counts.calls {
        counts.latency.record(Duration::from_millis(ms));
    }
    counts
}

#[test]
fn calls_that_take_three_times_as_long_are_bad_and_half_as_long_again_are_good() {
    let before = erasures(timed(calls(5_700), 500));
    let expected = "erasure calls longer than 1,024 ms: 300 of 300 (100 %), before 0 of 5,700; allowed 5.2 %";
    assert_eq!(bad(verdict(&erasures(timed(calls(300), 1_500)), &before)), [expected]);
    assert_eq!(verdict(&erasures(timed(calls(300), 750)), &before), ReleaseVerdict::Good);
    let fast = erasures(timed(calls(5_700), 5));
    assert_eq!(verdict(&erasures(timed(calls(300), 90)), &fast), ReleaseVerdict::Good);
}

#[test]
fn many_fast_calls_of_another_kind_are_not_compared_with_slow_ones() {
    let mut before = of(CallKind::WebhookVerify, timed(calls(50_000), 2));
    before.merge(&erasures(timed(CallCounts { other_errors: 50, ..calls(1_000) }, 700)));
    let new = erasures(timed(CallCounts { other_errors: 16, ..calls(320) }, 700));
    assert_eq!(verdict(&new, &before), ReleaseVerdict::Good);
}

#[test]
fn erasures_that_are_accepted_and_not_proven_are_bad_once_their_time_has_passed() {
    let accepted = |proofs_due, proven| CallCounts { accepted: 300, proofs_due, proven, ..calls(300) };
    let before = erasures(accepted(300, 298));
    let lacks = lacking(verdict(&erasures(accepted(0, 0)), &before));
    let expected = "too few accepted erasures whose time for a proof has passed: 0, expected at least 20";
    assert_eq!(lacks, [expected]);
    assert_eq!(verdict(&erasures(accepted(20, 20)), &before), ReleaseVerdict::Good);
    let reasons = bad(verdict(&erasures(accepted(100, 60)), &before));
    assert!(
        reasons[0]
            .starts_with("accepted erasures without a proof in time: 40 of 100 (40 %), before 2 of 300")
    );
    assert_eq!(verdict(&erasures(calls(300)), &before), ReleaseVerdict::Good);
}

#[test]
fn a_kind_that_the_version_before_never_had_may_not_trap_but_its_vendor_is_not_blamed_on_it() {
    let before = erasures(calls(5_000));
    let with_readings = |counts| {
        let mut new = erasures(calls(300));
        new.merge(&of(CallKind::Reading, counts));
        new
    };
    let reasons = bad(verdict(&with_readings(CallCounts { trapped: 50, ..calls(50) }), &before));
    let expected = "traps in reading calls: 50 of 50 (100 %), none to compare with before; allowed 5.1 %";
    assert_eq!(reasons, [expected]);
    let failing = with_readings(CallCounts { other_errors: 50, ..calls(50) });
    assert_eq!(verdict(&failing, &before), ReleaseVerdict::Good);
}

#[test]
fn a_verdict_is_stored_with_its_reasons() {
    let excess = Excess {
        kind: CallKind::Erasure,
        measure: Measure::Traps,
        new: Tally { failed: 41, of: 2_000 },
        before: Tally { failed: 0, of: 38_000 },
        allowed: Rate::permille(2),
        slow_above_ms: None,
    };
    let numbers = serde_json::json!({
        "kind": "erasure", "measure": "traps", "new": {"failed": 41, "of": 2_000},
        "before": {"failed": 0, "of": 38_000}, "allowed": 2_000,
    });
    let lacks = vec![
        Lack::Calls { had: 1, minimum: 300 },
        Lack::CallsOfKind { kind: CallKind::Consent, had: 0, minimum: 20 },
        Lack::Certainty(excess),
    ];
    for (verdict, expected) in [
        (ReleaseVerdict::Good, serde_json::json!({"verdict": "good"})),
        (ReleaseVerdict::Bad(vec![excess]), serde_json::json!({"verdict": "bad", "why": [numbers]})),
        (
            ReleaseVerdict::Inconclusive(lacks),
            serde_json::json!({"verdict": "inconclusive", "why": [
                {"calls": {"had": 1, "minimum": 300}},
                {"calls-of-kind": {"kind": "consent", "had": 0, "minimum": 20}},
                {"certainty": numbers},
            ]}),
        ),
    ] {
        assert_eq!(serde_json::to_value(&verdict).unwrap(), expected);
        assert_eq!(serde_json::from_value::<ReleaseVerdict>(expected).unwrap(), verdict);
    }
}
