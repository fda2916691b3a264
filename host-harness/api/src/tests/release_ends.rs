//! Releases that end or do not begin for other reasons than their verdict, and what they leave as it is.

use serde_json::{Value, json};
use test_support::eventually;

use super::releases::{RELEASE, Releases, posted};
use crate::testing::{ApiBench, component, tagged_guest};

/// The details of the open alarms of this kind.
async fn alarms(bench: &ApiBench, key: &str, kind: &str) -> Vec<String> {
    let alarms = bench.get(key, "/api/v1/alarms").await.json["alarms"].clone();
    let of_kind = alarms.as_array().unwrap().iter().filter(|alarm| alarm["kind"] == kind);
    of_kind.map(|alarm| alarm["detail"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_rolled_back_with_an_alarm_if_a_start_finds_another_version_than_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("guest.wasm");
    std::fs::write(&file, tagged_guest("build_one", 1)).unwrap();
    let bench = ApiBench::with(&format!("plugins.guest.file = '{}'", file.display())).await;
    let key = bench.operator().await;
    let uploaded = bench.post_component(&key, "guest/versions", &tagged_guest("build_one", 2)).await;
    let digest = uploaded.json["digest"].as_str().unwrap();
    let approve = format!("/api/v1/plugins/guest/versions/{digest}/approve");
    assert_eq!(bench.send(&key, "POST", &approve, None).await.status, 200);
    let release = "/api/v1/plugins/guest/release";
    let begun = bench.send(&key, "POST", release, Some(json!({"digest": digest}))).await;
    assert_eq!(begun.status, 200, "{begun:?}");
    std::fs::write(&file, tagged_guest("build_one", 3)).unwrap();
    let bench = bench.restarted().await;
    let shown = async || bench.get(&key, release).await.json;
    let back = eventually("it is rolled back", shown, |release| release["state"] == "rolled_back").await;
    let why = "because another version took the place of the one before";
    assert_eq!(back["why"], why, "{back}");
    let raised = alarms(&bench, &key, "plugin-release-rolled-back").await;
    assert!(raised.len() == 1 && raised[0].ends_with(why), "{raised:?}");
    // It ends once a version serves.
    let published = bench.post_component(&key, "guest", &tagged_guest("build_one", 4)).await;
    assert_eq!(published.status, 200, "{published:?}");
    assert_eq!(alarms(&bench, &key, "plugin-release-rolled-back").await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_changes_what_identifies_people_is_not_released_in_steps() {
    let releases = Releases::of("three").await;
    let refused = releases.begin(&[5, 100], json!({})).await;
    assert_eq!(refused.problem(), (409, "not-released"), "{refused:?}");
    assert!(refused.detail().contains("changes which identifiers identify people"), "{refused:?}");
    let refers = &releases.refers;
    assert_eq!(refers.bench.get(&refers.key, RELEASE).await.problem(), (404, "unknown"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_counted_and_the_verdict_survive_a_restart_and_stay_as_they_were_at_the_end() {
    let releases = Releases::of("two").await;
    releases.erase((0..20).map(|n| format!("ada{n}@example.com"))).await;
    assert_eq!(releases.begin(&[50, 100], json!({})).await.status, 200);
    releases.erase((0..20).map(|n| format!("ada{n}@example.com"))).await;
    let erasures = |release: &Value| {
        let calls = release["calls"].as_array().unwrap();
        let of = calls.iter().find(|of| of["kind"] == "erasure").cloned().unwrap_or_default();
        (of["new"]["calls"].as_u64().unwrap_or(0), of["before"]["calls"].as_u64().unwrap_or(0))
    };
    let counted = |release: &Value| {
        let (new, before) = erasures(release);
        new + before == 20
    };
    let before = releases.once(counted).await;
    let Releases { refers, digest } = releases;
    let releases = Releases { refers: refers.restarted().await, digest };
    assert_eq!(erasures(&releases.show().await), erasures(&before));
    assert_eq!(posted(&releases.refers, "roll-back").await.status, 200);
    let ended = releases.show().await;
    releases.erase((0..20).map(|n| format!("ada{n}@example.com"))).await;
    let later = releases.show().await;
    assert_eq!((&later["calls"], &later["verdict"]), (&ended["calls"], &ended["verdict"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn until_its_connection_is_released_a_delivery_is_read_by_the_version_before() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    let before = bench.get(&key, "/api/v1/plugins/iterable").await.json["digest"].clone();
    let next = [component("iterable"), vec![0, 3, 1, b'v', 1]].concat();
    let digest = bench.post_component(&key, "iterable/versions", &next).await.json["digest"].clone();
    let approve = format!("/api/v1/plugins/iterable/versions/{}/approve", digest.as_str().unwrap());
    assert_eq!(bench.send(&key, "POST", &approve, None).await.status, 200);
    let release = "/api/v1/plugins/iterable/release";
    let body = json!({"digest": digest, "steps": [5, 100]});
    assert_eq!(bench.send(&key, "POST", release, Some(body)).await.status, 200);
    let hook = "/api/v1/plus/connection/newsletter/consent-webhook";
    let issued = bench.get(&key, &format!("{hook}/token")).await;
    let header = format!("authorization: Bearer {}\r\n", issued.json["access_token"].as_str().unwrap());
    // The newest first.
    let readings = async |expected: &[u64]| {
        let listed = async || {
            let listed = bench.get(&key, "/api/v1/connection/newsletter/deliveries").await.json;
            let of = listed["deliveries"].as_array().unwrap().iter();
            let unread = of.filter(|of| of["state"] == "unreadable");
            unread.map(|of| (of["readings"].clone(), of["plugin_digest"].clone())).collect::<Vec<_>>()
        };
        let expected: Vec<_> = expected.iter().map(|number| (json!(number), before.clone())).collect();
        eventually("all are read", listed, |read| *read == expected).await;
    };
    assert_eq!(bench.raw("POST", hook, &header, b"no JSON").await.status, 200);
    readings(&[1]).await;
    let whole = bench.send(&key, "POST", &format!("{release}/advance"), Some(json!({"share": 5}))).await;
    assert_eq!(whole.json["share"], 100.0, "{whole:?}");
    // Now the released version reads it first. What it cannot read, the version before takes up.
    assert_eq!(bench.raw("POST", hook, &header, b"no JSON either").await.status, 200);
    readings(&[2, 1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn during_a_release_each_erasure_is_confirmed_by_the_version_that_carried_it_out() {
    let releases = Releases::of("two").await;
    let people = || (0..16).map(|n| format!("ada{n}@example.com"));
    releases.erase(people()).await;
    assert_eq!(releases.begin(&[50, 100], json!({})).await.status, 200);
    releases.refers.vendor.take();
    let versions = releases.erase(people()).await;
    let asked = releases.refers.vendor.take();
    for version in ["one", "two"] {
        let acted = versions.values().filter(|by| *by == version).count();
        let own = format!("/look/{version}/{version}-17");
        let confirmed = asked.iter().filter(|path| **path == own).count();
        assert!(acted > 0 && acted == confirmed, "{version}: {versions:?}, {asked:?}");
    }
}
