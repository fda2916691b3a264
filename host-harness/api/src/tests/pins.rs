//! Tenants and connections that are pinned to a version.

use serde_json::{Value, json};
use test_support::eventually;

use super::writers::{Refers, component};
use crate::testing::Answer;

const PINS: &str = "/api/v1/plugins/refers/pins";

impl Refers {
    async fn pin(&self, of: &str, digest: &str) -> Answer {
        let pin = json!({"digest": digest, "note": "until the autumn"});
        self.bench.send(&self.key, "PUT", &format!("{PINS}/{of}"), Some(pin)).await
    }

    async fn unpin(&self, of: &str) -> Answer {
        self.bench.send(&self.key, "DELETE", &format!("{PINS}/{of}"), None).await
    }

    async fn connection(&self, key: &str) -> Value {
        self.bench.get(&self.key, &format!("/api/v1/connection/{key}")).await.json
    }

    /// The version whose code answers for the connection.
    async fn answering(&self, key: &str) -> String {
        let tested = self.bench.get(&self.key, &format!("/api/v1/connection/{key}/test")).await.json;
        tested["checks"][0]["detail"].as_str().unwrap_or_else(|| panic!("{tested}")).to_owned()
    }

    /// Uploads and approves a version, without serving it.
    pub(super) async fn approve(&self, version: &str) -> String {
        let uploaded = self.bench.post_component(&self.key, "refers/versions", &component(version)).await;
        assert_eq!(uploaded.status, 201, "{uploaded:?}");
        let digest = uploaded.json["digest"].as_str().unwrap().to_owned();
        let approve = format!("/api/v1/plugins/refers/versions/{digest}/approve");
        assert_eq!(self.bench.send(&self.key, "POST", &approve, None).await.status, 200);
        digest
    }

    async fn open_alarms(&self) -> Vec<Value> {
        self.bench.get(&self.key, "/api/v1/alarms").await.json["alarms"].as_array().unwrap().clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_connection_stays_on_its_version_through_swaps_and_restarts_until_it_is_unpinned() {
    let mut refers = Refers::start().await;
    refers.connect("acme", "usual").await;
    let one = refers.connection("jobs").await["version"].as_str().unwrap().to_owned();
    let pinned = refers.pin("connections/jobs", &one).await;
    assert_eq!((pinned.status, &pinned.json["tenant"]), (200, &json!("acme")), "{pinned:?}");
    let two = refers.publish("two").await;
    assert_eq!([refers.answering("jobs").await, refers.answering("usual").await], ["one", "two"]);
    let place = refers.erase("jobs", "ada@example.com").await;
    refers.done(&place).await;
    assert_eq!(refers.vendor.take(), ["/act/one", "/look/one/one-17"]);
    refers.bench = refers.bench.restarted().await;
    assert_eq!([refers.answering("jobs").await, refers.answering("usual").await], ["one", "two"]);
    // It is shown with the connection and with the plugin.
    let shown = refers.connection("jobs").await;
    assert_eq!((&shown["version"], &shown["pin"]["digest"]), (&json!(one), &json!(one)));
    assert_eq!(refers.connection("usual").await["pin"], json!(null));
    let plugin = refers.bench.get(&refers.key, "/api/v1/plugins/refers").await.json;
    assert_eq!(
        (&plugin["pins"][0]["connection"], &plugin["pins"][0]["note"]),
        (&json!("jobs"), &json!("until the autumn"))
    );
    // A pin to another version and the end of a pin take effect at once.
    assert_eq!(refers.pin("connections/jobs", &two).await.status, 200);
    assert_eq!(refers.answering("jobs").await, "two");
    refers.roll_back().await;
    assert_eq!([refers.answering("jobs").await, refers.answering("usual").await], ["two", "one"]);
    assert_eq!(refers.unpin("connections/jobs").await.status, 200);
    assert_eq!(refers.answering("jobs").await, "one");
    assert_eq!(refers.unpin("connections/jobs").await.problem(), (404, "unknown"));
    let audit = refers.bench.audit("acme").await;
    let lines: Vec<_> = audit
        .iter()
        .filter(|line| line["what"].as_str().unwrap().starts_with("plugin-"))
        .map(|line| (line["what"].as_str().unwrap(), line["digest"].as_str().unwrap()))
        .collect();
    assert_eq!(lines, [("plugin-pinned", &*one), ("plugin-pinned", &*two), ("plugin-unpinned", &*two)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_pin_holds_its_later_connections_too_and_a_connections_own_has_precedence() {
    let refers = Refers::start().await;
    refers.connect("other", "theirs").await;
    let one = refers.connection("jobs").await["version"].as_str().unwrap().to_owned();
    let two = refers.approve("two").await;
    assert_eq!(refers.pin("tenants/acme", &two).await.status, 200);
    refers.connect("acme", "later").await;
    assert_eq!(refers.pin("connections/later", &one).await.status, 200);
    refers.connect("acme", "latest").await;
    for (key, version) in [("jobs", "two"), ("later", "one"), ("latest", "two"), ("theirs", "one")] {
        assert_eq!(refers.answering(key).await, version, "{key}");
    }
    let listed = refers.bench.get(&refers.key, PINS).await.json["pins"].clone();
    let listed: Vec<_> = listed.as_array().unwrap().iter().map(|pin| &pin["connection"]).collect();
    assert_eq!(listed, [&json!(null), &json!("later")]);
    assert_eq!(refers.unpin("connections/later").await.status, 200);
    assert_eq!(refers.answering("later").await, "two", "its tenant's pin decides again");
    assert_eq!(refers.unpin("tenants/acme").await.status, 200);
    for key in ["jobs", "later", "latest"] {
        assert_eq!(refers.answering(key).await, "one", "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_version_that_was_approved_or_served_and_fits_can_be_pinned() {
    let refers = Refers::start().await;
    let one = refers.connection("jobs").await["version"].as_str().unwrap().to_owned();
    let uploaded = refers.bench.post_component(&refers.key, "refers/versions", &component("two")).await;
    let two = uploaded.json["digest"].as_str().unwrap().to_owned();
    let refused = refers.pin("connections/jobs", &two).await;
    assert_eq!(refused.problem(), (409, "version-not-usable"));
    assert!(refused.detail().ends_with("is proven: approve it first"), "{refused:?}");
    let never = format!("sha256:{}", "7".repeat(64));
    assert_eq!(refers.pin("connections/jobs", &never).await.problem(), (404, "unknown"));
    assert_eq!(refers.pin("connections/jobs", "one").await.problem(), (400, "bad-body"));
    assert_eq!(refers.pin("connections/never", &one).await.problem(), (404, "unknown"));
    assert_eq!(refers.pin("tenants/nobody", &one).await.problem(), (404, "unknown"));
    refers.bench.connect(&refers.key, "acme", "newsletter").await;
    assert_eq!(refers.pin("connections/newsletter", &one).await.problem(), (422, "unsuited"));
    // A setting that the version does not have.
    refers.foreign("rejected").await;
    let three = refers.approve("three").await;
    let refused = refers.pin("connections/jobs", &three).await;
    assert_eq!(refused.problem(), (422, "unsuited"));
    assert_eq!(refused.json["errors"][0]["field"], "connections.jobs.settings.foreign", "{refused:?}");
    let long = json!({"digest": one, "note": "x".repeat(1_001)});
    let refused =
        refers.bench.send(&refers.key, "PUT", &format!("{PINS}/connections/jobs"), Some(long)).await;
    assert_eq!(refused.problem(), (400, "bad-body"));
    // A row that was changed from outside grants nothing.
    refers
        .bench
        .sql("UPDATE versions SET state = 'approved' WHERE plugin = 'refers' AND state = 'proven'")
        .await;
    assert_eq!(refers.pin("connections/jobs", &two).await.problem(), (404, "unknown"));
    assert_eq!(refers.bench.get(&refers.key, PINS).await.json["pins"], json!([]));
    assert_eq!(refers.answering("jobs").await, "one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_that_changes_what_identifies_known_people_waits_for_approval() {
    let refers = Refers::start().await;
    refers.erase("jobs", "ada@example.com").await;
    let three = refers.approve("three").await;
    let refused = refers.pin("connections/jobs", &three).await;
    assert_eq!(refused.problem(), (409, "rekeys-people"), "{refused:?}");
    assert_eq!(refused.json["after"], "email user-id");
    assert_eq!(refers.answering("jobs").await, "one");
    assert_eq!(refers.pin("connections/jobs?agree=true", &three).await.status, 200);
    assert_eq!(refers.answering("jobs").await, "three");
    let body = json!({"action": "erasure", "identity": {"external_id": "u-1"}});
    let by_id = refers.bench.send(&refers.key, "POST", "/api/v1/connection/jobs/requests", Some(body)).await;
    assert_eq!(by_id.status, 202, "{by_id:?}");
    assert_eq!(refers.unpin("connections/jobs").await.problem(), (409, "rekeys-people"));
    assert_eq!(refers.unpin("connections/jobs?agree=true").await.status, 200);
    assert_eq!(refers.answering("jobs").await, "one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_whose_pinned_version_cannot_be_used_is_not_served_and_alarms_until_it_can() {
    for (damage, shown) in [
        ("DELETE FROM components WHERE digest = (SELECT digest FROM pins)", "is not stored here"),
        (
            "UPDATE components SET bytes = x'00' WHERE digest = (SELECT digest FROM pins)",
            "damaged or replaced",
        ),
        (
            "UPDATE pins SET tenant = 'acme', digest = (SELECT digest FROM publications WHERE plugin = 'refers')",
            "changed or inserted",
        ),
        ("UPDATE pins SET digest = x'00'", "changed or inserted"),
    ] {
        let mut refers = Refers::start().await;
        refers.connect("acme", "usual").await;
        let one = refers.connection("jobs").await["version"].as_str().unwrap().to_owned();
        assert_eq!(refers.pin("connections/jobs", &one).await.status, 200);
        refers.publish("two").await;
        refers.bench.sql(damage).await;
        refers.bench = refers.bench.restarted().await;
        let unserved = refers.connection("jobs").await;
        assert_eq!(unserved["version"], json!(null), "{damage}");
        assert!(unserved["problem"]["detail"].as_str().unwrap().contains(shown), "{damage}: {unserved}");
        assert_eq!(refers.answering("usual").await, "two", "{damage}");
        let alarms = refers.open_alarms().await;
        let open: Vec<_> = alarms.iter().map(|alarm| (&alarm["kind"], &alarm["about"])).collect();
        assert_eq!(open, [(&json!("pinned-version-not-loaded"), &json!("jobs"))], "{damage}");
        // To pin it to a version that can be used, or to unpin it, ends that.
        assert_eq!(refers.unpin("connections/jobs").await.status, 200, "{damage}");
        assert_eq!(refers.answering("jobs").await, "two", "{damage}");
        assert_eq!(refers.open_alarms().await, [json!(null); 0], "{damage}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_version_serves_again_once_its_component_is_uploaded_and_it_is_pinned_again() {
    let mut refers = Refers::start().await;
    let one = refers.connection("jobs").await["version"].as_str().unwrap().to_owned();
    assert_eq!(refers.pin("connections/jobs", &one).await.status, 200);
    refers.publish("two").await;
    refers.bench.sql("DELETE FROM components WHERE digest = (SELECT digest FROM pins)").await;
    refers.bench = refers.bench.restarted().await;
    assert_eq!(refers.connection("jobs").await["version"], json!(null));
    let uploaded = refers.bench.post_component(&refers.key, "refers/versions", &component("one")).await;
    assert_eq!(uploaded.status, 201, "{uploaded:?}");
    assert_eq!(refers.pin("connections/jobs", &one).await.status, 200);
    assert_eq!(refers.answering("jobs").await, "one");
    assert_eq!(refers.open_alarms().await, [json!(null); 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_in_flight_ends_on_the_version_that_it_began_with_when_its_connection_is_unpinned() {
    let refers = Refers::start().await;
    let one = refers.connection("jobs").await["version"].as_str().unwrap().to_owned();
    assert_eq!(refers.pin("connections/jobs", &one).await.status, 200);
    refers.publish("two").await;
    let calls = refers.bench.parts.served.calls("jobs").unwrap();
    assert_eq!(refers.unpin("connections/jobs").await.status, 200);
    let ended = calls.test_connection().await.unwrap().unwrap();
    assert_eq!(ended[0].detail, "one");
    assert_eq!(refers.answering("jobs").await, "two");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_ends_with_its_connection_or_when_that_uses_another_plugin() {
    let refers = Refers::start().await;
    let one = refers.connection("jobs").await["version"].as_str().unwrap().to_owned();
    assert_eq!(refers.pin("connections/jobs", &one).await.status, 200);
    let host = refers.bench.stand_in.address().to_string();
    let moved = json!({"plugin": "iterable", "settings": {"domain": host}, "secrets": {"api-key": refers.bench.stand_in.api_key()},
        "egress": {"hosts": [host], "loopback": true, "plain_http": true}});
    let moved = refers.bench.send(&refers.key, "PATCH", "/api/v1/connection/jobs", Some(moved)).await;
    assert_eq!((moved.status, &moved.json["pin"]), (200, &json!(null)), "{moved:?}");
    assert_eq!(refers.bench.get(&refers.key, PINS).await.json["pins"], json!([]));
    refers.connect("acme", "another").await;
    assert_eq!(refers.pin("connections/another", &one).await.status, 200);
    let deleted = refers.bench.send(&refers.key, "DELETE", "/api/v1/connection/another", None).await;
    assert_eq!(deleted.status, 200, "{deleted:?}");
    assert_eq!(refers.bench.get(&refers.key, PINS).await.json["pins"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_files_version_does_not_store_cannot_be_pinned() {
    let file = xtask::components::current("guests/refers_one").unwrap();
    let bench = crate::testing::ApiBench::with(&format!("plugins.refers.file = '{}'", file.display())).await;
    let key = bench.operator().await;
    let made = json!({"key": "jobs", "tenant": "acme", "plugin": "refers"});
    assert_eq!(bench.send(&key, "POST", "/api/v1/connection", Some(made)).await.status, 201);
    bench.sql("DELETE FROM components").await;
    let digest = bench.get(&key, "/api/v1/plugins/refers").await.json["digest"].clone();
    let pin = json!({"digest": digest});
    let refused = bench.send(&key, "PUT", &format!("{PINS}/connections/jobs"), Some(pin)).await;
    assert_eq!(refused.problem(), (409, "version-not-usable"), "{refused:?}");
    assert!(refused.detail().contains("is not stored here"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contradicted_request_waits_for_another_version_of_its_own_connection() {
    let refers = Refers::start().await;
    let one = refers.connection("jobs").await["version"].as_str().unwrap().to_owned();
    assert_eq!(refers.pin("connections/jobs", &one).await.status, 200);
    refers.vendor.answer("/look", 503);
    let place = refers.erase("jobs", "ada@example.com").await;
    refers.once(&place, |report| report["step"] == "confirm" && report["state"] == "waiting").await;
    // As after a confirmation that the vendor's answers contradict.
    let contradicted =
        format!("UPDATE open_requests SET contradicted_by = '{one}', next_at = 9223372036854775807");
    refers.bench.sql(contradicted.leak()).await;
    refers.vendor.answer("/look", 200);
    let two = refers.publish("two").await;
    refers.connect("acme", "usual").await;
    // Its connection is still served by the same version.
    let done = refers.erase("usual", "bob@example.com").await;
    refers.done(&done).await;
    assert_eq!(refers.bench.get(&refers.key, &place).await.json["contradicted_by"], json!(one));
    assert_eq!(refers.pin("connections/jobs", &two).await.status, 200);
    eventually(
        "it is released",
        async || refers.bench.get(&refers.key, &place).await.json,
        |report| report["contradicted_by"].is_null(),
    )
    .await;
}
