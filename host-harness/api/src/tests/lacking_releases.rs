//! A release whose version does not load at a replica.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    releases::{Releases, on_two, people},
    writers::component,
};

const TEST: &str = "/api/v1/connection/jobs/test";

/// Submits an erasure of each of these people. Returns the requests.
async fn submitted(releases: &Releases, people: impl Iterator<Item = String>) -> BTreeMap<String, String> {
    let mut requests = BTreeMap::new();
    for email in people {
        let place = releases.refers.erase("jobs", &email).await;
        requests.insert(email, place);
    }
    requests
}

/// Checks that no request of these people is attempted.
async fn wait(releases: &Releases, requests: &BTreeMap<String, String>) {
    for place in requests.values() {
        let report = releases.refers.bench.get(&releases.refers.key, place).await.json;
        assert_eq!((&report["state"], &report["attempts"]), (&json!("waiting"), &json!([])), "{report}");
    }
}

async fn done_by(releases: &Releases, requests: &BTreeMap<String, String>, version: &str) {
    for place in requests.values() {
        let done = releases.refers.done(place).await;
        assert_eq!(done["attempts"][0]["plugin_version"], version, "{done}");
    }
}

/// Starts the service again without the component of the version that is released to half of the people `ada0` to `ada29`.
/// Returns it with those who are on the released version, and the others.
async fn restarted_without_released() -> (Releases, Vec<String>, Vec<String>) {
    let releases = Releases::of("two").await;
    releases.erase(people("ada", 30)).await;
    assert_eq!(releases.begin(&[50, 100], json!({})).await.status, 200);
    let versions = releases.erase(people("ada", 30)).await;
    let on_released: Vec<String> = on_two(&versions).into_iter().cloned().collect();
    let before: Vec<String> = versions.into_keys().filter(|email| !on_released.contains(email)).collect();
    assert!(on_released.len() > 5 && before.len() > 5, "{on_released:?} {before:?}");
    releases.lose_component().await;
    let Releases { refers, digest } = releases;
    (Releases { refers: refers.restarted().await, digest }, on_released, before)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_cannot_load_the_released_version_serves_those_whom_the_version_before_has() {
    let (releases, on_released, before) = restarted_without_released().await;
    let paused = releases.once(|release| release["state"] == "paused").await;
    assert!(paused["why"].as_str().unwrap().contains("cannot load the version"), "{paused}");
    // All requests are accepted. Those of people who were moved wait, and hold back no others.
    let moved = submitted(&releases, on_released.into_iter()).await;
    let others = submitted(&releases, before.into_iter()).await;
    done_by(&releases, &others, "one").await;
    wait(&releases, &moved).await;
    let connection =
        async || releases.refers.bench.get(&releases.refers.key, "/api/v1/connection/jobs").await.json;
    let test =
        async || releases.refers.bench.get(&releases.refers.key, TEST).await.json["failure_reason"].clone();
    assert_eq!((test().await, &connection().await["problem"]), (Value::Null, &Value::Null));
    // At the last step, the released version has all people and the connection.
    let advanced = releases.post("advance").await;
    assert_eq!(
        (&advanced.json["state"], &advanced.json["share"]),
        (&json!("running"), &json!(100.0)),
        "{advanced:?}"
    );
    let last = submitted(&releases, people("bob", 3)).await;
    let problem = connection().await["problem"].to_string();
    assert!(problem.contains("is still loading version"), "{problem}");
    assert!(test().await.as_str().unwrap().contains("is still loading version"));
    wait(&releases, &last).await;
    assert_eq!(releases.post("roll-back").await.json["state"], "rolled_back");
    done_by(&releases, &moved, "one").await;
    done_by(&releases, &last, "one").await;
    assert_eq!((test().await, &connection().await["problem"]), (Value::Null, &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn once_the_released_version_loads_its_people_are_served_by_it() {
    let (releases, on_released, _) = restarted_without_released().await;
    releases.once(|release| release["state"] == "paused").await;
    let moved = submitted(&releases, on_released.into_iter()).await;
    wait(&releases, &moved).await;
    let Releases { refers, digest } = releases;
    let (stored, bytes) = (digest.parse().unwrap(), component("two"));
    let repaired =
        refers.bench.parts.store.write(move |tx| {
            Box::pin(async move { host_store::components::insert(tx, stored, bytes).await })
        });
    repaired.await.unwrap();
    let releases = Releases { refers: refers.restarted().await, digest };
    done_by(&releases, &moved, "two").await;
    assert_eq!(releases.show().await["state"], "paused");
}
