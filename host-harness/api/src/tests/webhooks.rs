//! Deliveries from unknown senders to a running service.

use std::time::Duration;

use serde_json::json;

use crate::testing::ApiBench;
use host_harness::egress::AUTOMATA_BUILT;
use test_support::eventually;

const HOOK: &str = "/api/v1/plus/connection/signed/consent-webhook";

/// Signed deliveries are read before they are authenticated. One thread runs the service and counts.
#[tokio::test]
async fn what_a_stranger_sends_is_searched_for_within_a_bound_and_the_service_answers_meanwhile() {
    let file = xtask::components::current("guests/signed").unwrap();
    let bench = ApiBench::with(&format!("plugins.signed.file = '{}'\n", file.display())).await;
    let key = bench.operator().await;
    let connection = json!({
        "key": "signed",
        "tenant": "acme",
        "plugin": "signed",
        "secrets": {"signing-key": "k-of-the-vendor"},
    });
    let made = bench.send(&key, "POST", "/api/v1/connection", Some(connection)).await;
    assert_eq!(made.status, 201, "{made:?}");

    let deliver = async |letters: usize| {
        let body = json!({"email": "a".repeat(letters)}).to_string();
        bench.raw("POST", HOOK, "x-signature: 00\r\n", body.as_bytes()).await.status
    };
    let built_by_long_names = async || {
        let before = AUTOMATA_BUILT.get();
        let meanwhile = async {
            tokio::join!(deliver(6_000), deliver(6_000), deliver(6_000), bench.raw("GET", "/health", "", b""))
        };
        let (first, second, third, health) =
            tokio::time::timeout(Duration::from_secs(10), meanwhile).await.unwrap();
        assert_eq!([first, second, third, health.status], [401, 401, 401, 200]);
        AUTOMATA_BUILT.get() - before
    };
    // A replica serves its own change once more, which also builds some.
    eventually("a name that is too long is not looked up", built_by_long_names, |built| *built == 0).await;
    let before = AUTOMATA_BUILT.get();
    // The counter observes the service.
    assert_eq!(deliver(500).await, 401);
    assert!(AUTOMATA_BUILT.get() > before);
}
