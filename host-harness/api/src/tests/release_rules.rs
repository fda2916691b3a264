//! The steps, times and rules that a release begins with.

use serde_json::json;

use super::{
    releases::{RELEASE, approved, posted},
    writers::Refers,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_release_begins_with_the_configured_rules_unless_its_call_says_others_and_keeps_them() {
    let configured = "service.releases = { steps = [40, 100], step-minutes = 7, calls = 12, failures = 9, \
                      times-likelier = 2000, margins = { traps = 0.25 }, slower = { margin = 6 } }";
    let refers = Refers::with(configured).await;
    let digest = approved(&refers, "two").await;
    let refused = json!({"digest": digest, "steps": [5], "calls": 1});
    let refused = refers.bench.send(&refers.key, "POST", RELEASE, Some(refused)).await;
    assert_eq!(refused.problem(), (400, "bad-body"), "{refused:?}");
    let body = json!({"digest": digest, "failures": 3, "proof_within_ms": 60_000});
    let begun = refers.bench.send(&refers.key, "POST", RELEASE, Some(body)).await;
    assert_eq!((begun.status, &begun.json["steps"]), (200, &json!([40.0, 100.0])), "{begun:?}");
    let rules = begun.json["rules"].clone();
    let usual = json!({
        "minimum_step_ms": 420_000, "maximum_step_ms": 86_400_000, "calls": 12, "calls_of_kind": 20, "proofs": 20,
        "proof_within_ms": 60_000, "failures": 3, "contradicted": 1, "times_likelier": 2_000, "unknown": 5.0,
        "margins": {
            "traps": 0.25, "deadlines": 0.5, "contradicted": 0.1, "other_errors": 1.0, "given_up": 2.0, "unproven": 2.0,
            "unreadable": 0.5,
        },
        "slower": {"factor_percent": 200, "minimum_ms": 100, "margin": 6.0},
    });
    assert_eq!(rules, usual);
    // The verdict goes by them.
    let reasons = begun.json["reasons"].to_string();
    assert!(reasons.contains("too few calls: 0, expected at least 12"), "{reasons}");
    // Others in the configuration are for the releases that begin later.
    refers.bench.configure("service.releases.calls = 99").await;
    let refers = refers.restarted().await;
    let kept = refers.bench.get(&refers.key, RELEASE).await.json;
    assert_eq!(kept["rules"], rules);
    assert_eq!(posted(&refers, "roll-back").await.status, 200);
    let again = json!({"digest": digest});
    let again = refers.bench.send(&refers.key, "POST", RELEASE, Some(again)).await;
    assert_eq!((again.status, &again.json["rules"]["calls"]), (200, &json!(99)), "{again:?}");
    assert_eq!(again.json["steps"], json!([5.0, 25.0, 100.0]));
}
