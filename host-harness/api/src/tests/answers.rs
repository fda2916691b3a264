//! Properties of every answer of a running service, and clients that send slowly.

use std::{collections::BTreeSet, time::Duration};
use test_support::Logged;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::testing::{Answer, ApiBench};

const DEADLINE: Duration = Duration::from_secs(20);

const HOOK: &str = "/api/v1/plus/connection/nobody/consent-webhook";

fn request_id(answer: &Answer) -> &str {
    id_in(&answer.headers)
}

fn id_in(head: &str) -> &str {
    let id = head.lines().find_map(|line| line.strip_prefix("x-request-id: "));
    id.unwrap_or_else(|| panic!("{head}"))
}

#[tokio::test]
async fn every_answer_has_a_fresh_request_id_that_its_log_line_has_too() {
    let logged = Logged::begin();
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    let own = format!("authorization: Bearer {key}\r\nx-request-id: ada@example.com\r\n");
    let health = bench.raw("GET", "/health", "", b"").await;
    let mut ids = BTreeSet::from([request_id(&health).to_owned()]);
    for (method, path, headers, status) in [
        ("GET", "/api/v1/connection", own.as_str(), 200),
        ("GET", "/api/v1/connection", "", 401),
        ("GET", "/nothing", "", 404),
        ("PATCH", "/health", "", 405),
        ("POST", HOOK, "", 401),
    ] {
        let answer = bench.raw(method, path, headers, b"").await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        let id = request_id(&answer);
        assert!(ids.insert(id.to_owned()), "{path}: {id} is not new");
        let line = logged.once(|line| line["request_id"] == id).await;
        assert_eq!(line["status"], status.to_string(), "{line}");
    }
    assert!(!logged.text().contains("ada@"), "a request id from the caller is not logged");
}

#[tokio::test]
async fn what_the_store_fails_at_is_logged_under_the_request_id() {
    let logged = Logged::begin();
    let bench = ApiBench::new().await;
    bench.parts.store.close().await;
    let answer = bench.raw("GET", "/ready", "", b"").await;
    assert_eq!(answer.problem(), (503, "unavailable"));
    let line = logged.once(|line| line["message"] == "the store failed").await;
    assert_eq!(line["request_id"].as_str(), Some(request_id(&answer)));
}

/// The answer to a client that sends `begun` and then a byte from time to time.
async fn after(stream: TcpStream, begun: &str) -> String {
    let (mut answered, mut sending) = stream.into_split();
    sending.write_all(begun.as_bytes()).await.unwrap();
    let dribbling = tokio::spawn(async move {
        while sending.write_all(b"y").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let mut answer = Vec::new();
    // It may end with a reset, since not all of the body was read.
    let _reset = timeout(DEADLINE, answered.read_to_end(&mut answer)).await.expect("the connection ends");
    timeout(DEADLINE, dribbling).await.unwrap().unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_of_either_address_are_given_up_after_the_time_that_the_settings_give_them() {
    let bench = ApiBench::with(
        "service.webhook-listen = '127.0.0.1:0'\nservice.header-timeout-seconds = 1\n\
         service.body-timeout-seconds = 1\n",
    )
    .await;
    let key = bench.operator().await;
    let half_a_head = "GET /health HTTP/1.1\r\nhost: ";
    let half_a_body = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
             content-length: 10000\r\n\r\n{{"
        )
    };
    let (body, delivery) = (half_a_body("/api/v1/connection"), half_a_body(HOOK));
    let (head_at_api, body_at_api, head, body) = tokio::join!(
        after(bench.client().await, half_a_head),
        after(bench.client().await, &body),
        after(bench.webhook_client().await, half_a_head),
        after(bench.webhook_client().await, &delivery),
    );
    assert_eq!([head_at_api, head], ["", ""]);
    for answer in [body_at_api, body] {
        assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("problem:too-slow"), "{answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
        id_in(&answer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_for_its_size_or_its_address_has_a_request_id_at_either_address() {
    let bench = ApiBench::with("service.webhook-listen = '127.0.0.1:0'\n").await;
    let key = bench.operator().await;
    let request = |method: &str, path: &str, length: usize| {
        format!(
            "{method} {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
             connection: close\r\ncontent-length: {length}\r\n\r\n{}",
            "y".repeat(length)
        )
    };
    for (at_api, method, path, length, status) in [
        (true, "POST", "/api/v1/connection", (1 << 20) + 1, 413),
        (true, "GET", "/nothing", 0, 404),
        (true, "PATCH", "/health", 0, 405),
        (false, "POST", HOOK, (256 << 10) + 1, 413),
        (false, "GET", "/health", 0, 404),
    ] {
        let mut stream = if at_api { bench.client().await } else { bench.webhook_client().await };
        let mut answer = String::new();
        // A server that refuses a body may not read all of it.
        let _unread = stream.write_all(request(method, path, length).as_bytes()).await;
        let _reset =
            timeout(DEADLINE, stream.read_to_string(&mut answer)).await.expect("the connection ends");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
        id_in(&answer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_whose_framing_is_broken_is_a_bad_body_and_not_one_that_is_too_large() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    let broken = format!(
        "POST /api/v1/plugins/iterable HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {key}\r\n\
         transfer-encoding: chunked\r\n\r\nno length\r\n"
    );
    let mut stream = bench.client().await;
    stream.write_all(broken.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _reset = timeout(DEADLINE, stream.read_to_string(&mut answer)).await.expect("the connection ends");
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("problem:bad-body"), "{answer}");
}
