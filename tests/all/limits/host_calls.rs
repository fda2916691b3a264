//! Data that a guest passes to the host, for each import and each shape of argument. Every call here is refused.

use super::*;

const SPENT: &str = "its CPU time is used up (limits.cpu-ms)";

const SHAPES: [&str; 7] =
    ["hand-text", "hand-letters", "hand-pairs", "hand-query", "hand-body", "hand-presented", "hand-message"];

/// If lifting cost one tick regardless of its duration, the wall clock would end these calls.
#[tokio::test]
async fn what_lifting_takes_is_the_guests_computing_time() {
    for shape in SHAPES {
        let limits = CallLimits {
            cpu_ms: 200,
            wall_ms: 3_000,
            handed_bytes: usize::MAX,
            host_calls: u32::MAX,
            ..Default::default()
        };
        let answer = misdeed(shape, limits).await.test_connection().await;
        assert_eq!(answer, ended(FailureKind::CpuSpent, SPENT), "{shape}");
    }
    neighbour_works().await;
}

#[tokio::test]
async fn the_bytes_of_all_host_calls_together_are_bounded() {
    let detail =
        "it passed too much data: more than 12582912 bytes in all its host calls (limits.handed-bytes)";
    for shape in SHAPES {
        let limits = CallLimits { handed_bytes: 12 << 20, cpu_ms: 60_000, ..Default::default() };
        let answer = misdeed(shape, limits).await.test_connection().await;
        assert_eq!(answer, ended(FailureKind::TooMuchData, detail), "{shape}");
    }
    neighbour_works().await;
}

#[tokio::test]
async fn refused_host_calls_are_counted_and_end_the_call() {
    let detail = "it passed too much data: more than 10000 host calls (limits.host-calls)";
    for import in ["ask-http", "ask-log", "ask-token", "ask-hmac"] {
        let limits = CallLimits { cpu_ms: 60_000, ..Default::default() };
        let answer = misdeed(import, limits).await.test_connection().await;
        assert_eq!(answer, ended(FailureKind::TooMuchData, detail), "{import}");
    }
    neighbour_works().await;
}
