//! Single calls on a version that does not serve the connection.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::writers::Refers;
use crate::testing::ApiBench;
use host_model::scope::Scopes;
use host_store::grant::Grant;

/// A key with these scopes, for the tenant `acme`.
async fn key(bench: &ApiBench, name: &'static str, scopes: &[&str]) -> String {
    let scopes = scopes.iter().map(|scope| scope.parse().unwrap()).collect();
    bench.granted(name, Grant::of(Some(BTreeSet::from(["acme".to_owned()])), Scopes::Only(scopes))).await
}

fn ada() -> Value {
    json!({"identity": {"email": "ada@example.com"}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_names_a_version_that_does_not_serve_and_changes_nothing_here() {
    let refers = Refers::start().await;
    let bench = &refers.bench;
    let two = refers.approve("two").await;
    let test = "/api/v1/connection/jobs/test";
    let tested = bench.get(&refers.key, &format!("{test}?version={two}")).await;
    assert_eq!((tested.status, &tested.json["checks"][0]["detail"]), (200, &json!("two")), "{tested:?}");
    let shown = bench.get(&refers.key, "/api/v1/connection/jobs").await.json;
    assert_eq!(shown["tested_at"], json!(null), "the result is not stored");
    assert_eq!(bench.get(&refers.key, test).await.json["checks"][0]["detail"], "one");
    let confirm = format!("/api/v1/connection/jobs/confirm?version={two}");
    let confirmed = bench.send(&refers.key, "POST", &confirm, Some(ada())).await;
    assert_eq!((confirmed.status, &confirmed.json["status"]), (200, &json!("erased")), "{confirmed:?}");
    assert_eq!(refers.vendor.take(), ["/look/two/none"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_version_requires_a_scope_of_its_own_and_one_that_may_write_requires_more() {
    let refers = Refers::start().await;
    let bench = &refers.bench;
    let two = refers.approve("two").await;
    let own = ["connections:read", "consent:read", "requests:read", "webhook-tokens:read"];
    let lacking = key(bench, "lacking", &own).await;
    let reading = key(bench, "reading", &[&own[..], &["plugins:read"]].concat()).await;
    let writing = key(bench, "writing", &[&own[..], &["plugins:write"]].concat()).await;
    let delivery = json!({"body": "e30="});
    for (method, path, body, scope) in [
        ("GET", "test", None, "plugins:read"),
        ("POST", "choices", Some(ada()), "plugins:read"),
        ("POST", "confirm", Some(ada()), "plugins:write"),
        ("POST", "verify-webhook", Some(delivery), "plugins:read"),
    ] {
        let path = format!("/api/v1/connection/jobs/{path}?version={two}");
        let refused = bench.send(&lacking, method, &path, body.clone()).await;
        assert_eq!(
            (refused.problem(), &refused.json["scope"]),
            ((403, "out-of-scope"), &json!(scope)),
            "{path}"
        );
        let allowed = if scope == "plugins:write" { [&writing, &reading] } else { [&reading, &writing] };
        assert_ne!(bench.send(allowed[0], method, &path, body.clone()).await.status, 403, "{path}");
        assert_eq!(bench.send(allowed[1], method, &path, body).await.status, 403, "{path}");
    }
    let items = format!("/api/v1/plus/connection/jobs/consentable-items?version={two}");
    assert_eq!(bench.get(&lacking, &items).await.problem(), (403, "out-of-scope"));
    assert_eq!(bench.get(&reading, &items).await.problem(), (502, "vendor"), "it has no consent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_was_not_approved_or_does_not_fit_or_is_not_one_is_refused_with_its_reason() {
    let refers = Refers::start().await;
    let bench = &refers.bench;
    let component = super::writers::component("two");
    let uploaded = bench.post_component(&refers.key, "refers/versions", &component).await;
    let test = |version: &str| format!("/api/v1/connection/jobs/test?version={version}");
    let two = uploaded.json["digest"].as_str().unwrap();
    assert_eq!(bench.get(&refers.key, &test(two)).await.problem(), (409, "version-not-usable"));
    let never = format!("sha256:{}", "7".repeat(64));
    assert_eq!(bench.get(&refers.key, &test(&never)).await.problem(), (404, "unknown"));
    assert_eq!(bench.get(&refers.key, &test("two")).await.problem(), (400, "bad-query"));
    refers.foreign("rejected").await;
    let three = refers.approve("three").await;
    let path = format!("/api/v1/connection/jobs/confirm?version={three}");
    assert_eq!(bench.send(&refers.key, "POST", &path, Some(ada())).await.problem(), (422, "unsuited"));
}

#[tokio::test(flavor = "multi_thread")]
async fn items_and_choices_are_read_by_the_version_that_is_named() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    let next = std::fs::read(xtask::components::current("iterable-next").unwrap()).unwrap();
    let uploaded = bench.post_component(&key, "iterable/versions", &next).await;
    let version = uploaded.json["digest"].as_str().unwrap();
    let approve = format!("/api/v1/plugins/iterable/versions/{version}/approve");
    assert_eq!(bench.send(&key, "POST", &approve, None).await.status, 200);
    let items = "/api/v1/plus/connection/newsletter/consentable-items";
    let named = bench.get(&key, &format!("{items}?version={version}")).await;
    assert_eq!((named.status, &named.json), (200, &bench.get(&key, items).await.json), "{named:?}");
    let choices = format!("/api/v1/connection/newsletter/choices?version={version}");
    let held = bench.send(&key, "POST", &choices, Some(ada())).await;
    assert_eq!((held.status, &held.json["known"]), (200, &json!(false)), "{held:?}");
}
