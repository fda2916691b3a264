//! Computing time and stack.

use connector_tests::{Bench, plugin, spec};
use host_harness::{contract::webhook::Delivery, door::AdmittedDelivery};

use super::*;

const SPENT: &str = "its CPU time is used up (limits.cpu-ms)";

fn short() -> CallLimits {
    CallLimits { cpu_ms: 30, ..Default::default() }
}

#[tokio::test]
async fn a_spinning_guest_ends_when_its_computing_time_is_spent() {
    let answer = misdeed("spin", short()).await.test_connection().await;
    assert_eq!(answer, ended(FailureKind::CpuSpent, SPENT));
    neighbour_works().await;
}

#[tokio::test]
async fn a_guest_that_only_fills_memory_ends_when_its_computing_time_is_spent() {
    let answer = breach("f", short()).await.test_connection().await;
    assert_eq!(answer, ended(FailureKind::CpuSpent, SPENT));
    neighbour_works().await;
}

#[tokio::test]
async fn a_guest_that_spins_while_the_host_asks_it_for_room_ends_as_well() {
    let answer = breach(&"x".repeat(103), short()).await.test_connection().await;
    assert_eq!(answer, ended(FailureKind::CpuSpent, SPENT));
    neighbour_works().await;
}

/// A single thread runs both: the spinning call yields at every tick.
#[tokio::test(flavor = "current_thread")]
async fn a_spinning_call_yields_to_others() {
    let limits = CallLimits { cpu_ms: 10_000, wall_ms: 600_000, ..Default::default() };
    let spins = misdeed("spin", limits).await;
    let spinning = tokio::spawn(async move { spins.test_connection().await });
    tokio::task::yield_now().await;
    for _ in 0..20 {
        neighbour_works().await;
    }
    assert!(!spinning.is_finished());
    spinning.abort();
    assert!(spinning.await.unwrap_err().is_cancelled());
    neighbour_works().await;
}

#[tokio::test]
async fn recursion_ends_at_the_engines_stack() {
    let answer = breach("r", CallLimits::default()).await.test_connection().await;
    assert_eq!(answer, ended(FailureKind::StackExhausted, "its stack is exhausted"));
    neighbour_works().await;
}

#[tokio::test]
async fn recursion_ends_at_the_guests_own_stack() {
    let answer = misdeed("recurse", CallLimits::default()).await.test_connection().await;
    assert_eq!(answer, ended(FailureKind::Trapped, "it trapped: wasm trap: out of bounds memory access"));
    neighbour_works().await;
}

#[tokio::test]
async fn a_trap_ends_the_call() {
    let answer = misdeed("trap", CallLimits::default()).await.test_connection().await;
    assert_eq!(
        answer,
        ended(FailureKind::Trapped, "it trapped: wasm trap: wasm `unreachable` instruction executed")
    );
    neighbour_works().await;
}

#[tokio::test]
async fn a_panic_ends_the_call_without_its_words() {
    let answer = misdeed("panic", CallLimits::default()).await.test_connection().await;
    assert_eq!(
        answer,
        ended(FailureKind::Trapped, "it trapped: wasm trap: wasm `unreachable` instruction executed")
    );
    neighbour_works().await;
}

/// Whatever a call leaves in statics and on the heap is dropped with its store.
#[tokio::test]
async fn a_guest_remembers_no_call() {
    let calls = misdeed("remember", CallLimits::default()).await;
    for _ in 0..20 {
        assert_eq!(calls.test_connection().await, passed("call 1"));
    }
}

/// If only its own instructions counted, the call would run until the wall clock ends it.
#[tokio::test]
async fn what_the_host_computes_for_a_guest_is_its_computing_time() {
    let mut spec = spec("hash-flood", &[]);
    spec.secrets.insert("api-key".into(), connector_tests::secret("k-0123456789"));
    spec.limits = CallLimits { cpu_ms: 100, wall_ms: 1_000, ..Default::default() };
    let calls = Bench::default().calls(&plugin("misbehaves").await, &spec);
    let delivery = Delivery {
        method: "POST".into(),
        url: "https://platform.example.com/".into(),
        headers: Vec::new(),
        body: Vec::new(),
        received_at_ms: 0,
    };
    let admitted = AdmittedDelivery::admit(calls.connection(), calls.plugin().manifest(), delivery);
    let failure = calls.verify(&admitted).await.unwrap_err();
    assert_eq!(failure, ended(FailureKind::CpuSpent, SPENT).unwrap_err());
    neighbour_works().await;
}

#[tokio::test]
async fn many_spinning_calls_end_together() {
    let plugin = plugin("misbehaves").await;
    let bench = Bench::default();
    let calls: Vec<_> = (0..16)
        .map(|tenant| {
            let mut spec = spec(&format!("spin-{tenant}"), &[("misdeed", "spin")]);
            spec.limits = short();
            spec.tenant.0 = format!("tenant-{tenant}");
            bench.calls(&plugin, &spec)
        })
        .collect();
    for answer in futures::future::join_all(calls.iter().map(Calls::test_connection)).await {
        assert_eq!(answer, ended(FailureKind::CpuSpent, SPENT));
    }
}
