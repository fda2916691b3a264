use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::{
    digest::Digest,
    release::{
        call_kind::CallKind,
        compared::ComparedCounts,
        counts::{CallCounts, VersionCounts},
        measure::Measure,
        rate::{Rate, Tally},
        rules::VerdictRules,
        steps::ReleaseSteps,
        verdict::judge,
    },
};

const TIMES: StepTimes = StepTimes { minimum_ms: 10, maximum_ms: 100 };

fn in_steps() -> ReleasePlan {
    let connections = BTreeMap::from([("newsletter".to_owned(), 10_000)]);
    ReleasePlan::new(Digest([9; 32]), "iterable", &connections, ReleaseSteps::default())
}

fn share(basis_points: u16) -> Share {
    Share::try_from(basis_points).unwrap()
}

fn entered(basis_points: u16, at_ms: i64) -> InStep {
    InStep { share: share(basis_points), entered_ms: at_ms, timed_from_ms: at_ms }
}

fn excess() -> Excess {
    Excess {
        kind: CallKind::Erasure,
        measure: Measure::Traps,
        new: Tally { failed: 41, of: 2_000 },
        before: Tally { failed: 0, of: 38_000 },
        allowed: Rate::permille(2),
        slow_above_ms: None,
    }
}

fn lack() -> Lack {
    Lack::Calls { had: 7, minimum: 300 }
}

fn good() -> ReleaseEvent {
    ReleaseEvent::Judged(ReleaseVerdict::Good)
}

fn found_bad() -> ReleaseEvent {
    ReleaseEvent::Judged(ReleaseVerdict::Bad(vec![excess()]))
}

fn inconclusive() -> ReleaseEvent {
    ReleaseEvent::Judged(ReleaseVerdict::Inconclusive(vec![lack()]))
}

fn ana() -> String {
    "ana".to_owned()
}

/// The state after `event` of a release in steps.
fn after(state: &ReleaseState, event: ReleaseEvent, now_ms: i64) -> Result<ReleaseState, EventRefused> {
    state.next(event, &in_steps(), TIMES, now_ms)
}

fn paused(why: PauseCause) -> ReleaseState {
    ReleaseState::Paused { step: entered(500, 0), why }
}

#[test]
fn a_good_version_goes_through_every_step_after_its_minimum_time_and_completes() {
    let mut state = after(&ReleaseState::Proposed, ReleaseEvent::Started, 0).unwrap();
    let mut shares = Vec::new();
    for at_ms in 0..=30 {
        if shares.last() != Some(&state.share()) {
            shares.push(state.share());
        }
        state = after(&state, good(), at_ms).unwrap();
    }
    assert_eq!(shares, ReleaseSteps::default().shares());
    assert_eq!(state, ReleaseState::Completed { at_ms: 30 });
    assert_eq!(state.share(), Share::WHOLE);
    assert!(!state.raises_alarm());
}

#[test]
fn a_bad_version_is_rolled_back_at_once_and_alarms() {
    for state in [
        ReleaseState::Running(entered(500, 0)),
        paused(PauseCause::Operator { by: ana() }),
        paused(PauseCause::Inconclusive(vec![lack()])),
    ] {
        let rolled_back = after(&state, found_bad(), 0).unwrap();
        let by = RollBackCause::Verdict(vec![excess()]);
        assert_eq!(rolled_back, ReleaseState::RolledBack { from: share(500), by, at_ms: 0 });
        assert_eq!(rolled_back.share(), Share::NONE);
        assert!(rolled_back.raises_alarm());
        let expected = "rolled back from 5 % because the version is bad: \
                        traps in erasure calls: 41 of 2,000 (2.05 %), before 0 of 38,000; allowed 0.2 %";
        assert_eq!(rolled_back.to_string(), expected);
    }
}

#[test]
fn an_inconclusive_step_goes_on_until_its_maximum_time_and_then_pauses_with_what_lacks() {
    let running = ReleaseState::Running(entered(500, 0));
    assert_eq!(after(&running, inconclusive(), 99), Ok(running.clone()));
    let now_paused = after(&running, inconclusive(), 100).unwrap();
    assert_eq!(now_paused, paused(PauseCause::Inconclusive(vec![lack()])));
    assert_eq!(now_paused.share(), share(500));
    assert!(now_paused.raises_alarm());
    let expected = "paused at 5 %: there is no verdict: too few calls: 7, expected at least 300";
    assert_eq!(now_paused.to_string(), expected);
}

#[test]
fn a_paused_release_keeps_its_share_until_an_operator_decides() {
    for why in [
        PauseCause::Inconclusive(vec![lack()]),
        PauseCause::Operator { by: ana() },
        PauseCause::NotLoaded { replica: "r-1".to_owned(), why: "too large".to_owned() },
    ] {
        let state = paused(why);
        for event in [good(), inconclusive(), not_loaded()] {
            assert_eq!(after(&state, event, 1_000), Ok(state.clone()));
        }
        assert_eq!(
            after(&state, ReleaseEvent::Paused { by: ana() }, 1_000),
            Err(EventRefused::AlreadyPaused)
        );
        let resumed = after(&state, ReleaseEvent::Resumed, 1_000).unwrap();
        let step = InStep { timed_from_ms: 1_000, ..entered(500, 0) };
        assert_eq!(resumed, ReleaseState::Running(step));
        assert_eq!(after(&resumed, inconclusive(), 1_099), Ok(resumed));
        let advanced = after(&state, ReleaseEvent::Advanced { share: share(500) }, 1_000);
        assert_eq!(advanced, Ok(ReleaseState::Running(entered(2_500, 1_000))));
    }
}

#[test]
fn a_release_whose_version_before_was_replaced_is_rolled_back_with_an_alarm() {
    for state in [ReleaseState::Running(entered(500, 0)), paused(PauseCause::Operator { by: ana() })] {
        let rolled_back = after(&state, ReleaseEvent::BeforeReplaced, 1).unwrap();
        let expected = "rolled back from 5 % because another version took the place of the one before";
        assert_eq!(rolled_back.to_string(), expected);
        assert!(rolled_back.raises_alarm());
        assert_eq!(serde_json::from_value::<ReleaseState>(json!(rolled_back)).unwrap(), rolled_back);
    }
}

fn not_loaded() -> ReleaseEvent {
    ReleaseEvent::NotLoaded { replica: "r-2".to_owned(), why: "its bytes are damaged".to_owned() }
}

#[test]
fn a_replica_that_cannot_load_the_version_pauses_its_release() {
    let state = after(&ReleaseState::Running(entered(500, 0)), not_loaded(), 1).unwrap();
    let expected = "paused at 5 %: replica r-2 cannot load the version: its bytes are damaged";
    assert_eq!(state.to_string(), expected);
    assert!(state.raises_alarm());
}

#[test]
fn an_operator_pauses_advances_and_rolls_back_without_an_alarm() {
    let running = ReleaseState::Running(entered(10_000, 0));
    let by_ana = after(&running, ReleaseEvent::Paused { by: ana() }, 1).unwrap();
    assert!(by_ana.to_string() == "paused at 100 %: by ana" && !by_ana.raises_alarm());
    let advanced = after(&running, ReleaseEvent::Advanced { share: Share::WHOLE }, 1);
    assert_eq!(advanced, Ok(ReleaseState::Completed { at_ms: 1 }));
    for (state, from) in
        [(ReleaseState::Proposed, Share::NONE), (running, Share::WHOLE), (by_ana, Share::WHOLE)]
    {
        let rolled_back = after(&state, ReleaseEvent::RolledBack { by: ana() }, 5).unwrap();
        let by = RollBackCause::Operator { by: ana() };
        assert_eq!(rolled_back, ReleaseState::RolledBack { from, by, at_ms: 5 });
        assert!(!rolled_back.raises_alarm());
    }
}

#[test]
fn events_that_do_not_apply_are_refused() {
    let rolled_back =
        ReleaseState::RolledBack { from: share(500), by: RollBackCause::Operator { by: ana() }, at_ms: 0 };
    let running = ReleaseState::Running(entered(500, 0));
    for (state, event, refused) in [
        (&ReleaseState::Proposed, good(), EventRefused::NotStarted),
        (&ReleaseState::Proposed, found_bad(), EventRefused::NotStarted),
        (&ReleaseState::Proposed, not_loaded(), EventRefused::NotStarted),
        (&ReleaseState::Proposed, ReleaseEvent::Advanced { share: Share::NONE }, EventRefused::NotStarted),
        (&running, ReleaseEvent::Started, EventRefused::AlreadyStarted),
        (&running, ReleaseEvent::Resumed, EventRefused::NotPaused),
        (
            &running,
            ReleaseEvent::Advanced { share: share(2_500) },
            EventRefused::OtherStep { named: share(2_500), now: share(500) },
        ),
        (&rolled_back, good(), EventRefused::Ended),
        (&rolled_back, ReleaseEvent::Started, EventRefused::Ended),
        (&rolled_back, ReleaseEvent::RolledBack { by: ana() }, EventRefused::Ended),
        (&ReleaseState::Completed { at_ms: 0 }, found_bad(), EventRefused::Ended),
    ] {
        assert_eq!(after(state, event, 1), Err(refused), "{state}");
    }
}

#[test]
fn a_state_is_stored_and_read_back() {
    let step = json!({"share": 500, "entered-ms": 0, "timed-from-ms": 0});
    let by = RollBackCause::Operator { by: ana() };
    for (state, expected) in [
        (ReleaseState::Proposed, json!({"state": "proposed"})),
        (
            ReleaseState::Running(entered(500, 0)),
            json!({"state": "running", "share": 500, "entered-ms": 0, "timed-from-ms": 0}),
        ),
        (
            paused(PauseCause::Operator { by: ana() }),
            json!({"state": "paused", "step": step, "why": {"operator": {"by": "ana"}}}),
        ),
        (
            paused(PauseCause::NotLoaded { replica: "r-1".to_owned(), why: "w".to_owned() }),
            json!({"state": "paused", "step": step, "why": {"not-loaded": {"replica": "r-1", "why": "w"}}}),
        ),
        (
            paused(PauseCause::Inconclusive(vec![lack()])),
            json!({"state": "paused", "step": step, "why": {"inconclusive": [{"calls": {"had": 7, "minimum": 300}}]}}),
        ),
        (ReleaseState::Completed { at_ms: 4 }, json!({"state": "completed", "at-ms": 4})),
        (
            ReleaseState::RolledBack { from: share(2_500), by, at_ms: 4 },
            json!({"state": "rolled-back", "from": 2_500, "by": {"operator": {"by": "ana"}}, "at-ms": 4}),
        ),
    ] {
        assert_eq!(json!(state), expected);
        assert_eq!(serde_json::from_value::<ReleaseState>(expected).unwrap(), state);
    }
}

/// Counts of `calls`, of which one in `trapped_of` traps.
fn counted(calls: u64, trapped_of: u64) -> VersionCounts {
    let counts = CallCounts { calls, trapped: calls / trapped_of, ..CallCounts::default() };
    [(CallKind::Erasure, counts)].into_iter().collect()
}

/// 500 calls a second, looked at every second: the counts of a step, and of the version before since the release began.
fn released(trapped_of: u64, calls_a_second: u64) -> (ReleaseState, i64) {
    let (plan, times, rules) = (in_steps(), StepTimes::default(), VerdictRules::default());
    let mut state = ReleaseState::Proposed.next(ReleaseEvent::Started, &plan, times, 0).unwrap();
    let (mut of_step, mut before_in_step, mut all_before, mut second) = (0, 0, 0, 0);
    while !state.has_ended() && !matches!(state, ReleaseState::Paused { .. }) {
        second += 1;
        let moved = calls_a_second * u64::from(u16::from(state.share())) / 10_000;
        of_step += moved;
        before_in_step += calls_a_second - moved;
        all_before += calls_a_second - moved;
        let counts = ComparedCounts {
            new: counted(of_step, trapped_of),
            before: counted(all_before, u64::MAX),
            same_time: counted(before_in_step, u64::MAX),
        };
        let verdict = judge(&counts, state.share(), &rules);
        let next = state.next(ReleaseEvent::Judged(verdict), &plan, times, second * 1_000).unwrap();
        if next.share() != state.share() {
            (of_step, before_in_step) = (0, 0);
        }
        state = next;
    }
    (state, second)
}

#[test]
fn a_good_version_under_load_is_released_in_three_steps_of_the_minimum_time() {
    let (state, seconds) = released(u64::MAX, 500);
    assert_eq!((state, seconds), (ReleaseState::Completed { at_ms: 1_800_000 }, 1_800));
}

#[test]
fn a_version_with_two_percent_of_traps_under_load_is_rolled_back_from_the_first_step_within_a_minute() {
    let (state, seconds) = released(50, 500);
    assert!(matches!(&state, ReleaseState::RolledBack { from, .. } if *from == share(500)), "{state}");
    assert!(seconds <= 60, "{seconds}");
}

#[test]
fn a_version_with_too_few_calls_is_paused_in_the_first_step_after_a_day() {
    let (plan, times) = (in_steps(), StepTimes::default());
    let state = ReleaseState::Proposed.next(ReleaseEvent::Started, &plan, times, 0).unwrap();
    let (new, before) = (counted(10, u64::MAX), counted(190, u64::MAX));
    let counts = ComparedCounts { new, same_time: before.clone(), before };
    let verdict = judge(&counts, state.share(), &VerdictRules::default());
    let day = times.maximum_ms;
    let state = state.next(ReleaseEvent::Judged(verdict), &plan, times, day).unwrap();
    let expected = "paused at 5 %: there is no verdict: too few calls: 10, expected at least 300 | \
                    too few calls of the version before: 190, expected at least 300 | \
                    too few erasure calls: 10, expected at least 20";
    assert_eq!(state.to_string(), expected);
}
