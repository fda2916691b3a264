use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::json;
use strum::VariantArray as _;

use super::*;
use crate::{
    contract::{Claim, ConnectorError},
    failure::CallFailure,
};

const ENDS: [CallEnd; 8] = [
    CallEnd::Answered,
    CallEnd::Accepted,
    CallEnd::Unreadable,
    CallEnd::OtherError,
    CallEnd::GivenUp,
    CallEnd::Trapped,
    CallEnd::DeadlinePassed,
    CallEnd::Contradicted,
];

fn ended_by(kind: FailureKind, contradicted: Option<Claim>) -> Option<CallEnd> {
    let failure = CallFailure { kind, detail: String::new(), may_have_acted: false, contradicted };
    CallEnd::of_failure(&AttemptFailure::Call(failure))
}

fn reported(kind: ErrorKind) -> Option<CallEnd> {
    let (code, message) = (String::new(), String::new());
    let error = ConnectorError { kind, code, message, retry_after_ms: None, may_have_acted: false };
    CallEnd::of_failure(&AttemptFailure::Connector(error))
}

#[test]
fn a_failure_counts_as_what_the_version_has_to_do_with_it() {
    assert_eq!(ended_by(FailureKind::NoRoom, None), None);
    assert_eq!(ended_by(FailureKind::DeadlinePassed, None), Some(CallEnd::DeadlinePassed));
    assert_eq!(ended_by(FailureKind::BadAnswer, None), Some(CallEnd::Trapped));
    assert_eq!(ended_by(FailureKind::BadAnswer, Some(Claim::EraseErased)), Some(CallEnd::Contradicted));
    for own in [FailureKind::Trapped, FailureKind::CpuSpent, FailureKind::OutOfMemory] {
        assert_eq!(ended_by(own, None), Some(CallEnd::Trapped), "{own}");
    }
    assert_eq!(reported(ErrorKind::Other), Some(CallEnd::OtherError));
    for final_kind in [ErrorKind::Rejected, ErrorKind::MissingIdentity, ErrorKind::Unsupported] {
        assert_eq!(reported(final_kind), Some(CallEnd::GivenUp), "{final_kind:?}");
    }
    for vendors in [ErrorKind::Unavailable, ErrorKind::RateLimited, ErrorKind::Unauthorized] {
        assert_eq!(reported(vendors), Some(CallEnd::Answered), "{vendors:?}");
    }
}

#[test]
fn each_end_is_counted_once_and_stored_by_kind_of_call() {
    let mut counts = VersionCounts::default();
    for end in ENDS {
        counts.record(CallKind::Erasure, end, Duration::from_millis(2));
    }
    // It is no call.
    counts.record(CallKind::Erasure, CallEnd::Unauthenticated, Duration::from_millis(2));
    counts.record_proof(ProofEnd::Proven);
    counts.record_proof(ProofEnd::Missing);
    let expected = json!({"erasure": {
        "calls": 8, "trapped": 1, "deadlines": 1, "contradicted": 1, "other-errors": 1, "given-up": 1,
        "unreadable": 1, "unauthenticated": 1, "accepted": 1, "proofs-due": 2, "proven": 1, "latency": [0, 8],
    }});
    assert_eq!(json!(counts), expected);
    assert_eq!(serde_json::from_value::<VersionCounts>(expected).unwrap(), counts);
    assert_eq!((counts.calls(), counts.of(CallKind::Consent)), (8, CallCounts::default()));
}

#[test]
fn counts_of_a_program_that_counted_less_are_read() {
    let read: VersionCounts = serde_json::from_value(json!({"consent": {"calls": 3}})).unwrap();
    assert_eq!(read.of(CallKind::Consent), CallCounts { calls: 3, ..CallCounts::default() });
}

fn counted(calls: &[(CallKind, CallEnd, u64)]) -> VersionCounts {
    let mut counts = VersionCounts::default();
    for (kind, end, ms) in calls {
        counts.record(*kind, *end, Duration::from_millis(*ms));
    }
    counts
}

fn calls() -> impl Strategy<Value = Vec<(CallKind, CallEnd, u64)>> {
    vec((select(CallKind::VARIANTS), select(&ENDS[..]), 0..400_000_u64), 0..50)
}

proptest! {
    #![proptest_config(test_support::cases(256))]

    #[test]
    fn the_counts_of_replicas_add_up_to_those_of_all_calls_in_any_order(a in calls(), b in calls()) {
        let (mut ab, mut ba) = (counted(&a), counted(&b));
        ab.merge(&counted(&b));
        ba.merge(&counted(&a));
        prop_assert_eq!(&ab, &ba);
        prop_assert_eq!(&ab, &counted(&[a, b].concat()));
        let rows = ab.kinds().map(|kind| (kind, ab.of(kind))).collect::<VersionCounts>();
        prop_assert_eq!(rows, ab);
    }
}
