//! Requests that are denied. None of them reaches the vendor.

use connector_tests::Vendor;
use host_harness::contract::Subject;

use super::*;

#[tokio::test]
async fn what_the_manifest_does_not_declare_is_denied() {
    let vendor = Vendor::agreeable().await;
    let open = "operation person: a value for its path is empty, `.` or `..`, which would change the path";
    let steps = [
        (
            json!({ "send": "export-all" }),
            "operation \"export-all\" is not declared: the manifest of puppet does not have it",
        ),
        (
            json!({ "send": "forget" }),
            "operation forget is not for calls of connector: its used-by does not name that interface",
        ),
        (
            json!({ "send": "exchange" }),
            "operation exchange is not for calls of connector: its used-by does not name that interface",
        ),
        (
            json!({ "send": "person", "values": [["person", "1"]], "query": [["cascade", "1"]] }),
            "operation person: the query parameter \"cascade\" is not one that its declaration allows",
        ),
        (json!({ "send": "person", "values": [["person", ""]] }), open),
        (json!({ "send": "person", "values": [["person", "."]] }), open),
        (json!({ "send": "person", "values": [["person", ".."]] }), open),
        (json!({ "send": "person" }), "operation person: the blank {person} was not filled"),
        (
            json!({ "send": "write", "values": [["sub", "1"], ["api-key", "mine"]] }),
            "operation write: {api-key} is not a blank that a value fills",
        ),
        (json!({ "send": "seldom", "body": "x" }), "operation seldom: expected no body, found one"),
    ];
    let script = steps.iter().map(|(step, _)| step.clone()).collect();
    let results = results(&puppet("denials", &vendor, script, |_| {}).await).await;
    let expected: Vec<_> = steps.iter().map(|(_, message)| denied(message)).collect();
    assert_eq!(results, expected);
    assert_eq!(vendor.lines(), [""; 0]);
}

#[tokio::test]
async fn what_the_operator_denies_is_not_sent_and_the_line_to_change_is_shown() {
    let vendor = Vendor::agreeable().await;
    let calls = puppet("operator", &vendor, json!([{ "send": "seldom" }]), |spec| {
        spec.policy.denied_operations = ["seldom".to_owned()].into();
    })
    .await;
    assert_eq!(
        results(&calls).await,
        [denied(
            "operation seldom is denied for connection operator; to allow it, remove it from this line of the configuration:\n\
             [connections.operator.egress]\n\
             denied-operations = [\"seldom\"]"
        )]
    );
    assert_eq!(vendor.lines(), [""; 0]);
}

/// The reverse: `erase` may send an operation for erasure.
#[tokio::test]
async fn an_operation_is_sent_by_the_interface_that_uses_it() {
    let vendor = Vendor::agreeable().await;
    let calls = puppet("used-by", &vendor, json!([{ "send": "forget" }]), |_| {}).await;
    let receipt = calls.erase(&Subject::email("ada@example.com")).await.unwrap().unwrap();
    assert!(receipt.evidence.contains("\"status\":200"), "{receipt:?}");
    assert_eq!(vendor.lines(), ["POST /forget"]);
    let calls = puppet("used-by", &vendor, json!([{ "send": "seldom" }]), |_| {}).await;
    let receipt = calls.erase(&Subject::email("ada@example.com")).await.unwrap().unwrap();
    assert!(receipt.evidence.contains("operation seldom is not for calls of erasure"), "{receipt:?}");
    assert_eq!(vendor.lines().len(), 1);
}
