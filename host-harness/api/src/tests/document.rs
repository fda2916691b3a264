//! The OpenAPI document, and what is served without a key.

use std::path::Path;

use serde_json::{Value, json};

use crate::document;
use crate::testing::Bench;

/// Set to write the document anew instead of comparing it.
const RENEW: Option<&str> = option_env!("RENEW_OPENAPI");

#[test]
fn the_document_that_is_checked_in_is_the_one_that_is_served() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    if RENEW.is_some() {
        std::fs::write(&file, document::text()).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    let renew = "RENEW_OPENAPI=1 cargo test -p host-api --lib the_document_that_is_checked_in";
    assert!(kept == document::text(), "docs/openapi.json is not current; renew it with: {renew}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_document_lists_is_served_and_wants_a_key_unless_it_says_otherwise() {
    let bench = Bench::new().await;
    let document = bench.raw("GET", "/openapi.json", "", b"").await;
    assert_eq!((document.status, &document.json["openapi"]), (200, &json!("3.1.0")));
    let paths = document.json["paths"].as_object().unwrap();
    assert!(paths.len() >= 12, "{}", paths.len());
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            let is_open = operation["security"] == json!([{}]);
            let path = path.replace(['{', '}'], "");
            let answer =
                bench.raw(&method.to_uppercase(), &path, "content-type: application/json\r\n", b"{}").await;
            assert_eq!(answer.status, if is_open { 200 } else { 401 }, "{method} {path}: {answer:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_ready_while_its_store_answers() {
    let bench = Bench::new().await;
    assert_eq!(bench.raw("GET", "/health", "", b"").await.json, json!({"status": "up"}));
    assert_eq!(
        bench.raw("GET", "/ready", "", b"").await.json,
        json!({"status": "ready", "plugins": ["iterable"]})
    );
    bench.parts.store.close().await;
    assert_eq!(bench.raw("GET", "/health", "", b"").await.status, 200);
    let down = bench.raw("GET", "/ready", "", b"").await;
    assert_eq!(down.problem(), (503, "unavailable"));
    assert!(down.headers.contains("retry-after: "), "{down:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_for_webhooks_serves_nothing_else() {
    let bench = Bench::with("service.webhook-listen = '127.0.0.1:0'").await;
    for path in ["/api/v1/connection", "/health", "/openapi.json", "/api/v1/plugins"] {
        assert_eq!(bench.at_webhooks(path).await.problem(), (404, "unknown"), "{path}");
    }
}

#[test]
fn every_operation_says_what_it_does_and_that_it_may_fail() {
    let document: Value = serde_json::from_str(&document::text()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["summary"].is_string(), "{method} {path}");
            assert!(operation["responses"]["default"]["content"]["application/problem+json"].is_object());
        }
    }
}
