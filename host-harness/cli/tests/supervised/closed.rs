//! Clients that call while the service starts or stops.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
};

use test_support::eventually;

use super::{
    operator::Operator,
    program::{Program, ask, block_at, configure, reached, serve_with},
};

/// An address that is free now.
pub(super) fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// Waits until `GET /health` at `address` is answered with this status. Returns the answer.
pub(super) async fn answered(address: &str, status: &str) -> String {
    let look = async || {
        let Ok(stream) = TcpStream::connect(address) else { return "refused".to_owned() };
        drop(stream);
        ask(address, "GET /health HTTP/1.1", "")
    };
    eventually(status, look, |answer| answer.starts_with(status)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_calls_during_a_start_is_told_when_to_try_again() {
    let operator = Operator::new().await;
    let (api, webhooks) = (free_address(), free_address());
    configure(&operator, &format!("listen = '{api}'\nwebhook-listen = '{webhooks}'"));
    let file = operator.config().with_file_name("iterable.wasm");
    let plugin = fs::read(&file).unwrap();
    block_at(&file);
    let mut program = Program::start(&mut serve_with(&[], &operator));
    let mut pipe = reached(&file).await;
    for address in [&api, &webhooks] {
        let answer = answered(address, "503").await.to_lowercase();
        for part in
            ["retry-after: 20", "connection: close", "content-type: application/problem+json", "is starting"]
        {
            assert!(answer.contains(part), "{part}: {answer}");
        }
    }
    assert!(!program.is_serving());
    pipe.write_all(&plugin).unwrap();
    drop(pipe);
    assert_eq!(program.serves().await, (api.clone(), Some(webhooks)));
    assert!(ask(&api, "GET /health HTTP/1.1", "").starts_with("200"));
    program.signal("-TERM");
    assert_eq!(program.ends().await.0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_calls_during_a_stop_is_told_when_to_try_again_and_answers_in_progress_are_completed() {
    let operator = Operator::new().await;
    let api = free_address();
    configure(&operator, &format!("listen = '{api}'"));
    let mut program = Program::start(&mut serve_with(&[], &operator));
    program.serves().await;
    // A delivery whose body has not arrived yet.
    let mut slow = TcpStream::connect(&api).unwrap();
    let head = "POST /api/v1/plus/connection/newsletter/consent-webhook HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
                content-type: application/json\r\ncontent-length: 2\r\n\r\n{";
    slow.write_all(head.as_bytes()).unwrap();
    // Its head has been read once a later connection was answered.
    assert!(ask(&api, "GET /health HTTP/1.1", "").starts_with("200"));
    program.signal("-TERM");
    let answer = answered(&api, "503").await.to_lowercase();
    assert!(answer.contains("retry-after: 20") && answer.contains("is stopping"), "{answer}");
    slow.write_all(b"}").unwrap();
    let mut completed = String::new();
    slow.read_to_string(&mut completed).unwrap();
    assert!(completed.starts_with("HTTP/1.1 401 "), "{completed}");
    assert_eq!(program.ends().await.0, Some(0));
    assert!(TcpStream::connect(&api).is_err(), "nothing listens any more");
}
