//! What a guest hands to the host, for each import and each shape of argument. All that it asks for here is refused.

use super::*;

const SPENT: &str = "its computing time is spent (limits.cpu-ms)";

const SHAPES: [&str; 7] =
    ["hand-text", "hand-letters", "hand-pairs", "hand-query", "hand-body", "hand-presented", "hand-message"];

/// If lifting cost a tick however long it takes, the wall clock would end these.
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
        "it handed over too much: more than 12582912 bytes in its host calls together (limits.handed-bytes)";
    for shape in SHAPES {
        let limits = CallLimits { handed_bytes: 12 << 20, cpu_ms: 60_000, ..Default::default() };
        let answer = misdeed(shape, limits).await.test_connection().await;
        assert_eq!(answer, ended(FailureKind::TooMuchData, detail), "{shape}");
    }
    neighbour_works().await;
}

#[tokio::test]
async fn refused_host_calls_are_counted_and_end_the_call() {
    let detail = "it handed over too much: more than 10000 host calls (limits.host-calls)";
    for import in ["ask-http", "ask-log", "ask-token", "ask-hmac"] {
        let limits = CallLimits { cpu_ms: 60_000, ..Default::default() };
        let answer = misdeed(import, limits).await.test_connection().await;
        assert_eq!(answer, ended(FailureKind::TooMuchData, detail), "{import}");
    }
    neighbour_works().await;
}
