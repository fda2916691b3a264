//! Versions that prove themselves before they serve.

use serde_json::{Value, json};

use crate::testing::{Answer, ApiBench, component};
use host_service::testing::inbox::OPT_OUT;

async fn publish(bench: &ApiBench, key: &str, plugin: &str, component: &[u8]) -> Answer {
    bench.post_component(key, &format!("{plugin}?agree=true"), component).await
}

async fn last_step(bench: &ApiBench, key: &str, plugin: &str) -> Value {
    let history = bench.get(key, &format!("/api/v1/plugins/{plugin}/versions")).await.json;
    let newest = history["versions"].as_array().unwrap().last().unwrap().clone();
    newest["steps"].as_array().unwrap().last().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_version_of_the_connector_proves_itself_and_the_vendor_hears_nothing() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    bench.park(1, "it waits").await;
    let token = bench.parts.tokens.issue("acme", "newsletter").await.unwrap().token;
    let hook = "/api/v1/plus/connection/newsletter/consent-webhook";
    let headers = format!("authorization: Bearer {}\r\n", token.expose());
    let delivered = bench.raw("POST", hook, &headers, OPT_OUT.as_bytes()).await;
    assert_eq!(delivered.status, 200, "{delivered:?}");
    for action in ["erasure", "reading"] {
        let body = json!({"action": action, "identity": {"email": "bob@example.com"}});
        let asked = bench.send(&key, "POST", "/api/v1/connection/newsletter/requests", Some(body)).await;
        assert_eq!(asked.status, 202, "{asked:?}");
    }
    bench.stand_in.take_requests();
    let published = publish(&bench, &key, "iterable", &component("iterable-next")).await;
    assert_eq!(published.status, 200, "{published:?}");
    let steps = published.json["steps"].as_array().unwrap();
    let states: Vec<_> = steps.iter().map(|step| step["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["uploaded", "compiled", "proven", "approved", "serving"]);
    let proof = &steps[2]["evidence"]["proof"];
    assert_eq!(proof["result"], "passed");
    let parts = proof["parts"].as_array().unwrap();
    let count = |source: &str| parts.iter().filter(|part| part["source"] == source).count();
    assert!(count("component") >= 20 && count("built-in") == 8, "{proof}");
    let shadow = &steps[2]["evidence"]["shadow"];
    assert_eq!(shadow["compared"], json!({"delivery": 1, "erasure": 1, "reading": 1}), "{shadow}");
    assert_eq!((&shadow["differences"], &shadow["not_compared"]), (&json!([]), &json!([])));
    assert_eq!(bench.stand_in.take_requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_fails_its_proof_is_refused_with_its_reason_and_the_running_one_serves_on() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    let before = bench.get(&key, "/api/v1/plugins").await.json;
    for (guest, finding) in [
        ("guests/reports", "which needs a write that was answered"),
        ("guests/traps_on_erase", "it trapped"),
        ("guests/loops_on_erase", "its CPU time is used up"),
        ("guests/names_the_person", "person"),
    ] {
        let refused = publish(&bench, &key, "iterable", &component(guest)).await;
        assert_eq!(refused.problem(), (422, "not-proven"), "{guest}: {refused:?}");
        assert!(refused.detail().contains(finding), "{guest}: {}", refused.detail());
        let step = last_step(&bench, &key, "iterable").await;
        assert_eq!((&step["state"], &step["reason"]), (&json!("refused"), &json!("not-proven")), "{guest}");
        assert_eq!(step["evidence"]["proof"]["result"], "failed", "{guest}");
    }
    assert_eq!(bench.get(&key, "/api/v1/plugins").await.json, before);
    bench.connect(&key, "acme", "newsletter").await;
    assert_eq!(bench.get(&key, "/api/v1/connection/newsletter/test").await.json["test_status"], "succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_proof_could_not_run_is_never_called_passed() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    let published = publish(&bench, &key, "fresh", &component("guests/build_one")).await;
    assert_eq!(published.status, 200, "{published:?}");
    let proof = &published.json["steps"][2]["evidence"]["proof"];
    assert_eq!((&proof["result"], &proof["parts"][0]["result"]), (&json!("incomplete"), &json!("not-run")));
    assert!(proof["parts"][0]["reason"].as_str().unwrap().contains("no conformance cases"), "{proof}");
}
