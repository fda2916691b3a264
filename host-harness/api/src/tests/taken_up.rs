//! What a version failed at is taken up by the next good one: requests with a contradicted outcome, and deliveries that could
//! not be read.

use serde_json::{Value, json};
use test_support::eventually;

use super::{
    releases::{RELEASE, Releases, approved, people, posted},
    writers::Refers,
};
use crate::testing::{Answer, ApiBench, component as plugin};

/// The connector's versions that attempted the request at `place`, which is done, without repetitions.
async fn attempted_by(refers: &Refers, place: &str) -> Vec<String> {
    let done = refers.done(place).await;
    let attempts = done["attempts"].as_array().unwrap().iter();
    let mut versions: Vec<_> =
        attempts.map(|attempt| attempt["plugin_version"].as_str().unwrap().to_owned()).collect();
    versions.dedup();
    versions
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_outcome_is_contradicted_is_carried_out_once_its_version_is_rolled_back() {
    let releases = Releases::of("flawed").await;
    releases.erase(people("ada", 40)).await;
    assert_eq!(releases.begin(&[100], json!({})).await.status, 200);
    let place = releases.refers.erase("jobs", "claim@example.com").await;
    let back = releases.once(|release| release["state"] == "rolled_back").await;
    assert!(
        back["why"].as_str().unwrap().contains("contradicted outcomes of erasure calls: 1 of "),
        "{back}"
    );
    let done = releases.refers.done(&place).await;
    let versions: Vec<_> =
        done["attempts"].as_array().unwrap().iter().map(|attempt| &attempt["plugin_version"]).collect();
    assert_eq!(versions[..2], [&json!("flawed"), &json!("one")], "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_a_released_version_contradicted_is_carried_out_by_the_version_before_while_the_release_goes_on()
 {
    let releases = Releases::of("flawed").await;
    let refers = &releases.refers;
    releases.erase(["claim@example.com".to_owned()].into_iter()).await;
    // The release allows these contradicted outcomes.
    assert_eq!(releases.begin(&[100], json!({"contradicted": 50, "failures": 50})).await.status, 200);
    let first = refers.erase("jobs", "claim@example.com").await;
    assert_eq!(attempted_by(refers, &first).await, ["flawed", "one"]);
    // The person stays with the released version: a later request is not carried out by the one before from the beginning.
    let second = refers.erase("jobs", "claim@example.com").await;
    assert_eq!(attempted_by(refers, &second).await, ["flawed", "one"]);
    assert_eq!(attempted_by(refers, &refers.erase("jobs", "ada@example.com").await).await, ["flawed"]);
    let counted = |release: &Value| {
        let calls = release["calls"].as_array().unwrap();
        calls.iter().any(|of| of["kind"] == "erasure" && of["new"]["contradicted"] == 2)
    };
    let shown = releases.once(counted).await;
    assert_eq!((&shown["state"], &shown["share"]), (&json!("running"), &json!(100.0)), "{shown}");
    let alarms = refers.bench.get(&refers.key, "/api/v1/alarms").await.json;
    let open = |kind: &str| alarms["alarms"].as_array().unwrap().iter().any(|alarm| alarm["kind"] == kind);
    assert!(!open("outcome-contradicted"), "{alarms}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_the_version_before_contradicted_waits_until_a_release_is_completed() {
    let refers = Refers::start().await;
    refers.publish("flawed").await;
    let claim = refers.erase("jobs", "claim@example.com").await;
    let waits = |report: &Value| report["contradicted_by"].is_string();
    refers.once(&claim, waits).await;
    let releases = Releases { digest: approved(&refers, "two").await, refers };
    let refers = &releases.refers;
    let still_waits = async || {
        // The worker has looked for what waits before it carries this out.
        refers.done(&refers.erase("jobs", "ada@example.com").await).await;
        let report = refers.bench.get(&refers.key, &claim).await.json;
        assert!(waits(&report) && report["attempts"].as_array().unwrap().len() == 1, "{report}");
    };
    // A release that is rolled back has found no good version: the one that contradicted it runs again.
    assert_eq!(releases.begin(&[100], json!({})).await.status, 200);
    still_waits().await;
    assert_eq!(releases.post("roll-back").await.status, 200);
    still_waits().await;
    assert_eq!(releases.begin(&[100], json!({})).await.status, 200);
    still_waits().await;
    assert_eq!(releases.post("advance").await.json["state"], "completed");
    assert_eq!(attempted_by(refers, &claim).await, ["flawed", "two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_every_version_so_far_contradicted_waits_for_the_next_one() {
    let releases = Releases::of("flawed").await;
    let refers = &releases.refers;
    assert_eq!(releases.begin(&[100], json!({"contradicted": 50, "failures": 50})).await.status, 200);
    assert_eq!(releases.post("advance").await.json["state"], "completed");
    let claim = refers.erase("jobs", "claim@example.com").await;
    refers.once(&claim, |report| report["contradicted_by"].is_string()).await;
    // The next release moves everyone, and its version is found good as an operator completes it.
    let digest = approved(refers, "two").await;
    let body = json!({"digest": digest, "steps": [50, 100]});
    let begun = refers.bench.send(&refers.key, "POST", RELEASE, Some(body)).await;
    assert_eq!(begun.status, 200, "{begun:?}");
    for state in ["running", "completed"] {
        assert_eq!(posted(refers, "advance").await.json["state"], state);
    }
    assert_eq!(attempted_by(refers, &claim).await, ["flawed", "two"]);
}

/// A service in which a version is released that differs from the one before in a custom section alone.
struct Deliveries {
    bench: ApiBench,
    key: String,
    before: Value,
    released: String,
}

const ITERABLE: &str = "/api/v1/plugins/iterable";
const HOOK: &str = "/api/v1/plus/connection/newsletter/consent-webhook";

impl Deliveries {
    async fn start() -> Self {
        let bench = ApiBench::new().await;
        let key = bench.operator().await;
        bench.connect(&key, "acme", "newsletter").await;
        let before = bench.get(&key, ITERABLE).await.json["digest"].clone();
        let next = [plugin("iterable"), vec![0, 3, 1, b'v', 1]].concat();
        let uploaded = bench.post_component(&key, "iterable/versions", &next).await;
        let released = uploaded.json["digest"].as_str().unwrap().to_owned();
        let deliveries = Self { bench, key, before, released };
        let approve = format!("versions/{}/approve", deliveries.released);
        assert_eq!(deliveries.post(&approve, None).await.status, 200);
        deliveries
    }

    async fn post(&self, what: &str, body: Option<Value>) -> Answer {
        self.bench.send(&self.key, "POST", &format!("{ITERABLE}/{what}"), body).await
    }

    async fn begin(&self) {
        let body = json!({"digest": self.released, "steps": [100], "failures": 50});
        assert_eq!(self.post("release", Some(body)).await.status, 200);
    }

    /// Delivers what no version can read.
    async fn deliver(&self) {
        let issued = self.bench.get(&self.key, &format!("{HOOK}/token")).await;
        let header = format!("authorization: Bearer {}\r\n", issued.json["access_token"].as_str().unwrap());
        assert_eq!(self.bench.raw("POST", HOOK, &header, b"no JSON").await.status, 200);
    }

    /// Waits until the only delivery was read `readings` times and could not be read. Returns the version that read it last.
    async fn unreadable_after(&self, readings: i64) -> Value {
        let listed = async || {
            let listed = self.bench.get(&self.key, "/api/v1/connection/newsletter/deliveries").await;
            listed.json["deliveries"][0].clone()
        };
        let is_read =
            |delivery: &Value| delivery["readings"] == readings && delivery["state"] == "unreadable";
        eventually("it is read", listed, is_read).await["plugin_digest"].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_a_released_version_could_not_read_is_read_by_the_version_before() {
    let deliveries = Deliveries::start().await;
    deliveries.begin().await;
    deliveries.deliver().await;
    assert_eq!(deliveries.unreadable_after(2).await, deliveries.before);
    let counted = async || {
        let release = deliveries.bench.get(&deliveries.key, &format!("{ITERABLE}/release")).await.json;
        let of =
            release["calls"].as_array().unwrap().iter().find(|of| of["kind"] == "webhook-verify").cloned();
        of.map(|of| {
            (of["new"]["unreadable"].clone(), of["before"]["unreadable"].clone(), release["state"].clone())
        })
    };
    let expected = Some((json!(1), json!(1), json!("running")));
    eventually("both readings are counted", counted, |counted| *counted == expected).await;
    // It is not read again by the same version, and by the other one once that serves in its place.
    assert_eq!(
        deliveries.post("release/advance", Some(json!({"share": 100}))).await.json["state"],
        "completed"
    );
    assert_eq!(deliveries.unreadable_after(3).await, json!(deliveries.released));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_the_version_before_could_not_read_is_not_read_by_a_release_that_is_rolled_back() {
    let deliveries = Deliveries::start().await;
    deliveries.deliver().await;
    assert_eq!(deliveries.unreadable_after(1).await, deliveries.before);
    deliveries.begin().await;
    assert_eq!(deliveries.post("release/roll-back", None).await.status, 200);
    deliveries.begin().await;
    assert_eq!(
        deliveries.post("release/advance", Some(json!({"share": 100}))).await.json["state"],
        "completed"
    );
    assert_eq!(deliveries.unreadable_after(2).await, json!(deliveries.released));
}
