//! Connections of the configuration file: imported, updated, and released.

use serde_json::json;

use crate::testing::ApiBench;

pub(super) const CONNECTION: &str = "[tenants.acme]\n[connections.newsletter]\ntenant = 'acme'\nplugin = 'iterable'\n\
    settings = { domain = 'HOST' }\nsecrets.api-key = { file = 'api.key' }\n\
    egress = { hosts = ['HOST'], loopback = true, plain-http = true }\n";
const PATH: &str = "/api/v1/connection/newsletter";

#[tokio::test(flavor = "multi_thread")]
async fn the_files_connections_are_served_and_refused_to_the_api_with_the_files_name() {
    let bench = ApiBench::with(CONNECTION).await;
    let key = bench.operator().await;
    let file = bench.file("connector-host.toml").display().to_string();
    let shown = bench.get(&key, PATH).await;
    assert_eq!((&shown.json["file"], &shown.json["problem"]), (&json!(file), &json!(null)));
    assert_eq!(bench.get(&key, &format!("{PATH}/test")).await.json["test_status"], "succeeded");
    for method in ["PATCH", "DELETE"] {
        let refused = bench.send(&key, method, PATH, Some(json!({"enabled": false}))).await;
        assert_eq!(refused.problem(), (409, "owned-by-file"));
        assert_eq!(refused.json["file"], json!(file));
    }
    let bench = bench.restarted().await;
    let what: Vec<_> = bench.audit("acme").await.iter().map(|record| record["what"].clone()).collect();
    assert_eq!(what, ["connection-created", "connection-tested"], "an unchanged connection leaves no record");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_follows_the_file_and_a_broken_file_changes_nothing() {
    let bench = ApiBench::with(CONNECTION).await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "by-api").await;
    let reload = || bench.send(&key, "POST", "/api/v1/reload", None);
    let nothing = json!({"added": [], "changed": [], "disabled": [], "problems": {}});
    assert_eq!(reload().await.json, nothing);

    bench.configure("this is no TOML").await;
    let broken = reload().await;
    assert_eq!(broken.problem(), (422, "not-reloaded"));
    assert!(broken.detail().contains("connector-host.toml:"), "{broken:?}");
    assert!(broken.detail().contains("not TOML"), "{broken:?}");
    assert_eq!(bench.get(&key, &format!("{PATH}/test")).await.json["test_status"], "succeeded");

    let more = format!(
        "{CONNECTION}enabled = false\nactions = ['consent']\n[connections.unsuited]\ntenant = 'acme'\nplugin = 'iterable'\n\
         [connections.by-api]\ntenant = 'acme'\nplugin = 'iterable'\n"
    );
    bench.configure(&more).await;
    let reloaded = reload().await;
    assert_eq!(reloaded.status, 200, "{reloaded:?}");
    assert_eq!(
        (&reloaded.json["added"], &reloaded.json["changed"]),
        (&json!(["unsuited"]), &json!(["newsletter"]))
    );
    let problems = &reloaded.json["problems"];
    assert!(problems["unsuited"].as_str().unwrap().contains("api-key"), "{reloaded:?}");
    assert!(problems["by-api"].as_str().unwrap().contains("created through the API"), "{reloaded:?}");
    let shown = bench.get(&key, PATH).await;
    assert_eq!((&shown.json["enabled"], &shown.json["actions"]), (&json!(false), &json!(["consent"])));
    let unsuited = bench.get(&key, "/api/v1/connection/unsuited").await;
    assert_eq!(unsuited.json["problem"]["errors"][0]["field"], "secrets.api-key");
    let tested = bench.get(&key, "/api/v1/connection/unsuited/test").await;
    assert_eq!(tested.json["test_status"], "failed");
    assert!(tested.json["failure_reason"].as_str().unwrap().contains("api-key"), "{tested:?}");
    assert_eq!(bench.get(&key, &format!("{PATH}/test")).await.json["test_status"], "succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_left_the_file_is_disabled_and_keeps_what_it_knows_until_it_is_deleted() {
    let bench = ApiBench::with(CONNECTION).await;
    let key = bench.operator().await;
    let token = "/api/v1/plus/connection/newsletter/consent-webhook/token";
    assert_eq!(bench.get(&key, token).await.status, 200);
    bench.configure("").await;
    let reload = || bench.send(&key, "POST", "/api/v1/reload", None);
    assert_eq!(reload().await.json["disabled"], json!(["newsletter"]));
    assert_eq!(reload().await.json["disabled"], json!([]), "once");
    let shown = bench.get(&key, PATH).await;
    assert_eq!((&shown.json["left_file"], &shown.json["enabled"]), (&json!(true), &json!(false)));

    bench.configure(CONNECTION).await;
    assert_eq!(reload().await.json["changed"], json!(["newsletter"]));
    let shown = bench.get(&key, PATH).await;
    assert_eq!((&shown.json["left_file"], &shown.json["enabled"]), (&json!(false), &json!(true)));
    let tokens = bench.get(&key, "/api/v1/plus/connection/newsletter/consent-webhook/tokens").await;
    assert_eq!(tokens.json["tokens"][0]["state"], "offered");

    bench.configure("").await;
    reload().await;
    let deleted = bench.send(&key, "DELETE", PATH, None).await;
    assert_eq!(deleted.status, 200, "{deleted:?}");
    assert_eq!(bench.get(&key, PATH).await.problem(), (404, "unknown"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_cannot_be_read_is_made_whole_by_its_file() {
    let bench = ApiBench::with(CONNECTION).await;
    let key = bench.operator().await;
    bench.sql("UPDATE connections SET sealed_secrets = x'00'").await;
    let reloaded = bench.send(&key, "POST", "/api/v1/reload", None).await;
    assert_eq!(reloaded.json["changed"], json!(["newsletter"]), "{reloaded:?}");
    assert_eq!(bench.get(&key, &format!("{PATH}/test")).await.json["test_status"], "succeeded");
}
