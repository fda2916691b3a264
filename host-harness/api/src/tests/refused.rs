//! Log lines about calls that are refused: limited by source, and counted.

use serde_json::json;
use test_support::Logged;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::testing::ApiBench;
use host_service::refused_log::MAX_LINES_OF_SOURCE;

const HOOK: &str = "/api/v1/plus/connection/nobody/consent-webhook";

/// Lines about answers to requests, or about requests that cannot be answered.
fn lines(logged: &Logged) -> usize {
    let messages =
        ["API request answered", "delivery answered", "a request cannot be read", "the store failed"];
    logged.lines().iter().filter(|line| messages.iter().any(|message| line["message"] == *message)).count()
}

#[tokio::test]
async fn a_source_has_a_share_of_log_lines_for_whatever_is_refused_and_a_summary_counts_the_rest() {
    let logged = Logged::begin();
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    let share = MAX_LINES_OF_SOURCE as usize;
    for _ in 0..share {
        assert_eq!(bench.raw("GET", "/api/v1/connection", "", b"").await.status, 401);
        assert_eq!(bench.raw("POST", HOOK, "", b"{}").await.status, 401);
        assert_eq!(bench.raw("GET", HOOK, "", b"").await.status, 200);
        assert_eq!(bench.raw("GET", "/health", "", b"").await.status, 200);
        assert_eq!(bench.raw("GET", "/nothing", "", b"").await.status, 404);
        let mut stream = bench.client().await;
        stream.write_all(b"no request\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 400 "));
    }
    assert_eq!(lines(&logged), share);
    let health = logged.lines().iter().filter(|line| line["operation"] == "/health").count();
    assert_eq!(health, 0, "a check that is answered is no refused call and takes no lines");

    // A valid key is a source of its own, and what it is allowed to do is always logged.
    for _ in 0..2 * share {
        assert_eq!(bench.get(&key, "/api/v1/connection").await.status, 200);
    }
    assert_eq!(lines(&logged), 3 * share);
    for _ in 0..2 * share {
        assert_eq!(bench.get(&key, "/api/v1/connection/nowhere").await.status, 404);
    }
    assert_eq!(lines(&logged), 4 * share);

    let metrics = bench.get(&key, "/metrics").await.text;
    for (metric, count) in [
        (r#"connector_host_calls_refused_total{status="401"}"#, share),
        (r#"connector_host_calls_refused_total{status="404"}"#, 3 * share),
        (r#"connector_host_calls_refused_total{status="unreadable"}"#, share),
        (r#"connector_host_deliveries_total{status="401"}"#, share),
    ] {
        assert!(metrics.contains(&format!("{metric} {count}\n")), "{metric} {count}: {metrics}");
    }
    // The stop ends the minute.
    let _bench = bench.restarted().await;
    let summary = logged.once(|line| line["left_out"].is_number()).await;
    assert_eq!((&summary["left_out"], &summary["sources"]), (&json!(4 * share + share), &json!(2)));
    assert_eq!(summary["level"], "WARN");
}

#[tokio::test]
async fn a_store_that_fails_costs_a_source_no_more_than_its_share_of_lines() {
    let logged = Logged::begin();
    let bench = ApiBench::new().await;
    bench.parts.store.close().await;
    for _ in 0..MAX_LINES_OF_SOURCE {
        assert_eq!(bench.raw("GET", "/ready", "", b"").await.status, 503);
        assert_eq!(bench.raw("POST", HOOK, "", b"{}").await.status, 503);
    }
    // The background work logs its own errors, without a request.
    let of_requests = logged.lines().iter().filter(|line| line["request_id"].is_string()).count();
    assert_eq!(of_requests, MAX_LINES_OF_SOURCE as usize);
}

#[tokio::test]
async fn errors_of_a_valid_key_are_logged_however_much_its_address_was_refused() {
    let logged = Logged::begin();
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    for _ in 0..2 * MAX_LINES_OF_SOURCE {
        assert_eq!(bench.raw("GET", "/nothing", "", b"").await.status, 404);
    }
    bench.sql("ALTER TABLE notices RENAME TO lost").await;
    let failed = bench.get(&key, "/api/v1/tenants/acme/notices").await;
    assert_eq!(failed.status, 503, "{failed:?}");
    let is_of_it = |line: &serde_json::Value| {
        let id = line["request_id"].as_str().unwrap_or("none");
        line["message"] == "the store failed" && failed.headers.contains(id)
    };
    assert_eq!(logged.lines().iter().filter(|line| is_of_it(line)).count(), 1);
}

#[tokio::test]
async fn a_key_that_was_changed_in_the_database_has_its_addresss_share_of_lines() {
    let logged = Logged::begin();
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.sql("UPDATE api_keys SET may_write = 0").await;
    for _ in 0..MAX_LINES_OF_SOURCE {
        assert_eq!(bench.get(&key, "/api/v1/connection").await.problem(), (401, "unauthenticated"));
    }
    let message = "refused: changed or inserted in the database from outside";
    let refused = logged.lines().iter().filter(|line| line["message"] == message).count();
    assert_eq!(refused + lines(&logged), MAX_LINES_OF_SOURCE as usize);
}
