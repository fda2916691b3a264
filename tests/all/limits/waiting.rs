//! The wall clock, and what is reported about a request in flight.
//! These tests use the machine's time: the engine's ticks, which end a call, go by it.

use std::time::Duration;

use connector_tests::{Reply, Vendor};

use super::*;

async fn at(vendor: &Vendor, misdeed: &str, limits: CallLimits) -> CallResult<Vec<Check>> {
    let mut spec = spec(misdeed, &[("misdeed", misdeed)]);
    vendor.allow(&mut spec);
    spec.limits = limits;
    Bench::default().calls(&plugin("misbehaves").await, &spec).test_connection().await
}

fn uncertain(kind: FailureKind, detail: &str) -> CallResult<Vec<Check>> {
    Err(CallFailure { kind, detail: detail.into(), may_have_acted: true, contradicted: None })
}

/// The request is cut short a moment before the deadline, and the guest wastes the remaining time.
#[tokio::test]
async fn a_vendor_that_never_answers_ends_with_the_wall_clock_and_may_have_acted() {
    let vendor = Vendor::silent().await;
    let limits = CallLimits { wall_ms: 300, ..Default::default() };
    assert_eq!(
        at(&vendor, "act-and-spin", limits).await,
        uncertain(FailureKind::DeadlinePassed, "300 ms have passed (limits.wall-ms)")
    );
    assert_eq!(vendor.lines(), ["POST /act"]);
    neighbour_works().await;
}

#[tokio::test]
async fn a_call_that_ends_after_an_acting_request_may_have_acted() {
    let vendor = Vendor::agreeable().await;
    assert_eq!(
        at(&vendor, "act-and-trap", CallLimits::default()).await,
        uncertain(FailureKind::Trapped, "it trapped: wasm trap: wasm `unreachable` instruction executed")
    );
    let limits = CallLimits { cpu_ms: 30, ..Default::default() };
    assert_eq!(
        at(&vendor, "act-and-spin", limits).await,
        uncertain(FailureKind::CpuSpent, "its CPU time is used up (limits.cpu-ms)")
    );
    // Reading changes nothing.
    assert_eq!(
        at(&vendor, "look-and-trap", CallLimits::default()).await,
        ended(FailureKind::Trapped, "it trapped: wasm trap: wasm `unreachable` instruction executed")
    );
    let failure = at(&vendor, "act-and-trap", CallLimits::default()).await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        "the sandbox ended the call: it trapped: wasm trap: wasm `unreachable` instruction executed; \
         the vendor may have acted, so confirm before repeating"
    );
}

/// The vendor takes four times the computing time of the call.
#[tokio::test]
async fn waiting_for_the_vendor_is_not_computing() {
    let vendor = Vendor::start(|_| async {
        tokio::time::sleep(Duration::from_millis(40)).await;
        Reply::new(200, "{}")
    })
    .await;
    let limits = CallLimits { cpu_ms: 200, requests: 20, ..Default::default() };
    let answer = at(&vendor, "request-flood", limits).await;
    assert!(
        matches!(&answer, Ok(Ok(checks)) if checks[0].detail.starts_with("20 sent, 1980 refused")),
        "{answer:?}"
    );
}
