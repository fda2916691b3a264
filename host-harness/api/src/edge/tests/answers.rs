//! Answers to late bodies, panicking handlers and unreadable requests.

use std::{panic, sync::Once};

use axum::{
    body::{Body, to_bytes},
    extract::rejection::StringRejection,
    middleware,
    routing::{get, post},
};
use host_service::refused_log::MAX_LINES_OF_SOURCE;
use serde_json::Value;

use super::*;
use crate::{
    access,
    edge::{caller_log, panics, request_id},
    problem::Problem,
    routes,
};

const BODY_TIMEOUT: Duration = Duration::from_millis(100);

/// Installs the program's panic hook, but still prints the message of a failed test.
fn note_places_in_handlers() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !panics::is_noted(panic) {
                usual(panic);
            }
        }));
    });
}

/// The layers of the API around a route that reads a body and one that panics.
async fn api() -> Served {
    let echo = async |text: Result<String, StringRejection>| Ok::<_, Problem>(text?);
    // A formatted message, like that of a failed `unwrap`.
    let panics = async || -> &'static str { panic!("no {}", std::hint::black_box("ada@example.com")) };
    // Like a handler whose extractors wait for the database before the body is read.
    let late = async |body: Body| {
        tokio::time::sleep(2 * BODY_TIMEOUT).await;
        to_bytes(body, usize::MAX).await.unwrap()
    };
    let routes =
        Router::new().route("/late", post(late)).route("/echo", post(echo)).route("/panics", get(panics));
    let access = middleware::from_fn_with_state(Telemetry::default(), access::log);
    let routes = routes::served(routes, BODY_TIMEOUT).layer(access);
    let routes = routes.layer(middleware::from_fn(request_id::assign));
    let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = door.local_addr().unwrap();
    Served::through(door, address, routes, |_| ())
}

/// Status, lower-case headers and JSON of one answer.
struct Answer {
    status: String,
    head: String,
    json: Value,
}

impl Answer {
    fn of(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text}"));
        Self {
            status: head.split(' ').nth(1).unwrap().to_owned(),
            head: head.to_lowercase(),
            json: serde_json::from_str(body).unwrap_or_default(),
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")))
    }
}

/// The answer to a request on a new connection.
async fn answer(served: &Served, request: &str) -> Answer {
    let mut stream = served.connect().await;
    stream.write_all(request.as_bytes()).await.unwrap();
    Answer::of(&rest(&mut stream).await)
}

#[tokio::test]
async fn a_body_that_dribbles_is_answered_408_and_its_connection_ends() {
    let served = api().await;
    for (framing, piece) in [("content-length: 100000", "y"), ("transfer-encoding: chunked", "1\r\ny\r\n")] {
        let (mut answered, mut sending) = served.connect().await.into_split();
        let head = format!("POST /echo HTTP/1.1\r\nhost: a\r\n{framing}\r\n\r\n");
        sending.write_all(head.as_bytes()).await.unwrap();
        let dribbling = tokio::spawn(async move {
            while sending.write_all(piece.as_bytes()).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        let mut text = Vec::new();
        // It may end with a reset, since not all of the body was read.
        let _reset = timeout(DEADLINE, answered.read_to_end(&mut text)).await.expect("the connection ends");
        let answer = Answer::of(&String::from_utf8(text).unwrap());
        assert_eq!(answer.status, "408", "{}", answer.head);
        assert_eq!(answer.json["type"], "urn:connector-host:problem:too-slow");
        assert_eq!(answer.header("connection"), Some("close"));
        timeout(DEADLINE, dribbling).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_body_that_arrives_in_time_is_read() {
    let served = api().await;
    let sent = "POST /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello";
    assert_eq!(answer(&served, sent).await.status, "200");
}

#[tokio::test]
async fn the_time_for_a_body_begins_when_it_is_read() {
    let served = api().await;
    let sent = "POST /late HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello";
    assert_eq!(answer(&served, sent).await.status, "200");
}

#[tokio::test]
async fn a_panic_in_a_handler_is_a_500_with_one_error_line_under_its_request_id_without_its_message() {
    note_places_in_handlers();
    let served = api().await;
    let mut stream = served.connect().await;
    stream.write_all(b"GET /panics HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    // The connection stays usable: only one request failed.
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
    let text = rest(&mut stream).await;
    let (failed, next) = text.split_at(text.rfind("HTTP/1.1 ").unwrap());
    assert_eq!(Answer::of(next).status, "200");
    let failed = Answer::of(failed);
    assert_eq!(failed.status, "500", "{text}");
    assert_eq!(failed.header("content-type"), Some("application/problem+json"));
    assert_eq!(failed.json["type"], "urn:connector-host:problem:internal");

    let lines = served.logged.lines();
    let errors: Vec<_> = lines.iter().filter(|line| line["level"] == "ERROR").collect();
    let [error] = errors[..] else { panic!("{errors:?}") };
    assert_eq!((&error["message"], &error["operation"]), (&"a handler panicked".into(), &"/panics".into()));
    assert!(error["place"].as_str().unwrap().contains("edge/tests/answers.rs:"), "{error}");
    assert_eq!(error["request_id"].as_str(), failed.header("x-request-id"));
    let answered = lines.iter().find(|line| line["status"] == "500").unwrap();
    assert_eq!(answered["request_id"], error["request_id"]);
    assert!(!served.logged.text().contains("ada@"), "{}", served.logged.text());
}

#[tokio::test]
async fn each_panic_in_a_request_with_a_key_is_logged_and_those_of_others_within_their_share() {
    note_places_in_handlers();
    let of_key = async || -> &'static str {
        access::by("platform");
        panic!("no {}", std::hint::black_box("answer"))
    };
    let of_anyone = async || -> &'static str { panic!("no {}", std::hint::black_box("answer")) };
    let routes = Router::new().route("/key", get(of_key)).route("/anyone", get(of_anyone));
    let access = middleware::from_fn_with_state(Telemetry::default(), access::log);
    let limited = middleware::from_fn_with_state(RefusedLog::default(), caller_log::limit);
    let routes = routes::served(routes, BODY_TIMEOUT).layer(access).layer(limited);
    let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = door.local_addr().unwrap();
    let served = Served::through(door, address, routes, |_| ());
    let calls = 2 * MAX_LINES_OF_SOURCE as usize;
    for _ in 0..calls {
        for path in ["anyone", "key"] {
            let sent = format!("GET /{path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
            assert_eq!(answer(&served, &sent).await.status, "500");
        }
    }
    let lines = served.logged.lines();
    let panics = |path: &str| {
        let is_of_it = |line: &&Value| line["message"] == "a handler panicked" && line["operation"] == path;
        lines.iter().filter(is_of_it).count()
    };
    // Each request without a key has a line about the answer too.
    assert_eq!((panics("/key"), panics("/anyone")), (calls, calls / 4));
}

#[tokio::test]
async fn a_request_that_cannot_be_read_is_logged() {
    let served = api().await;
    assert_eq!(answer(&served, "GET /\u{0} HTTP/1.1\r\n\r\n").await.status, "400");
    let line = served.logged.once(|line| line["message"] == "a request cannot be read").await;
    assert_eq!((&line["level"], &line["listener"]), (&"INFO".into(), &"webhooks".into()));
}
