//! Memory and tables.

use super::*;

const REFUSED: &str = "it requested more memory than allowed (limits.memory-bytes, limits.table-elements)";

#[tokio::test]
async fn a_guest_that_takes_ever_more_memory_ends() {
    let answer = misdeed("grow", CallLimits::default()).await.test_connection().await;
    assert_eq!(answer, ended(FailureKind::OutOfMemory, REFUSED));
    neighbour_works().await;
}

#[tokio::test]
async fn memory_is_refused_at_the_connections_own_limit() {
    let limits = || CallLimits { memory_bytes: 2 << 20, ..Default::default() };
    let answer = breach("g", limits()).await.test_connection().await;
    assert_eq!(answer, ended(FailureKind::OutOfMemory, REFUSED));
    // A refusal does not end the call: a guest may continue with the memory it has.
    let answer = breach("h", limits()).await.test_connection().await;
    let made_do = Check { name: "breaks".into(), outcome: CheckOutcome::Passed, detail: "breaks".into() };
    assert_eq!(answer, Ok(Ok(vec![made_do])));
    neighbour_works().await;
}

#[tokio::test]
async fn a_guest_that_takes_ever_more_table_room_ends() {
    let answer = breach("t", CallLimits::default()).await.test_connection().await;
    assert_eq!(answer, ended(FailureKind::OutOfMemory, REFUSED));
    neighbour_works().await;
}
