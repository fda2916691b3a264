//! Each of the contract's rules for requests, through a guest and on the wire.

mod answers;
mod credentials;
mod denials;
mod limits;
mod requests;
mod webhooks;

use connector_tests::puppet;
use host_harness::{contract::CheckOutcome, sandbox::Calls};
use serde_json::{Value, json};

/// What came of each step of the script, as the guest saw it.
async fn told(calls: &Calls) -> Vec<Value> {
    let checks = calls.test_connection().await.unwrap().unwrap();
    checks
        .iter()
        .map(|check| {
            let told: Value = serde_json::from_str(&check.detail).unwrap();
            assert_eq!(check.outcome == CheckOutcome::Passed, told.get("status").is_some(), "{check:?}");
            told
        })
        .collect()
}

/// As the guest sees a denial.
fn denied(message: &str) -> Value {
    json!({ "kind": "ErrorKind::Denied", "message": message, "sent": false, "wait": null })
}

fn statuses(told: &[Value]) -> Vec<u64> {
    told.iter().filter_map(|told| told["status"].as_u64()).collect()
}
