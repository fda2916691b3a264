//! Publishing and rolling back versions.

use std::time::Duration;
use test_support::eventually;

use serde_json::json;

use crate::testing::{ApiBench, guest};
use host_store::{
    components::{self, Publication},
    testing,
};

async fn version(bench: &ApiBench, key: &str, name: &str) -> String {
    let plugins = bench.get(key, "/api/v1/plugins").await;
    let plugins = plugins.json["plugins"].as_array().unwrap().clone();
    let plugin = plugins.iter().find(|plugin| plugin["name"] == name).unwrap();
    plugin["version"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_version_wins_over_the_file_after_a_restart_and_can_be_rolled_back() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    let nothing = bench.send(&key, "POST", "/api/v1/plugins/guest/roll-back", None).await;
    assert_eq!(nothing.problem(), (409, "not-replaced"));
    let published = bench.post_component(&key, "guest", &guest("build_two")).await;
    assert_eq!(published.status, 200, "{published:?}");
    assert_eq!(published.json["changes"], json!([]));
    assert!(
        published.json["next_start"].as_str().unwrap().contains("takes precedence over the file"),
        "{published:?}"
    );
    assert_eq!(version(&bench, &key, "guest").await, "two");
    let bench = bench.restarted().await;
    assert_eq!(version(&bench, &key, "guest").await, "two");
    for version_after in ["one", "two", "one"] {
        let rolled_back = bench.send(&key, "POST", "/api/v1/plugins/guest/roll-back", None).await;
        assert_eq!(rolled_back.status, 200, "{rolled_back:?}");
        assert_eq!(version(&bench, &key, "guest").await, version_after);
    }
    let bench = bench.restarted().await;
    assert_eq!(version(&bench, &key, "guest").await, "one");
    let records = bench.audit("*").await;
    let what = records.iter().map(|record| record["what"].clone()).filter(|what| what != "plugin-version");
    let what: Vec<_> = what.collect();
    assert_eq!(
        what[1..],
        ["plugin-published", "plugin-rolled-back", "plugin-rolled-back", "plugin-rolled-back"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_requests_more_permissions_waits_for_approval() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    let refused = bench.post_component(&key, "guest", &guest("build_greedy")).await;
    assert_eq!(refused.problem(), (409, "asks-for-more"));
    assert!(!refused.json["changes"].as_array().unwrap().is_empty(), "{refused:?}");
    assert_eq!(version(&bench, &key, "guest").await, "one");
    let agreed = bench.post_component(&key, "guest?agree=true", &guest("build_greedy")).await;
    assert_eq!(agreed.json["changes"], refused.json["changes"], "{agreed:?}");
    assert_ne!(version(&bench, &key, "guest").await, "one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_plugin_is_accepted_once_all_its_permissions_are_approved_and_survives_a_restart() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    let refused = bench.post_component(&key, "fresh", &guest("build_one")).await;
    assert_eq!(refused.problem(), (409, "asks-for-more"));
    assert_eq!(bench.post_component(&key, "fresh?agree=true", &guest("build_one")).await.status, 200);
    let bench = bench.restarted().await;
    assert_eq!(version(&bench, &key, "fresh").await, "one");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_take_its_place_is_refused_and_the_running_version_serves_on() {
    let watched = format!(
        "plugins.watched = {{ file = '{}', watch = true }}",
        xtask::components::current("guests/build_one").unwrap().display()
    );
    let (bench, key) = ApiBench::with_guest("build_one", &watched).await;
    for (path, component, problem) in [
        ("guest", b"no wasm".to_vec(), (422, "no-component")),
        ("guest?agree=true", guest("reports_on_trust"), (409, "not-replaced")),
        ("watched", guest("build_two"), (409, "not-replaced")),
        ("Fresh?agree=true", guest("build_one"), (422, "no-component")),
    ] {
        assert_eq!(bench.post_component(&key, path, &component).await.problem(), problem, "{path}");
    }
    let unknown = bench.send(&key, "POST", "/api/v1/plugins/never/roll-back", None).await;
    assert_eq!(unknown.problem(), (404, "unknown"));
    assert_eq!(version(&bench, &key, "guest").await, "one");
    let names: Vec<_> = bench.parts.served.host().plugins().keys().cloned().collect();
    assert_eq!(names, ["guest", "iterable", "watched"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_version_that_no_longer_loads_raises_an_alarm_and_does_not_prevent_a_start() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    bench.connect(&key, "acme", "newsletter").await;
    assert_eq!(bench.post_component(&key, "guest", &guest("build_two")).await.status, 200);
    bench.sql("UPDATE components SET bytes = x'00'").await;
    let bench = bench.restarted().await;
    assert_eq!(bench.get(&key, "/api/v1/connection/newsletter/test").await.json["test_status"], "succeeded");
    let ready = bench.raw("GET", "/ready", "", b"").await;
    assert_eq!(
        (ready.problem(), ready.detail()),
        ((503, "unavailable"), r#"plugins are not loaded: {"guest"}"#)
    );
    let alarms = bench.get(&key, "/api/v1/alarms").await;
    let alarm = &alarms.json["alarms"][0];
    assert_eq!((&alarm["kind"], &alarm["about"]), (&json!("plugin-not-loaded"), &json!("guest")));
    assert_eq!(bench.post_component(&key, "guest?agree=true", &guest("build_two")).await.status, 200);
    assert_eq!(bench.raw("GET", "/ready", "", b"").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_that_another_version_overtakes_changes_nothing() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    assert_eq!(bench.post_component(&key, "guest", &guest("build_two")).await.status, 200);
    let changing = bench.parts.connections.hold_changes().await;
    // The roll-back waits here, after it has determined its target.
    let compiling = bench.parts.connections.hold_compiling().await;
    let overtaking = async {
        eventually("it compiles", async || bench.parts.connections.is_compiling(), |is| *is).await;
        let vault = bench.parts.store.vault().clone();
        let overtaken = bench.write(move |tx| {
            Box::pin(async move {
                let guest = components::publications(tx, &vault).await?.remove(0).publication?;
                components::publish(tx, &vault, &Publication { before: Some(guest.digest), ..guest }).await
            })
        });
        overtaken.await;
        drop((compiling, changing));
    };
    let rolling_back = bench.send(&key, "POST", "/api/v1/plugins/guest/roll-back", None);
    let both = async { tokio::join!(rolling_back, overtaking) };
    let (rolled_back, ()) = tokio::time::timeout(Duration::from_mins(1), both).await.unwrap();
    assert_eq!(rolled_back.problem(), (409, "not-replaced"));
    assert!(
        rolled_back.detail().starts_with("another version of plugin guest was published in the meantime")
    );
    assert_eq!(version(&bench, &key, "guest").await, "two");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_component_compiles_other_changes_go_through() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    bench.connect(&key, "acme", "newsletter").await;
    let loops = guest("describe_loops");
    // Loading calls `describe`, which never returns in this component.
    let publishing = bench.post_component(&key, "guest", &loops);
    let compiling = async || {
        eventually("it compiles", async || bench.parts.connections.is_compiling(), |is| *is).await;
    };
    let others = async {
        compiling().await;
        bench.connect(&key, "globex", "aside").await;
        let change = json!({"egress": {"denied_operations": ["list-channels"]}});
        let path = "/api/v1/connection/newsletter";
        let changed = bench.send(&key, "PATCH", path, Some(change)).await;
        assert_eq!(changed.status, 200, "{changed:?}");
        compiling().await;
    };
    tokio::select! {
        biased;
        () = others => {}
        published = publishing => panic!("the publication ended first: {published:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_component_that_does_not_match_its_digest_does_not_run_and_raises_an_alarm() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    for name in ["build_two", "build_one"] {
        assert_eq!(bench.post_component(&key, "guest", &guest(name)).await.status, 200);
    }
    // Build two, which ran before, in place of build one under its digest.
    let digests = "UPDATE components SET bytes = (SELECT c.bytes FROM components c, publications p WHERE \
                   c.digest = p.before) WHERE digest = (SELECT digest FROM publications)";
    bench.sql(digests).await;
    let bench = bench.restarted().await;
    let alarms = bench.get(&key, "/api/v1/alarms").await.json["alarms"].clone();
    assert_eq!((&alarms[0]["kind"], &alarms[0]["about"]), (&json!("plugin-not-loaded"), &json!("guest")));
    let detail = alarms[0]["detail"].as_str().unwrap();
    assert!(detail.contains("were damaged or replaced: they do not match its digest"), "{detail}");
    let plugins = bench.get(&key, "/api/v1/plugins").await.json["plugins"].clone();
    assert!(!plugins.as_array().unwrap().iter().any(|plugin| plugin["name"] == "guest"), "{plugins}");
    // Publishing the same component again replaces the damaged bytes.
    let again = bench.post_component(&key, "guest?agree=true", &guest("build_one")).await;
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(version(&bench.restarted().await, &key, "guest").await, "one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_was_damaged_in_the_database_is_not_rolled_back_to() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    for name in ["build_two", "build_one"] {
        assert_eq!(bench.post_component(&key, "guest", &guest(name)).await.status, 200);
    }
    bench.sql("UPDATE components SET bytes = x'00' WHERE digest = (SELECT before FROM publications)").await;
    let refused = bench.send(&key, "POST", "/api/v1/plugins/guest/roll-back", None).await;
    assert_eq!(refused.problem(), (409, "not-replaced"));
    assert!(refused.detail().ends_with("do not match its digest: publish it again instead"), "{refused:?}");
    assert_eq!(version(&bench, &key, "guest").await, "one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publication_that_was_changed_in_the_database_does_not_run_and_raises_an_alarm() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    for name in ["build_two", "build_one"] {
        assert_eq!(bench.post_component(&key, "guest", &guest(name)).await.status, 200);
    }
    bench.sql("UPDATE publications SET digest = before, before = digest").await;
    let bench = bench.restarted().await;
    let alarms = bench.get(&key, "/api/v1/alarms").await.json["alarms"].clone();
    assert_eq!((&alarms[0]["kind"], &alarms[0]["about"]), (&json!("plugin-not-loaded"), &json!("guest")));
    let refused = bench.send(&key, "POST", "/api/v1/plugins/guest/roll-back", None).await;
    assert_eq!(refused.problem(), (404, "unknown"), "no version of the plugin runs: {refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_the_running_version_again_repairs_its_row_and_its_bytes() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    assert_eq!(bench.post_component(&key, "guest", &guest("build_two")).await.status, 200);
    for damage in ["UPDATE publications SET before = digest", "UPDATE components SET bytes = x'00'"] {
        bench.sql(damage).await;
        assert_eq!(bench.post_component(&key, "guest", &guest("build_two")).await.status, 200, "{damage}");
        let foreign = "SELECT 1 FROM publications WHERE before = digest UNION SELECT 1 FROM components \
                       WHERE bytes = x'00' AND digest = (SELECT digest FROM publications)";
        let left = bench.write(move |tx| {
            Box::pin(async move {
                let foreign = testing::in_dialect(tx, foreign);
                Ok(sqlx::query(foreign).fetch_all(tx).await?.len())
            })
        });
        assert_eq!(left.await, 0, "{damage}");
    }
    assert_eq!(version(&bench.restarted().await, &key, "guest").await, "two");
}
