//! Publications that are only rehearsed.

use serde_json::json;

use crate::testing::{Answer, ApiBench, component};

async fn rehearse(bench: &ApiBench, key: &str, query: &str, component: &[u8]) -> Answer {
    let rehearsed = bench.post_component(key, &format!("iterable/rehearsal{query}"), component).await;
    assert_eq!(rehearsed.status, 200, "{rehearsed:?}");
    rehearsed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_shows_the_proof_and_stores_nothing() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    let before = bench.get(&key, "/api/v1/plugins/iterable/versions").await.json;
    let would = rehearse(&bench, &key, "", &component("iterable-next")).await;
    assert_eq!((&would.json["would_serve"], &would.json["refusals"]), (&json!(true), &json!([])));
    assert_eq!(would.json["proof"]["result"], "passed");
    assert_eq!(would.json["before"], before["versions"][0]["digest"]);
    assert_eq!(bench.get(&key, "/api/v1/plugins/iterable/versions").await.json, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_lists_everything_that_would_prevent_the_publication() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    for (guest, expected) in [
        ("guests/traps_on_erase", ["not-proven", "another-connector"]),
        // Iterable's settings do not suit it.
        ("guests/build_one", ["another-connector", "settings"]),
    ] {
        let would = rehearse(&bench, &key, "?agree=true", &component(guest)).await;
        assert_eq!(would.json["would_serve"], false);
        let refusals = would.json["refusals"].as_array().unwrap();
        let reasons: Vec<_> = refusals.iter().map(|of| of["reason"].clone()).collect();
        assert_eq!(reasons, expected, "{guest}");
    }
    let missing = bench
        .raw(
            "POST",
            "/api/v1/plugins/iterable/rehearsal",
            &format!("authorization: Bearer {key}\r\n"),
            b"no wasm",
        )
        .await;
    assert_eq!(missing.problem(), (422, "no-component"));
}
