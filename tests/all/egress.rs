//! Each of the contract's rules for requests, as seen by a guest and on the wire.

mod answers;
mod credentials;
mod denials;
mod limits;
mod requests;
mod webhooks;

use connector_tests::puppet;
use host_harness::{contract::CheckOutcome, sandbox::Calls};
use serde_json::{Value, json};

/// Returns the result of each step of the script, as the guest saw it.
async fn results(calls: &Calls) -> Vec<Value> {
    let checks = calls.test_connection().await.unwrap().unwrap();
    checks
        .iter()
        .map(|check| {
            let results: Value = serde_json::from_str(&check.detail).unwrap();
            assert_eq!(check.outcome == CheckOutcome::Passed, results.get("status").is_some(), "{check:?}");
            results
        })
        .collect()
}

/// Returns a denial as the guest sees it.
fn denied(message: &str) -> Value {
    json!({ "kind": "ErrorKind::Denied", "message": message, "sent": false, "wait": null })
}

fn statuses(results: &[Value]) -> Vec<u64> {
    results.iter().filter_map(|results| results["status"].as_u64()).collect()
}
