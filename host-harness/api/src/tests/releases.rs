//! Releases of versions in steps.

mod under_load;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use test_support::eventually;

use super::writers::{Refers, component};
use crate::testing::Answer;

pub(super) const RELEASE: &str = "/api/v1/plugins/refers/release";

/// A service whose plugin `refers` runs version one, with another version that was approved.
pub(super) struct Releases {
    pub(super) refers: Refers,
    /// The digest of the version that was approved.
    pub(super) digest: String,
}

impl Releases {
    pub(super) async fn of(version: &str) -> Self {
        let refers = Refers::start().await;
        let digest = approved(&refers, version).await;
        Self { refers, digest }
    }

    /// Begins a release with few calls in each step, which lasts until `more` says otherwise.
    pub(super) async fn begin(&self, steps: &[u32], more: Value) -> Answer {
        let mut body = json!({
            "digest": self.digest, "steps": steps, "calls": 10, "calls_of_kind": 1, "proofs": 1,
            "minimum_step_ms": 86_400_000_i64, "maximum_step_ms": 86_400_000_i64,
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.refers.bench.send(&self.refers.key, "POST", RELEASE, Some(body)).await
    }

    pub(super) async fn show(&self) -> Value {
        self.refers.bench.get(&self.refers.key, RELEASE).await.json
    }

    pub(super) async fn post(&self, what: &str) -> Answer {
        posted(&self.refers, what).await
    }

    pub(super) async fn once(&self, shows: impl Fn(&Value) -> bool) -> Value {
        eventually("the release is as expected", async || self.show().await, |release| shows(release)).await
    }

    /// Damages the stored component of the released version, so that it loads at no replica that starts from then on.
    pub(super) async fn lose_component(&self) {
        let damage = "UPDATE components SET bytes = x'00' WHERE digest IN (SELECT digest FROM releases)";
        self.refers.bench.sql(damage).await;
    }

    /// Erases these people. Returns the connector's version that carried out each, once all are done.
    pub(super) async fn erase(&self, people: impl Iterator<Item = String>) -> BTreeMap<String, String> {
        let mut requests = BTreeMap::new();
        for email in people {
            let place = self.refers.erase("jobs", &email).await;
            requests.insert(email, place);
        }
        let mut versions = BTreeMap::new();
        for (email, place) in requests {
            let done = self.refers.done(&place).await;
            versions.insert(email, done["attempts"][0]["plugin_version"].as_str().unwrap().to_owned());
        }
        versions
    }
}

/// Moves the release at this replica. Ends the step that it is in.
pub(super) async fn posted(refers: &Refers, what: &str) -> Answer {
    let share = async || refers.bench.get(&refers.key, RELEASE).await.json["share"].clone();
    let body = if what == "advance" { Some(json!({"share": share().await})) } else { None };
    refers.bench.send(&refers.key, "POST", &format!("{RELEASE}/{what}"), body).await
}

/// Uploads and approves a version. Returns its digest.
pub(super) async fn approved(refers: &Refers, version: &str) -> String {
    let uploaded = refers.bench.post_component(&refers.key, "refers/versions", &component(version)).await;
    assert_eq!(uploaded.status, 201, "{uploaded:?}");
    let digest = uploaded.json["digest"].as_str().unwrap().to_owned();
    let approve = format!("/api/v1/plugins/refers/versions/{digest}/approve");
    let approved = refers.bench.send(&refers.key, "POST", &approve, None).await;
    assert_eq!(approved.json["state"], "approved", "{approved:?}");
    digest
}

pub(super) fn people(name: &str, number: usize) -> impl Iterator<Item = String> {
    (0..number).map(move |n| format!("{name}{n}@example.com"))
}

/// Those of `versions` who are on the connector's version `two`.
pub(super) fn on_two(versions: &BTreeMap<String, String>) -> Vec<&String> {
    versions.iter().filter(|(_, version)| *version == "two").map(|(email, _)| email).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_growing_share_of_people_moves_once_and_a_roll_back_moves_all_of_them_back() {
    let releases = Releases::of("two").await;
    // Each person has a number before.
    releases.erase(people("ada", 40)).await;
    let begun = releases.begin(&[20, 60, 100], json!({})).await;
    assert_eq!(
        (begun.status, &begun.json["state"], &begun.json["share"]),
        (200, &json!("running"), &json!(20.0))
    );
    let first = releases.erase(people("ada", 40)).await;
    let moved_first = on_two(&first);
    assert!((1..=20).contains(&moved_first.len()), "{moved_first:?}");
    let advanced = releases.post("advance").await;
    assert_eq!(advanced.json["share"], 60.0, "{advanced:?}");
    let twice = format!("{RELEASE}/advance");
    let twice =
        releases.refers.bench.send(&releases.refers.key, "POST", &twice, Some(json!({"share": 20}))).await;
    assert_eq!(twice.problem(), (409, "not-released"), "a step that was ended is not ended again");
    assert!(twice.detail().contains("the release is at 60 %, not at 20 %"), "{twice:?}");
    let second = releases.erase(people("ada", 40)).await;
    let moved_second = on_two(&second);
    assert!((13..=35).contains(&moved_second.len()), "{moved_second:?}");
    assert!(moved_first.iter().all(|email| moved_second.contains(email)), "nobody moves back");
    // Neither a paused release nor a restart moves a person.
    let Releases { refers, digest } = releases;
    let paused = posted(&refers, "pause").await;
    assert_eq!(paused.json["state"], "paused", "{paused:?}");
    let releases = Releases { refers: refers.restarted().await, digest };
    assert_eq!(releases.erase(people("ada", 40)).await, second);
    let back = releases.post("roll-back").await;
    assert_eq!((&back.json["state"], &back.json["share"]), (&json!("rolled_back"), &json!(0.0)), "{back:?}");
    assert!(on_two(&releases.erase(people("ada", 40)).await).is_empty());
    // The only connection was never released: it is released with the last step.
    assert_eq!(releases.post("resume").await.problem(), (409, "not-released"));
    let audit = releases.refers.bench.audit("*").await;
    let states: Vec<_> = audit
        .iter()
        .filter(|line| line["what"] == "plugin-release")
        .map(|line| line["detail"]["state"].as_str().unwrap())
        .collect();
    assert_eq!(states[..2], ["running at 20 %", "running at 60 %"]);
    assert!(states[2].starts_with("paused at 60 %") && states[3].starts_with("rolled back"), "{states:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_good_at_each_step_serves_in_place_of_the_one_before() {
    let releases = Releases::of("two").await;
    releases.erase(people("ada", 40)).await;
    let begun = releases.begin(&[50, 100], json!({"minimum_step_ms": 0})).await;
    assert_eq!(begun.status, 200, "{begun:?}");
    let one = begun.json["before"].as_str().unwrap().to_owned();
    // While it is released, nothing else replaces the version before.
    let refers = &releases.refers;
    let other = refers.bench.post_component(&refers.key, "refers?agree=true", &component("three")).await;
    assert_eq!(other.problem(), (409, "not-replaced"), "{other:?}");
    assert!(other.detail().contains("is being released in steps"), "{other:?}");
    releases.erase(people("ada", 40)).await;
    let last = releases.once(|release| release["share"] == 100.0).await;
    assert_eq!(last["state"], "running", "{last}");
    releases.erase(people("bob", 20)).await;
    let completed = releases.once(|release| release["state"] == "completed").await;
    assert_eq!((&completed["verdict"], &completed["reasons"]), (&json!("good"), &json!([])), "{completed}");
    let plugin = refers.bench.get(&refers.key, "/api/v1/plugins/refers").await.json;
    assert_eq!(plugin["digest"], json!(releases.digest));
    assert_eq!(on_two(&releases.erase(people("ada", 5)).await).len(), 5);
    // It can be rolled back like any other one.
    releases.refers.roll_back().await;
    let plugin = refers.bench.get(&refers.key, "/api/v1/plugins/refers").await.json;
    assert_eq!(plugin["digest"], json!(one));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_traps_is_found_bad_and_rolled_back_with_an_alarm() {
    let releases = Releases::of("flawed").await;
    releases.erase(people("ada", 10)).await;
    assert_eq!(releases.begin(&[50, 100], json!({})).await.status, 200);
    // Every fourth person is one for whom the version traps.
    let mut last = String::new();
    for n in 0..200 {
        let name = if n % 4 == 0 { "trap" } else { "ada" };
        last = releases.refers.erase("jobs", &format!("{name}{n}@example.com")).await;
    }
    let back = releases.once(|release| release["state"] == "rolled_back").await;
    releases.refers.done(&last).await;
    assert_eq!(back["verdict"], "bad", "{back}");
    let why = back["why"].as_str().unwrap();
    assert!(why.contains("traps in erasure calls: "), "{why}");
    let counted = back["calls"].as_array().unwrap().iter().find(|calls| calls["kind"] == "erasure").unwrap();
    assert!(counted["new"]["trapped"].as_u64() >= Some(5), "{counted}");
    assert_eq!(counted["before"]["trapped"], 0, "{counted}");
    let alarms = releases.refers.bench.get(&releases.refers.key, "/api/v1/alarms").await.json;
    let kinds =
        |kind| alarms["alarms"].as_array().unwrap().iter().filter(|alarm| alarm["kind"] == kind).count();
    assert_eq!((kinds("plugin-release-rolled-back"), kinds("plugin-release-paused")), (1, 0), "{alarms}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_too_few_calls_the_verdict_is_inconclusive_and_the_release_is_paused_with_an_alarm() {
    let releases = Releases::of("two").await;
    let others = releases.refers.further_replicas().await;
    releases.erase(people("ada", 3)).await;
    let quick = json!({"minimum_step_ms": 0, "maximum_step_ms": 0});
    assert_eq!(releases.begin(&[50, 100], quick).await.status, 200);
    let paused = releases.once(|release| release["state"] == "paused").await;
    assert_eq!((&paused["verdict"], &paused["share"]), (&json!("inconclusive"), &json!(50.0)), "{paused}");
    assert!(paused["why"].as_str().unwrap().contains("too few calls: 0, expected at least 10"), "{paused}");
    let alarms = async |refers: &Refers| {
        let alarms = refers.bench.get(&refers.key, "/api/v1/alarms").await.json;
        let alarms = alarms["alarms"].as_array().unwrap().iter();
        alarms.filter(|alarm| alarm["kind"] == "plugin-release-paused").count()
    };
    for refers in others.iter().chain([&releases.refers]) {
        let shown = refers.bench.get(&refers.key, RELEASE).await.json;
        assert_eq!((&shown["why"], alarms(refers).await), (&paused["why"], 1), "{shown}");
    }
    assert_eq!(releases.post("advance").await.json["share"], 100.0);
    assert_eq!(alarms(&releases.refers).await, 0);
    for replica in others {
        replica.bench.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_connection_takes_no_part_and_deliveries_stay_with_the_version_before() {
    let releases = Releases::of("two").await;
    let Releases { refers, .. } = &releases;
    refers.connect("acme", "fixed").await;
    let one = refers.bench.get(&refers.key, "/api/v1/plugins/refers").await.json["digest"].clone();
    let pin = "/api/v1/plugins/refers/pins/connections/fixed";
    let pinned = refers.bench.send(&refers.key, "PUT", pin, Some(json!({"digest": one}))).await;
    assert_eq!(pinned.status, 200, "{pinned:?}");
    assert_eq!(releases.begin(&[99, 100], json!({})).await.status, 200);
    for n in 0..3 {
        let place = refers.erase("fixed", &format!("ada{n}@example.com")).await;
        assert_eq!(refers.done(&place).await["attempts"][0]["plugin_version"], "one");
    }
    // The connection itself is released with the last step, its people before: so its tests and items, too.
    let answering =
        async || refers.bench.get(&refers.key, "/api/v1/connection/jobs/test").await.json.to_string();
    assert!(answering().await.contains("\"one\""), "{}", answering().await);
    let version =
        async || refers.bench.get(&refers.key, "/api/v1/connection/jobs").await.json["version"].clone();
    assert_eq!(version().await, one);
    assert!(on_two(&releases.erase(people("ada", 10)).await).len() > 5);
    assert_eq!(releases.post("advance").await.json["share"], 100.0);
    assert_eq!(version().await, json!(releases.digest));
    assert!(answering().await.contains("\"two\""), "{}", answering().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_approved_version_is_released_once_at_a_time_and_in_growing_steps() {
    let releases = Releases::of("two").await;
    let refers = &releases.refers;
    assert_eq!(refers.bench.get(&refers.key, RELEASE).await.problem(), (404, "unknown"));
    assert_eq!(releases.post("pause").await.problem(), (404, "unknown"));
    for (steps, detail) in
        [(json!([5, 5, 100]), "not greater"), (json!([5]), "expected 100 %"), (json!([0.001, 100]), "0.001")]
    {
        let refused = releases.begin(&[], json!({"steps": steps})).await;
        assert_eq!(refused.problem(), (400, "bad-body"), "{refused:?}");
        assert!(refused.detail().contains(detail), "{refused:?}");
    }
    let zero = releases.begin(&[100], json!({"calls": 0})).await;
    assert_eq!(zero.problem(), (400, "bad-body"), "{zero:?}");
    let one = refers.bench.get(&refers.key, "/api/v1/plugins/refers").await.json["digest"].clone();
    let serving = releases.begin(&[100], json!({"digest": one})).await;
    assert_eq!(serving.problem(), (409, "not-released"), "{serving:?}");
    assert_eq!(releases.begin(&[5, 100], json!({})).await.status, 200);
    assert_eq!(releases.begin(&[5, 100], json!({})).await.problem(), (409, "not-replaced"));
    // One that was changed from outside serves no connection, and holds back no other.
    refers.bench.sql("UPDATE releases SET state = REPLACE(state, '500', '9000')").await;
    let foreign = releases.post("pause").await;
    assert_eq!(foreign.problem(), (409, "not-released"), "{foreign:?}");
    assert_eq!(releases.begin(&[5, 100], json!({})).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_changes_what_identifies_people_is_released_to_no_share_of_them() {
    let releases = Releases::of("three").await;
    for steps in [&[5, 100][..], &[100]] {
        let refused = releases.begin(steps, json!({})).await;
        assert_eq!(refused.problem(), (409, "not-released"), "{refused:?}");
        assert!(refused.detail().contains("changes which identifiers identify people"), "{refused:?}");
    }
    assert_eq!(releases.show().await["status"], 404);
    let served = format!("/api/v1/plugins/refers/versions/{}/serve?agree=true", releases.digest);
    let served = releases.refers.bench.send(&releases.refers.key, "POST", &served, None).await;
    assert_eq!(served.status, 200, "{served:?}");
}

/// Several processes on one database, which only PostgreSQL can have.
#[tokio::test(flavor = "multi_thread")]
async fn every_replica_follows_a_release_and_one_that_cannot_load_its_version_pauses_it() {
    let releases = Releases::of("two").await;
    if !releases.refers.bench.is_on_server() {
        return;
    }
    let others = [releases.refers.replica().await, releases.refers.replica().await];
    releases.erase(people("ada", 30)).await;
    assert_eq!(releases.begin(&[50, 100], json!({})).await.status, 200);
    // Each follows within a second.
    let refers = &releases.refers;
    let replicas = async || refers.bench.get(&refers.key, "/api/v1/replicas").await.json["replicas"].clone();
    let follow = |all: &Value| all.as_array().unwrap().iter().all(|one| one["behind"] == 0);
    eventually("all replicas serve the release", replicas, follow).await;
    // Whichever replica carries it out, a person has one version.
    let first = releases.erase(people("ada", 30)).await;
    assert!((5..=25).contains(&on_two(&first).len()), "{first:?}");
    for _ in 0..3 {
        assert_eq!(releases.erase(people("ada", 30)).await, first);
    }
    // Any of them moves it.
    let [second, third] = others;
    let paused = posted(&second, "pause").await;
    assert_eq!(paused.json["state"], "paused", "{paused:?}");
    let resumed = async || posted(&third, "resume").await;
    eventually("the third replica has seen the pause", resumed, |answer| answer.status == 200).await;
    // One that starts and cannot load the version pauses it, and moves no person back.
    releases.lose_component().await;
    let fourth = releases.refers.replica().await;
    let paused = releases.once(|release| release["state"] == "paused").await;
    assert!(paused["why"].as_str().unwrap().contains("cannot load the version"), "{paused}");
    assert_eq!(releases.erase(people("ada", 30)).await, first);
    let back = posted(&second, "roll-back").await;
    assert_eq!(back.json["state"], "rolled_back", "{back:?}");
    assert!(on_two(&releases.erase(people("ada", 30)).await).is_empty());
    for replica in [second, third, fourth] {
        replica.bench.stop().await;
    }
}
