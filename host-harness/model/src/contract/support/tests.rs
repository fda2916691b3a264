use super::*;

fn sent(effect: Effect, status: u16) -> ObservedRequest {
    let status = (status > 0).then_some(status);
    ObservedRequest { operation: "op".to_owned(), target: None, effect, status, sent_at_ms: 0, took_ms: 0 }
}

fn write(status: u16) -> ObservedRequest {
    sent(Effect::Write, status)
}

fn read(status: u16) -> ObservedRequest {
    sent(Effect::Read, status)
}

/// Not answered.
const NONE: u16 = 0;

#[test]
fn each_need_is_met_by_its_row_of_the_table_and_by_nothing_less() {
    use Support::{AcceptedWrite, Answer, AnsweredWrite, CompletedWrite, ReceivedWrite};
    let all = [Answer, AnsweredWrite, ReceivedWrite, AcceptedWrite, CompletedWrite];
    for (requests, met) in [
        (vec![], &[][..]),
        (vec![read(NONE), write(NONE)], &[]),
        (vec![read(500)], &[Answer]),
        (vec![read(200), write(NONE)], &[Answer]),
        (vec![write(401)], &[Answer, AnsweredWrite]),
        (vec![write(403)], &[Answer, AnsweredWrite]),
        (vec![write(429)], &[Answer, AnsweredWrite]),
        (vec![write(400)], &[Answer, AnsweredWrite, ReceivedWrite]),
        (vec![write(500)], &[Answer, AnsweredWrite, ReceivedWrite]),
        (vec![write(404)], &[Answer, AnsweredWrite, ReceivedWrite, CompletedWrite]),
        (vec![write(410)], &[Answer, AnsweredWrite, ReceivedWrite, CompletedWrite]),
        (vec![read(200), write(409)], &[Answer, AnsweredWrite, ReceivedWrite]),
        (vec![write(409), read(200)], &[Answer, AnsweredWrite, ReceivedWrite, CompletedWrite]),
        (vec![write(409), read(NONE)], &[Answer, AnsweredWrite, ReceivedWrite]),
        (vec![write(NONE), read(200)], &[Answer]),
        (vec![write(204)], &all),
        (vec![write(399), write(500)], &all),
    ] {
        for support in all {
            assert_eq!(support.is_in(&requests), met.contains(&support), "{support:?} in {requests:?}");
        }
    }
}

#[test]
fn each_outcome_needs_its_row_of_the_table() {
    use ErasureStatus::{Accepted, Erased, NotFound};
    let receipt = |status, confirm_after_ms| Receipt { confirm_after_ms, ..Receipt::of(status) };
    for (status, wait, erase, confirm) in [
        (Accepted, Some(1), (Claim::EraseAccepted, Support::ReceivedWrite), None),
        (Accepted, None, (Claim::EraseAccepted, Support::CompletedWrite), None),
        (Erased, None, (Claim::EraseErased, Support::CompletedWrite), Some(Claim::ConfirmErased)),
        (Erased, Some(1), (Claim::EraseErased, Support::CompletedWrite), Some(Claim::ConfirmErased)),
        (NotFound, Some(1), (Claim::EraseNotFound, Support::Answer), Some(Claim::ConfirmNotFound)),
    ] {
        let receipt = receipt(status, wait);
        assert_eq!(Support::of_erase(&receipt), erase);
        assert_eq!(Support::of_confirm(&receipt), confirm.map(|claim| (claim, Support::Answer)));
    }
    for (change, needs) in [
        (Change::Applied, Some((Claim::ApplyApplied, Support::AcceptedWrite))),
        (Change::Unchanged, Some((Claim::ApplyUnchanged, Support::Answer))),
        (Change::Pending, Some((Claim::ApplyPending, Support::AnsweredWrite))),
        (Change::Refused, None),
    ] {
        assert_eq!(Support::of_change(change), needs);
    }
}
