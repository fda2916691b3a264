//! Connections of the configuration file: taken in, followed, and let go.

use serde_json::json;

use super::bench::Bench;

const CONNECTION: &str = "[tenants.acme]\n[connections.newsletter]\ntenant = 'acme'\nplugin = 'iterable'\n\
    settings = { domain = 'HOST' }\nsecrets.api-key = { file = 'api.key' }\n\
    egress = { hosts = ['HOST'], loopback = true, plain-http = true }\n";
const PATH: &str = "/api/v1/connection/newsletter";

#[tokio::test(flavor = "multi_thread")]
async fn the_files_connections_are_served_and_refused_to_the_api_with_the_files_name() {
    let bench = Bench::with(CONNECTION).await;
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
    assert_eq!(what, ["connection-created", "connection-tested"], "what did not change is not on record");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_follows_the_file_and_a_broken_file_changes_nothing() {
    let bench = Bench::with(CONNECTION).await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "by-api").await;
    let reload = || bench.send(&key, "POST", "/api/v1/reload", None);
    let nothing = json!({"added": [], "changed": [], "removed": [], "disabled": [], "problems": {}});
    assert_eq!(reload().await.json, nothing);

    bench.configure("this is no TOML");
    let broken = reload().await;
    assert_eq!(broken.problem(), (422, "not-reloaded"));
    assert!(broken.detail().contains("connector-host.toml:6"), "{broken:?}");
    assert_eq!(bench.get(&key, &format!("{PATH}/test")).await.json["test_status"], "succeeded");

    let more = format!(
        "{CONNECTION}enabled = false\nactions = ['consent']\n[connections.unsuited]\ntenant = 'acme'\nplugin = 'iterable'\n\
         [connections.by-api]\ntenant = 'acme'\nplugin = 'iterable'\n"
    );
    bench.configure(&more);
    let reloaded = reload().await;
    assert_eq!(reloaded.status, 200, "{reloaded:?}");
    assert_eq!(
        (&reloaded.json["added"], &reloaded.json["changed"]),
        (&json!(["unsuited"]), &json!(["newsletter"]))
    );
    let problems = &reloaded.json["problems"];
    assert!(problems["unsuited"].as_str().unwrap().contains("api-key"), "{reloaded:?}");
    assert!(problems["by-api"].as_str().unwrap().contains("made through the API"), "{reloaded:?}");
    let shown = bench.get(&key, PATH).await;
    assert_eq!((&shown.json["enabled"], &shown.json["actions"]), (&json!(false), &json!(["consent"])));
    let unsuited = bench.get(&key, "/api/v1/connection/unsuited").await;
    assert_eq!(unsuited.json["problem"]["errors"][0]["field"], "api-key");
    let tested = bench.get(&key, "/api/v1/connection/unsuited/test").await;
    assert_eq!(tested.json["test_status"], "failed");
    assert!(tested.json["failure_reason"].as_str().unwrap().contains("api-key"), "{tested:?}");
    assert_eq!(bench.get(&key, &format!("{PATH}/test")).await.json["test_status"], "succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_left_the_file_is_removed_or_disabled_while_requests_of_it_have_not_ended() {
    let second = CONNECTION.replace("[tenants.acme]\n", "").replace("newsletter", "second");
    let bench = Bench::with(&format!("{CONNECTION}{second}")).await;
    let key = bench.operator().await;
    bench.sql(
        "INSERT INTO requests (id, tenant, connection, person, action, state, step, received_at, next_at) \
         VALUES ('r-1', 'acme', 'newsletter', 1, 'erasure', 'waiting', 'act', 4102444800000, 9223372036854775807)",
    )
    .await;
    bench.configure("");
    let reloaded = bench.send(&key, "POST", "/api/v1/reload", None).await;
    assert_eq!(
        (&reloaded.json["removed"], &reloaded.json["disabled"]),
        (&json!(["second"]), &json!(["newsletter"]))
    );
    let shown = bench.get(&key, PATH).await;
    assert_eq!((&shown.json["left-file"], &shown.json["enabled"]), (&json!(true), &json!(false)));
    assert_eq!(bench.get(&key, "/api/v1/connection/second").await.problem(), (404, "unknown"));

    bench.configure(CONNECTION);
    let reloaded = bench.send(&key, "POST", "/api/v1/reload", None).await;
    assert_eq!(reloaded.json["changed"], json!(["newsletter"]));
    let shown = bench.get(&key, PATH).await;
    assert_eq!((&shown.json["left-file"], &shown.json["enabled"]), (&json!(false), &json!(true)));

    bench.configure("");
    bench.send(&key, "POST", "/api/v1/reload", None).await;
    let deleted = bench.send(&key, "DELETE", &format!("{PATH}?abandon=true"), None).await;
    assert_eq!(deleted.json["requests-abandoned"], 1, "{deleted:?}");
}
