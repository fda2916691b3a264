//! New versions on which every connection is tested before they serve.

use serde_json::{Value, json};

use super::vendor::AddressedVendor;
use crate::testing::{ApiBench, guest};

#[tokio::test(flavor = "multi_thread")]
async fn a_version_on_which_a_connection_does_not_work_is_refused_and_only_reads_reach_the_vendor() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    let vendor = AddressedVendor::start().await;
    let mut idle = vendor.connection("guest", "idle");
    idle["enabled"] = json!(false);
    let mut broken = vendor.connection("guest", "broken");
    // Nothing listens there.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nowhere = json!(listener.local_addr().unwrap().to_string());
    drop(listener);
    broken["settings"]["domain"] = nowhere.clone();
    broken["egress"]["hosts"] = json!([nowhere]);
    for connection in [vendor.connection("guest", "works"), idle, broken] {
        let made = bench.send(&key, "POST", "/api/v1/connection", Some(connection)).await;
        assert_eq!(made.status, 201, "{made:?}");
    }
    let plugins = bench.get(&key, "/api/v1/plugins").await.json;
    let two = guest("build_two");
    let would = bench.post_component(&key, "guest/rehearsal?agree=true&test_connections=true", &two).await;
    assert_eq!(would.json["refusals"][0]["reason"], "connection-test-failed", "{would:?}");
    let refused = bench.post_component(&key, "guest?agree=true&test_connections=true", &two).await;
    assert_eq!(refused.problem(), (422, "connection-test-failed"), "{refused:?}");
    assert!(refused.detail().contains("connection broken: failed: two"), "{refused:?}");
    assert!(!refused.detail().contains("works"), "{refused:?}");
    let history = bench.get(&key, "/api/v1/plugins/guest/versions").await.json;
    let last = history["versions"][1]["steps"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["state"], &last["reason"]), (&json!("refused"), &json!("connection-test-failed")));
    assert_eq!(
        statuses(&last["evidence"]["tests"]),
        [("broken", "failed"), ("idle", "skipped"), ("works", "succeeded")]
    );
    let broken = &last["evidence"]["tests"][0];
    assert_eq!((&broken["failed_checks"], &broken["reason"]), (&json!(["two"]), &json!(null)));
    assert_eq!(bench.get(&key, "/api/v1/plugins").await.json, plugins);
    assert_eq!(bench.send(&key, "DELETE", "/api/v1/connection/broken", None).await.status, 200);
    vendor.take();
    let served = bench.post_component(&key, "guest?agree=true&test_connections=true", &two).await;
    assert_eq!(served.status, 200, "{served:?}");
    assert_eq!(
        statuses(&served.json["steps"][2]["evidence"]["tests"]),
        [("idle", "skipped"), ("works", "succeeded")]
    );
    assert_eq!(vendor.take(), ["/look"]);
    // Without the parameter, nothing is tested.
    let one = bench.post_component(&key, "guest?agree=true", &guest("build_one")).await;
    assert_eq!((one.status, &one.json["steps"][2]["evidence"]["tests"]), (200, &json!([])), "{one:?}");
    assert_eq!(vendor.take(), [""; 0]);
}

fn statuses(tests: &Value) -> Vec<(&str, &str)> {
    let tests = tests.as_array().unwrap().iter();
    tests.map(|test| (test["connection"].as_str().unwrap(), test["status"].as_str().unwrap())).collect()
}
