//! The history of plugin versions, and the separate steps of a publication.

use host_model::plugin_version::VersionState;
use serde_json::{Value, json};

use crate::testing::{Answer, ApiBench, tagged_guest};

/// The guest `build_one` with `tag` in a custom section, so that its digest is another one.
fn version(tag: u8) -> Vec<u8> {
    tagged_guest("build_one", tag)
}

async fn history(bench: &ApiBench, key: &str) -> Vec<Value> {
    let history = bench.get(key, "/api/v1/plugins/guest/versions").await;
    history.json["versions"].as_array().unwrap_or_else(|| panic!("{history:?}")).clone()
}

fn states(version: &Value) -> Vec<&str> {
    version["steps"].as_array().unwrap().iter().map(|step| step["state"].as_str().unwrap()).collect()
}

async fn act(bench: &ApiBench, key: &str, version: &Value, act: &str) -> Answer {
    let digest = version["digest"].as_str().unwrap();
    bench.send(key, "POST", &format!("/api/v1/plugins/guest/versions/{digest}/{act}"), None).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_uploaded_approved_and_served_in_separate_steps() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    let uploaded = bench
        .post_component(&key, "guest/versions?note=asks+for+more", &tagged_guest("build_greedy", 1))
        .await;
    assert_eq!(uploaded.status, 201, "{uploaded:?}");
    let greedy = uploaded.json.clone();
    assert_eq!((&greedy["state"], &greedy["note"]), (&json!("proven"), &json!("asks for more")));
    let early = act(&bench, &key, &greedy, "serve").await;
    assert_eq!(early.problem(), (409, "not-replaced"));
    assert!(early.detail().ends_with("is proven: approve it first"), "{early:?}");
    let approved = act(&bench, &key, &greedy, "approve").await;
    assert_eq!(approved.json["state"], "approved");
    let requests = approved.json["steps"].as_array().unwrap().last().unwrap()["evidence"]["requests"].clone();
    assert!(!requests.as_array().unwrap().is_empty(), "{approved:?}");
    let served = act(&bench, &key, &greedy, "serve").await;
    assert_eq!((served.status, &served.json["digest"]), (200, &greedy["digest"]));
    let history = history(&bench, &key).await;
    assert_eq!(states(&history[0]), ["uploaded", "compiled", "proven", "approved", "serving"]);
    assert_eq!((&history[0]["source"], &history[1]["source"]), (&json!("upload"), &json!("file")));
    assert_eq!(states(&history[1]), ["serving", "retired"]);
    assert!(history[0]["steps"][3]["by"].as_str().unwrap().starts_with("API key operator"));
    let audit: Vec<_> =
        bench.audit("*").await.into_iter().filter(|line| line["what"] == "plugin-version").collect();
    let recorded: Vec<_> = audit.iter().map(|line| line["detail"]["state"].as_str().unwrap()).collect();
    // The plugins of the file begin to serve at the start.
    assert_eq!(recorded[2..], ["uploaded", "compiled", "proven", "approved", "retired", "serving"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_version_stays_in_the_history_with_its_reason_and_without_its_bytes() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    for (component, problem, reason) in [
        (b"no wasm".to_vec(), (422, "no-component"), "not-loaded"),
        (tagged_guest("build_greedy", 1), (409, "asks-for-more"), "asks-for-more"),
        (tagged_guest("reports_on_trust", 1), (409, "not-replaced"), "another-connector"),
        (tagged_guest("describe_loops", 1), (422, "no-component"), "not-described"),
        (vec![0; 3 << 20], (422, "no-component"), "too-large"),
    ] {
        assert_eq!(bench.post_component(&key, "guest", &component).await.problem(), problem, "{reason}");
        let refused = history(&bench, &key)
            .await
            .into_iter()
            .find(|of| of["steps"].as_array().unwrap().last().unwrap()["reason"] == reason);
        let refused = refused.unwrap_or_else(|| panic!("no {reason}"));
        assert_eq!(
            (&refused["state"], &refused["is_stored"]),
            (&json!("refused"), &json!(false)),
            "{reason}"
        );
    }
    let serving: Vec<_> =
        history(&bench, &key).await.into_iter().filter(|version| version["state"] == "serving").collect();
    assert_eq!(serving.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_of_the_last_20_that_served_is_put_back_at_once_and_older_ones_are_deleted() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    for tag in 1..=22 {
        assert_eq!(bench.post_component(&key, "guest", &version(tag)).await.status, 200);
    }
    let versions = history(&bench, &key).await;
    let stored: Vec<_> = versions.iter().map(|version| version["is_stored"].as_bool().unwrap()).collect();
    // Those of 22 uploads and of the file.
    assert_eq!(stored, [vec![true; 20], vec![false; 3]].concat());
    let bench = bench.restarted().await;
    let oldest = &versions[19];
    let back = act(&bench, &key, oldest, "serve").await;
    assert_eq!((back.status, &back.json["digest"]), (200, &oldest["digest"]), "{back:?}");
    let gone = act(&bench, &key, &versions[20], "serve").await;
    assert_eq!(gone.problem(), (409, "not-replaced"), "{gone:?}");
    let all = bench.get(&key, "/api/v1/plugins/guest/versions").await;
    assert_eq!(all.json["max_kept"], 20);
    let iterable = bench.get(&key, "/api/v1/plugins/iterable/versions").await;
    let stored = [&all, &iterable].into_iter().flat_map(|of| of.json["versions"].as_array().unwrap());
    let stored = stored.filter(|version| version["is_stored"] == true);
    let size: i64 = stored.map(|version| version["size"].as_i64().unwrap()).sum();
    assert_eq!(all.json["stored_bytes"], size);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_does_not_cover_what_another_version_dropped_since() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    assert_eq!(
        bench.post_component(&key, "guest?agree=true", &tagged_guest("build_greedy", 1)).await.status,
        200
    );
    // It requests nothing beyond the greedy one.
    let uploaded = bench.post_component(&key, "guest/versions", &tagged_guest("build_greedy", 2)).await;
    assert_eq!(act(&bench, &key, &uploaded.json, "approve").await.status, 200);
    assert_eq!(bench.post_component(&key, "guest?agree=true", &version(3)).await.status, 200);
    assert_eq!(act(&bench, &key, &uploaded.json, "serve").await.problem(), (409, "asks-for-more"));
    let one = json!({"key": "one", "tenant": "acme", "plugin": "guest", "settings": {"domain": "vendor.example.com"},
        "egress": {"hosts": ["vendor.example.com"]}});
    assert_eq!(bench.send(&key, "POST", "/api/v1/connection", Some(one)).await.status, 201);
    let (pin, place) =
        (json!({"digest": uploaded.json["digest"]}), "/api/v1/plugins/guest/pins/connections/one");
    let pinned = bench.send(&key, "PUT", place, Some(pin)).await;
    assert_eq!(pinned.problem(), (409, "asks-for-more"), "a pin is no way around it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_tested_on_an_approved_version_that_does_not_serve() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    let next = std::fs::read(xtask::components::current("iterable-next").unwrap()).unwrap();
    let uploaded = bench.post_component(&key, "iterable/versions", &next).await;
    let version = format!("/api/v1/plugins/iterable/versions/{}", uploaded.json["digest"].as_str().unwrap());
    let test = format!("{version}/test?connection=newsletter");
    assert_eq!(bench.send(&key, "POST", &test, None).await.problem(), (409, "version-not-usable"));
    assert_eq!(bench.send(&key, "POST", &format!("{version}/approve"), None).await.status, 200);
    bench.stand_in.take_requests();
    let tested = bench.send(&key, "POST", &test, None).await;
    assert_eq!((tested.status, &tested.json["test_status"]), (200, &json!("succeeded")), "{tested:?}");
    let requests = bench.stand_in.take_requests();
    assert!(!requests.is_empty() && requests.iter().all(|sent| sent.method == "GET"), "{requests:?}");
    let unknown = format!("{version}/test?connection=never");
    assert_eq!(bench.send(&key, "POST", &unknown, None).await.json["test_status"], "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_not_tested_on_a_version_of_another_plugin() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    bench.connect(&key, "acme", "newsletter").await;
    let tested = act(&bench, &key, &history(&bench, &key).await[0], "test?connection=newsletter").await;
    assert_eq!(tested.problem(), (422, "unsuited"));
    assert!(tested.detail().contains("newsletter"), "{tested:?}");
    assert_eq!(bench.stand_in.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn serving_the_version_that_serves_changes_nothing_and_a_roll_back_still_goes_back() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    for tag in [1, 2] {
        assert_eq!(bench.post_component(&key, "guest", &version(tag)).await.status, 200);
    }
    let before = history(&bench, &key).await;
    let again = act(&bench, &key, &before[0], "serve").await;
    assert_eq!((again.status, &again.json["steps"]), (200, &json!([])), "{again:?}");
    assert_eq!(history(&bench, &key).await, before);
    let back = bench.send(&key, "POST", "/api/v1/plugins/guest/roll-back", None).await;
    assert_eq!(back.json["digest"], before[1]["digest"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_was_cut_off_before_its_proof_cannot_be_approved() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    let uploaded = bench.post_component(&key, "guest/versions", &version(1)).await;
    // What a process that ended during the proof leaves.
    let vault = bench.parts.store.vault().clone();
    bench
        .write(move |tx| {
            Box::pin(async move {
                let of = host_store::versions::of_plugin(tx, "guest").await?;
                let proven = of.into_iter().find(|of| of.version.state == VersionState::Proven).unwrap();
                let step = host_store::versions::steps(tx, &proven).await?.remove(1);
                host_store::versions::advance(tx, &vault, &proven.version, &step).await
            })
        })
        .await;
    let refused = act(&bench, &key, &uploaded.json, "approve").await;
    assert_eq!(refused.problem(), (409, "not-replaced"), "{refused:?}");
    assert!(refused.detail().contains("is compiled: upload it again"), "{refused:?}");
    let long = "x".repeat(1_001);
    let refused = bench.post_component(&key, &format!("guest/versions?note={long}"), &version(2)).await;
    assert_eq!(refused.problem(), (400, "bad-query"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_whose_row_was_changed_from_outside_does_not_serve() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    let uploaded = bench.post_component(&key, "guest/versions", &tagged_guest("build_greedy", 1)).await;
    bench.sql("UPDATE versions SET state = 'approved' WHERE state = 'proven'").await;
    let shown = history(&bench, &key).await;
    assert!(shown.iter().any(|version| version["is_authentic"] == false), "{shown:?}");
    assert_eq!(act(&bench, &key, &uploaded.json, "serve").await.problem(), (404, "unknown"));
}

/// Such a database has publications and components, but no history.
#[tokio::test(flavor = "multi_thread")]
async fn a_published_version_and_its_predecessor_are_the_first_entries_of_an_upgraded_database() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    for tag in [1, 2] {
        assert_eq!(bench.post_component(&key, "guest", &version(tag)).await.status, 200);
    }
    let before = history(&bench, &key).await;
    bench.sql("DELETE FROM versions").await;
    bench.sql("DELETE FROM version_steps").await;
    let bench = bench.restarted().await;
    let entered = history(&bench, &key).await;
    let seen: Vec<_> = entered.iter().map(|of| (&of["digest"], &of["source"], states(of))).collect();
    let earlier = json!("earlier");
    assert_eq!(
        seen,
        [
            (&before[0]["digest"], &earlier, vec!["serving"]),
            (&before[1]["digest"], &earlier, vec!["retired"])
        ]
    );
    assert_eq!(act(&bench, &key, &entered[1], "serve").await.status, 200);
}
