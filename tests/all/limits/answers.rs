//! Answers that break the canonical ABI, or the bounds of the contract.

use host_harness::contract::{ConnectorError, ErrorKind};

use super::*;

async fn answer(letter: &str) -> CallResult<Vec<Check>> {
    let answer = breach(letter, CallLimits::default()).await.test_connection().await;
    neighbour_works().await;
    answer
}

#[tokio::test]
async fn an_answer_that_is_no_text_is_refused() {
    assert_eq!(
        answer("u").await,
        ended(
            FailureKind::BadAnswer,
            "it broke the contract: invalid utf-8 sequence of 1 bytes from index 0"
        )
    );
}

#[tokio::test]
async fn an_answer_outside_memory_is_refused() {
    for (letter, detail) in [
        ("o", "it broke the contract: string pointer/length out of bounds of memory"),
        ("w", "it broke the contract: string pointer/length out of bounds of memory"),
        ("p", "it broke the contract: pointer out of bounds of memory"),
        ("l", "it broke the contract: list pointer/length out of bounds of memory"),
    ] {
        assert_eq!(answer(letter).await, ended(FailureKind::BadAnswer, detail), "{letter}");
    }
}

#[tokio::test]
async fn an_answer_at_an_odd_address_is_refused() {
    assert_eq!(
        answer("m").await,
        ended(FailureKind::BadAnswer, "it broke the contract: return pointer not aligned")
    );
}

#[tokio::test]
async fn an_answer_that_is_none_of_the_cases_is_refused() {
    assert_eq!(
        answer("d").await,
        ended(FailureKind::BadAnswer, "it broke the contract: invalid expected discriminant")
    );
    assert_eq!(
        answer("e").await,
        ended(FailureKind::BadAnswer, "it broke the contract: unexpected discriminant: 9")
    );
}

#[tokio::test]
async fn an_argument_that_breaks_the_contract_ends_the_call() {
    assert_eq!(
        answer("s").await,
        ended(FailureKind::BadAnswer, "it broke the contract: string pointer/length out of bounds of memory")
    );
    assert_eq!(
        answer("v").await,
        ended(FailureKind::BadAnswer, "it broke the contract: unexpected discriminant: 9")
    );
}

#[tokio::test]
async fn room_that_is_none_is_refused() {
    assert_eq!(
        answer(&"x".repeat(101)).await,
        ended(FailureKind::BadAnswer, "it broke the contract: realloc return: beyond end of memory")
    );
    assert_eq!(
        answer(&"x".repeat(102)).await,
        ended(FailureKind::Trapped, "it trapped: wasm trap: wasm `unreachable` instruction executed")
    );
    assert_eq!(
        answer(&"x".repeat(104)).await,
        ended(FailureKind::Trapped, "it trapped: wasm trap: cannot leave component instance")
    );
}

#[tokio::test]
async fn an_answer_that_repeats_one_piece_of_memory_costs_no_more_than_its_share() {
    let answer = answer("a").await;
    let Err(failure) = answer else { panic!("{answer:?}") };
    assert_eq!(failure.kind, FailureKind::TooMuchData, "{failure}");
}

#[tokio::test]
async fn an_answer_larger_than_its_share_is_refused() {
    for huge in ["huge-string", "huge-list"] {
        let answer = misdeed(huge, CallLimits::default()).await.test_connection().await;
        let Err(failure) = answer else { panic!("{huge}: {answer:?}") };
        assert_eq!(failure.kind, FailureKind::TooMuchData, "{huge}: {failure}");
        neighbour_works().await;
    }
}

#[tokio::test]
async fn prose_is_cut_and_cannot_move_a_terminals_cursor() {
    let answer = misdeed("long-prose", CallLimits::default()).await.test_connection().await.unwrap();
    // 2,000 characters: 166 lines of twelve, and eight of the next.
    let message = r"\u{1b}[31m\u{202e}long\r ".repeat(166) + r"\u{1b}[31m\u{202e}lo";
    assert_eq!(
        answer,
        Err(ConnectorError {
            kind: ErrorKind::Other,
            code: "Misdeed".into(),
            message,
            retry_after_ms: None,
            may_have_acted: false,
        })
    );
}
