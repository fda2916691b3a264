//! Settings that are given with a version, because it requires them.

use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};
use host_model::scope::Scopes;
use host_store::{grant::Grant, testing};
use serde_json::{Value, json};

use crate::testing::{Answer, ApiBench, guest};

const MASTER_KEY: &str = "m-0123456789";

/// A service with the plugin `guest`, which has the connections `one` and `two`. The version `build_greedy` requires the
/// setting `region`, which they do not have, and has a secret `master-key`, which no other version knows.
async fn bench() -> (ApiBench, String) {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    for connection in ["one", "two"] {
        let body = json!({"key": connection, "tenant": "acme", "plugin": "guest",
            "settings": {"domain": "vendor.example.com"}, "egress": {"hosts": ["vendor.example.com"]}});
        let made = bench.send(&key, "POST", "/api/v1/connection", Some(body)).await;
        assert_eq!(made.status, 201, "{made:?}");
    }
    (bench, key)
}

/// Posts `build_greedy` with `given` settings.
async fn post(bench: &ApiBench, key: &str, path: &str, given: &Value) -> Answer {
    let body = json!({"component": BASE64.encode(guest("build_greedy")), "given": given});
    bench.send(key, "POST", &format!("/api/v1/plugins/{path}"), Some(body)).await
}

async fn connection(bench: &ApiBench, key: &str, connection: &str) -> Value {
    bench.get(key, &format!("/api/v1/connection/{connection}")).await.json
}

/// The version that serves, with the problems of the connections.
async fn standing(bench: &ApiBench, key: &str) -> (Value, [Value; 2]) {
    let serving = bench.get(key, "/api/v1/plugins/guest").await.json["manifest"]["version"].clone();
    let problem = async |name| connection(bench, key, name).await["problem"].clone();
    (serving, [problem("one").await, problem("two").await])
}

fn both() -> Value {
    json!({"settings": {"region": "eu"}, "connections": {"two": {"settings": {"region": "us"},
        "secrets": {"master-key": MASTER_KEY}}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_requires_a_new_setting_serves_with_the_settings_that_are_given_with_it() {
    let (bench, key) = bench().await;
    let refused = bench.post_component(&key, "guest?agree=true", &guest("build_greedy")).await;
    assert_eq!(refused.problem(), (409, "not-replaced"));
    let fields: Vec<_> = refused.json["errors"].as_array().unwrap().iter().map(|of| &of["field"]).collect();
    assert_eq!(fields, ["connections.one.settings.region", "connections.two.settings.region"]);
    let served = post(&bench, &key, "guest?agree=true", &both()).await;
    assert_eq!(served.status, 200, "{served:?}");
    let settings = &served.json["steps"].as_array().unwrap().last().unwrap()["evidence"]["changed"];
    assert_eq!(*settings, json!(["one: settings.region", "two: settings.region, secrets.master-key"]));
    assert_eq!(standing(&bench, &key).await, (json!("greedy"), [Value::Null, Value::Null]));
    let (one, two) = (connection(&bench, &key, "one").await, connection(&bench, &key, "two").await);
    assert_eq!((&one["settings"]["region"], &two["settings"]["region"]), (&json!("eu"), &json!("us")));
    assert_eq!((&one["secrets"], &two["secrets"]), (&json!({}), &json!({"master-key": "**********"})));
    let audit: Vec<_> =
        bench.audit("acme").await.into_iter().filter(|line| line["what"] == "connection-changed").collect();
    let changed: Vec<_> =
        audit.iter().map(|line| (&line["connection"], &line["detail"]["changed"])).collect();
    let secret = json!(["settings.region", "secrets.master-key"]);
    assert_eq!(changed, [(&json!("one"), &json!(["settings.region"])), (&json!("two"), &secret)]);
    for line in &audit {
        assert_eq!(line["digest"], served.json["digest"], "{line}");
    }
    let all = [bench.audit("acme").await, bench.audit("*").await];
    let operations = bench.get(&key, "/api/v1/plugins/guest/operations").await;
    let said = format!("{all:?}{}", operations.text);
    assert!(!said.contains(MASTER_KEY) && !said.contains("\"eu\""), "{said}");
    let bench = bench.restarted().await;
    assert_eq!(standing(&bench, &key).await, (json!("greedy"), [Value::Null, Value::Null]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_put_back_sets_aside_what_it_does_not_know_and_the_next_one_has_it_again() {
    let (bench, key) = bench().await;
    assert_eq!(post(&bench, &key, "guest?agree=true", &both()).await.status, 200);
    let deny = json!({"egress": {"denied_operations": ["export"]}});
    let denied = bench.send(&key, "PATCH", "/api/v1/connection/one", Some(deny)).await;
    assert_eq!(denied.status, 200, "{denied:?}");
    let roll_back = "/api/v1/plugins/guest/roll-back";
    let asked = bench.send(&key, "POST", roll_back, None).await;
    assert_eq!(asked.problem(), (409, "asks-for-more"), "a denial would have no effect");
    assert!(asked.detail().contains("one: export"), "{asked:?}");
    let back = bench.send(&key, "POST", &format!("{roll_back}?agree=true"), None).await;
    assert_eq!(back.status, 200, "{back:?}");
    assert_eq!(standing(&bench, &key).await, (json!("one"), [Value::Null, Value::Null]));
    let two = connection(&bench, &key, "two").await;
    assert_eq!(
        (&two["set_aside"], &two["secrets"]["master-key"]),
        (&json!(["master-key"]), &json!("**********"))
    );
    assert_eq!(connection(&bench, &key, "one").await["set_aside"], json!(["export"]));
    let bench = bench.restarted().await;
    assert_eq!(standing(&bench, &key).await, (json!("one"), [Value::Null, Value::Null]));
    // What is unknown for another reason is still refused.
    let wrong = json!({"settings": {"reigon": "eu"}});
    let wrong = bench.send(&key, "PATCH", "/api/v1/connection/two", Some(wrong)).await;
    assert_eq!(wrong.problem(), (422, "unsuited"));
    let again = bench.send(&key, "POST", "/api/v1/plugins/guest/roll-back", None).await;
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(standing(&bench, &key).await, (json!("greedy"), [Value::Null, Value::Null]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_version_is_served_and_a_publication_is_rehearsed_with_given_settings() {
    let (bench, key) = bench().await;
    let without = post(&bench, &key, "guest/rehearsal?agree=true", &json!({})).await;
    let reasons: Vec<_> =
        without.json["refusals"].as_array().unwrap().iter().map(|of| &of["reason"]).collect();
    assert_eq!(reasons, ["settings"], "{without:?}");
    let with = post(&bench, &key, "guest/rehearsal?agree=true", &both()).await;
    assert_eq!(with.json["would_serve"], true, "{with:?}");
    assert_eq!(connection(&bench, &key, "one").await["settings"]["region"], Value::Null, "nothing is stored");
    let uploaded = bench.post_component(&key, "guest/versions", &guest("build_greedy")).await;
    let version = format!("/api/v1/plugins/guest/versions/{}", uploaded.json["digest"].as_str().unwrap());
    assert_eq!(bench.send(&key, "POST", &format!("{version}/approve"), None).await.status, 200);
    let serve = format!("{version}/serve");
    let refused = bench.send(&key, "POST", &serve, None).await;
    assert_eq!(refused.problem(), (409, "not-replaced"), "{refused:?}");
    let served = bench.send(&key, "POST", &serve, Some(both())).await;
    assert_eq!(served.status, 200, "{served:?}");
    assert_eq!(standing(&bench, &key).await, (json!("greedy"), [Value::Null, Value::Null]));
    let again = bench.send(&key, "POST", &serve, Some(both())).await;
    assert_eq!(again.problem(), (409, "not-replaced"));
    assert!(again.detail().contains("serves already: change the settings"), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_cannot_apply_leave_everything_as_it_is() {
    let (bench, key) = bench().await;
    let before = (connection(&bench, &key, "one").await, standing(&bench, &key).await);
    for (given, problem) in [
        (json!({"settings": {"region": "eu", "reigon": "eu"}}), (409, "not-replaced")),
        (json!({"settings": {"region": "eu"}, "secrets": {"master-key": "short"}}), (409, "not-replaced")),
        (json!({"settings": {"region": "eu", "master-key": MASTER_KEY}}), (409, "not-replaced")),
        (json!({"connections": {"never": {"settings": {"region": "eu"}}}}), (422, "unsuited")),
        (json!({"connections": {"one": {"settings": {"region": "eu"}}}}), (409, "not-replaced")),
        (json!({"setting": {"region": "eu"}}), (400, "bad-body")),
    ] {
        let refused = post(&bench, &key, "guest?agree=true", &given).await;
        assert_eq!(refused.problem(), problem, "{given}: {refused:?}");
        assert!(!refused.text.contains(MASTER_KEY), "{refused:?}");
        let after = (connection(&bench, &key, "one").await, standing(&bench, &key).await);
        assert_eq!(after, before, "{given}");
    }
    let versions = bench.get(&key, "/api/v1/plugins/guest/versions").await.json["versions"].clone();
    let steps = versions.as_array().unwrap().iter().flat_map(|version| version["steps"].as_array().unwrap());
    let reasons: Vec<_> =
        steps.filter(|step| step["state"] == "refused").map(|step| &step["reason"]).collect();
    assert_eq!(reasons, ["settings"; 5], "{versions}");
    let no_component = json!({"component": "?", "given": both()});
    let no_component = bench.send(&key, "POST", "/api/v1/plugins/guest", Some(no_component)).await;
    assert_eq!(no_component.problem(), (400, "bad-body"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_may_publish_but_not_change_connections_gives_no_settings() {
    let (bench, _) = bench().await;
    let only = Scopes::Only(["plugins:write".parse().unwrap()].into());
    let key = bench.granted("publisher", Grant::of(None, only)).await;
    let refused = post(&bench, &key, "guest?agree=true", &both()).await;
    assert_eq!(refused.problem(), (403, "out-of-scope"));
    assert_eq!(refused.json["scope"], "connections:write");
    let without = post(&bench, &key, "guest/rehearsal", &json!({})).await;
    assert_eq!(without.status, 200, "{without:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_of_the_file_is_changed_there() {
    let file = xtask::components::current("guests/build_one").unwrap();
    let bench = ApiBench::with(&format!(
        "plugins.guest.file = '{}'\n[tenants.acme]\n[connections.filed]\ntenant = 'acme'\nplugin = 'guest'\n\
         settings.domain = 'vendor.example.com'\negress.hosts = ['vendor.example.com']",
        file.display()
    ))
    .await;
    let key = bench.operator().await;
    let refused = post(&bench, &key, "guest?agree=true", &json!({"settings": {"region": "eu"}})).await;
    assert_eq!(refused.problem(), (409, "owned-by-file"), "{refused:?}");
    assert_eq!(connection(&bench, &key, "filed").await["problem"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_serves_but_cannot_be_stored_is_replaced_by_the_one_before_with_its_settings() {
    let (bench, key) = bench().await;
    testing::refuse_inserts(&bench.parts.store, "publications").await;
    let failed = post(&bench, &key, "guest?agree=true", &both()).await;
    assert_eq!(failed.problem(), (503, "unavailable"), "{failed:?}");
    assert_eq!(standing(&bench, &key).await, (json!("one"), [Value::Null, Value::Null]));
    assert_eq!(connection(&bench, &key, "two").await["settings"]["region"], Value::Null);
    testing::allow_inserts(&bench.parts.store, "publications").await;
    let served = post(&bench, &key, "guest?agree=true", &both()).await;
    assert_eq!(served.status, 200, "{served:?}");
}
