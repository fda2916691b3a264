//! Plugins that need a signature: which uploads are admitted, and what becomes of versions from before.

use host_trust::Statement;
use serde_json::{Value, json};

use super::publisher::{FAR, Publisher, Release};
use crate::testing::{Answer, ApiBench, component, tagged_guest};

const NOT_TRUSTED: (u16, &str) = (422, "not-trusted");

/// The guest `build_one` with `tag` in a custom section, so that its digest is another one.
fn version(tag: u8) -> Vec<u8> {
    tagged_guest("build_one", tag)
}

async fn history(bench: &ApiBench, key: &str) -> Vec<Value> {
    let history = bench.get(key, "/api/v1/plugins/guest/versions").await;
    history.json["versions"].as_array().unwrap_or_else(|| panic!("{history:?}")).clone()
}

async fn alarms(bench: &ApiBench, key: &str, kind: &str) -> Vec<Value> {
    let alarms = bench.get(key, "/api/v1/alarms").await.json["alarms"].as_array().unwrap().clone();
    alarms.into_iter().filter(|alarm| alarm["kind"] == kind).collect()
}

async fn act(bench: &ApiBench, key: &str, digest: &Value, act: &str) -> Answer {
    let path = format!("/api/v1/plugins/guest/versions/{}/{act}", digest.as_str().unwrap());
    bench.send(key, "POST", &path, None).await
}

/// A service that trusts `publisher`, whose first release serves the connection `newsletter`. Returns it with the operator's key
/// and the digest of that release.
async fn serving(publisher: &Publisher) -> (ApiBench, String, String) {
    let (bench, key) = trusting(publisher).await;
    let first = publisher.release(&bench, &version(1), 1).await;
    let agreed = bench.send(&key, "POST", "/api/v1/plugins/guest?agree=true", Some(first.body())).await;
    assert_eq!(agreed.status, 200, "{agreed:?}");
    let connection = json!({
        "key": "newsletter", "tenant": "acme", "plugin": "guest", "settings": {"domain": "vendor.example.com"},
        "egress": {"hosts": ["vendor.example.com"]},
    });
    let made = bench.send(&key, "POST", "/api/v1/connection", Some(connection)).await;
    assert_eq!(made.status, 201, "{made:?}");
    (bench, key, agreed.json["digest"].as_str().unwrap().to_owned())
}

async fn trusting(publisher: &Publisher) -> (ApiBench, String) {
    let bench = ApiBench::with(&publisher.trusted()).await;
    let key = bench.operator().await;
    (bench, key)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_upload_that_is_not_trusted_is_refused_with_its_reason_before_it_is_compiled() {
    let (publisher, stranger) = (Publisher::new(), Publisher::new());
    let (bench, key) = trusting(&publisher).await;
    let signed = publisher.release(&bench, &version(1), 1).await;
    let bundle = signed.bundle.clone().unwrap();
    let mut stripped: Value = serde_json::from_str(&bundle).unwrap();
    stripped["dsseEnvelope"]["signatures"] = json!([]);
    let ended = |stated| Statement { not_after: 1, ..stated };
    let renamed = |stated| Statement { plugin: "other".to_owned(), ..stated };
    let refused = [
        (signed.with(None), "no-bundle"),
        (signed.with(Some(stripped.to_string())), "stripped"),
        (signed.with(Some(format!("{bundle}{bundle}"))), "doubled"),
        (Release { component: version(2), ..signed.clone() }, "swapped"),
        (stranger.release(&bench, &version(3), 9).await, "foreign-key"),
        (publisher.release_as(&bench, &version(4), ended).await, "expired"),
        (publisher.release_as(&bench, &version(5), renamed).await, "other-plugin"),
    ];
    for (release, reason) in &refused {
        for answer in [release.publish(&bench, &key).await, release.upload(&bench, &key).await] {
            assert_eq!(answer.problem(), NOT_TRUSTED, "{reason}: {answer:?}");
            assert_eq!(answer.json["reason"], *reason, "{answer:?}");
        }
        let newest = history(&bench, &key).await.remove(0);
        assert_eq!((&newest["state"], &newest["is_stored"]), (&json!("refused"), &json!(false)), "{reason}");
        let steps = newest["steps"].as_array().unwrap();
        assert!(steps.iter().all(|step| step["state"] == "refused"), "nothing was compiled: {steps:?}");
        let audited = bench.audit("*").await.pop().unwrap();
        assert_eq!(
            (&audited["what"], &audited["detail"]["reason"]),
            (&json!("plugin-version"), &json!(reason))
        );
    }
    assert_eq!(bench.get(&key, "/api/v1/plugins/guest").await.status, 404);
    // Without a bundle in the body, too.
    let raw = bench.post_component(&key, "guest", &version(1)).await;
    assert_eq!((raw.problem(), &raw.json["reason"]), (NOT_TRUSTED, &json!("no-bundle")));
    // Other plugins need none.
    assert_eq!(bench.post_component(&key, "another?agree=true", &version(1)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_upload_serves_and_the_plugin_shows_who_signed_it() {
    let publisher = Publisher::new();
    let (bench, key) = trusting(&publisher).await;
    let signed = publisher.release(&bench, &version(1), 7).await;
    let agreed = bench.send(&key, "POST", "/api/v1/plugins/guest?agree=true", Some(signed.body())).await;
    assert_eq!(agreed.status, 200, "{agreed:?}");
    let shown = bench.get(&key, "/api/v1/plugins/guest").await.json["trust"].clone();
    let mark = json!({"revision": 7, "digest": agreed.json["digest"]});
    assert_eq!(
        shown,
        json!({"require": "statement", "keys": [publisher.fingerprint()], "mark": mark, "problem": null})
    );
    let version = history(&bench, &key).await.remove(0);
    let signature = json!({
        "key": publisher.fingerprint(), "content": "statement", "version": "1.4.0", "revision": 7, "not_after": FAR,
        "conformance": {"result": "passed", "seed": 7},
    });
    assert_eq!(version["signature"], signature);
    assert_eq!(version["steps"][0]["state"], "uploaded");
    assert_eq!(version["steps"][0]["evidence"]["signature"], signature);
    assert_eq!(alarms(&bench, &key, "plugin-not-signed").await, [json!(null); 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_is_not_what_its_statement_says_is_refused_once_it_is_loaded() {
    let publisher = Publisher::new();
    let (bench, key) = trusting(&publisher).await;
    let misstated = |stated: Statement| Statement { manifest: stated.digest, ..stated };
    let refused = publisher.release_as(&bench, &version(1), misstated).await.publish(&bench, &key).await;
    assert_eq!((refused.problem(), &refused.json["reason"]), (NOT_TRUSTED, &json!("other-manifest")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_release_is_refused_from_outside_and_one_that_served_is_put_back() {
    let publisher = Publisher::new();
    let (bench, key) = trusting(&publisher).await;
    let first = publisher.release(&bench, &version(1), 1).await;
    let second = publisher.release(&bench, &version(2), 2).await;
    let agreed = bench.send(&key, "POST", "/api/v1/plugins/guest?agree=true", Some(first.body())).await;
    let (old, new) =
        (agreed.json["digest"].clone(), second.publish(&bench, &key).await.json["digest"].clone());
    let replayed = first.publish(&bench, &key).await;
    assert_eq!((replayed.problem(), &replayed.json["reason"]), (NOT_TRUSTED, &json!("replayed")));
    let taken = publisher.release(&bench, &version(3), 2).await.publish(&bench, &key).await;
    assert_eq!(taken.json["reason"], "revision-taken", "{taken:?}");
    // What was refused can still be put back, since it served.
    assert_eq!(act(&bench, &key, &old, "serve").await.json["digest"], old);
    let back = bench.send(&key, "POST", "/api/v1/plugins/guest/roll-back", None).await;
    assert_eq!(back.json["digest"], new, "{back:?}");
    assert_eq!(act(&bench, &key, &old, "serve").await.status, 200);
    // The older version serves after a start too, and the mark does not fall.
    let bench = bench.restarted().await;
    let plugin = bench.get(&key, "/api/v1/plugins/guest").await.json;
    assert_eq!((&plugin["digest"], &plugin["trust"]["mark"]["revision"]), (&old, &json!(2)));
    let replayed = first.with(None).publish(&bench, &key).await;
    assert_eq!(replayed.json["reason"], "no-bundle", "{replayed:?}");
    assert_eq!(alarms(&bench, &key, "plugin-not-signed").await, [json!(null); 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uploaded_version_that_a_newer_one_has_overtaken_does_not_begin_to_serve() {
    let publisher = Publisher::new();
    let (bench, key) = trusting(&publisher).await;
    let first = publisher.release(&bench, &version(1), 1).await.upload(&bench, &key).await;
    assert_eq!(first.status, 201, "{first:?}");
    let digest = first.json["digest"].clone();
    assert_eq!(act(&bench, &key, &digest, "approve").await.status, 200);
    let second = publisher.release(&bench, &version(2), 2).await.upload(&bench, &key).await;
    assert_eq!(second.status, 201, "{second:?}");
    let overtaken = act(&bench, &key, &digest, "serve").await;
    assert_eq!((overtaken.problem(), &overtaken.json["reason"]), (NOT_TRUSTED, &json!("replayed")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_release_that_fails_its_proof_overtakes_none() {
    let publisher = Publisher::new();
    let (bench, key) = trusting(&publisher).await;
    let first = publisher.release(&bench, &version(1), 1).await.upload(&bench, &key).await;
    assert_eq!(first.status, 201, "{first:?}");
    assert_eq!(act(&bench, &key, &first.json["digest"], "approve").await.status, 200);
    let failing = publisher.release(&bench, &component("guests/traps_on_erase"), 2).await;
    assert_eq!(failing.upload(&bench, &key).await.problem(), (422, "not-proven"));
    let served = act(&bench, &key, &first.json["digest"], "serve").await;
    assert_eq!((served.status, &served.json["digest"]), (200, &first.json["digest"]), "{served:?}");
    // The publisher may give the number to the next one.
    assert_eq!(publisher.release(&bench, &version(2), 2).await.upload(&bench, &key).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_has_to_be_current_when_it_is_pinned_or_tried_and_not_afterwards() {
    let publisher = Publisher::new();
    let (bench, key, _) = serving(&publisher).await;
    let mut approved = Vec::new();
    for revision in [2, 3] {
        let release = publisher.release(&bench, &version(revision), u64::from(revision)).await;
        let digest = release.upload(&bench, &key).await.json["digest"].clone();
        assert_eq!(act(&bench, &key, &digest, "approve").await.status, 200);
        approved.push(digest);
    }
    let [overtaken, current] = approved.try_into().unwrap();
    let pin = async |bench: &ApiBench, digest: &Value| {
        let pin = json!({"digest": digest});
        bench.send(&key, "PUT", "/api/v1/plugins/guest/pins/connections/newsletter", Some(pin)).await
    };
    let refused = pin(&bench, &overtaken).await;
    assert_eq!((refused.problem(), &refused.json["reason"]), (NOT_TRUSTED, &json!("replayed")));
    let test = format!("/api/v1/connection/newsletter/test?version={}", overtaken.as_str().unwrap());
    let refused = bench.get(&key, &test).await;
    assert_eq!((refused.problem(), &refused.json["reason"]), (NOT_TRUSTED, &json!("replayed")));
    let pinned = pin(&bench, &current).await;
    assert_eq!(pinned.status, 200, "{pinned:?}");
    let newer = publisher.release(&bench, &version(4), 4).await.upload(&bench, &key).await;
    assert_eq!(newer.status, 201, "{newer:?}");
    let bench = bench.restarted().await;
    let shown = bench.get(&key, "/api/v1/connection/newsletter").await.json;
    assert_eq!((&shown["version"], &shown["problem"]), (&current, &json!(null)), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_signature_of_a_loaded_version_is_verified_again_only_if_something_else_is_trusted() {
    let (publisher, other) = (Publisher::new(), Publisher::new());
    let (bench, key, replaced) = serving(&publisher).await;
    let next = publisher.release(&bench, &version(2), 2).await.publish(&bench, &key).await;
    assert_eq!(next.status, 200, "{next:?}");
    let test =
        async || bench.get(&key, &format!("/api/v1/connection/newsletter/test?version={replaced}")).await;
    assert_eq!(test().await.status, 200);
    // What is loaded and was verified is not read again.
    bench.sql("UPDATE components SET bytes = x'00' WHERE digest IN (SELECT digest FROM versions WHERE state = 'retired')").await;
    assert_eq!(test().await.status, 200);
    bench.configure(&other.trusted()).await;
    assert_eq!(bench.send(&key, "POST", "/api/v1/reload", None).await.status, 200);
    let again = test().await;
    assert_eq!(again.problem(), (409, "version-not-usable"), "{again:?}");
    assert!(again.detail().contains("upload it again"), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_from_before_trust_serves_on_with_an_alarm_until_a_signed_one_replaces_it() {
    let publisher = Publisher::new();
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    let before = bench.post_component(&key, "guest?agree=true", &version(1)).await;
    assert_eq!(before.status, 200, "{before:?}");
    let pending = bench.post_component(&key, "guest/versions", &version(2)).await.json["digest"].clone();
    assert_eq!(act(&bench, &key, &pending, "approve").await.status, 200);
    bench.configure(&publisher.trusted()).await;
    assert_eq!(bench.send(&key, "POST", "/api/v1/reload", None).await.status, 200);
    let alarm = alarms(&bench, &key, "plugin-not-signed").await.remove(0);
    assert_eq!(alarm["about"], "guest");
    assert!(alarm["detail"].as_str().unwrap().contains("although it has no bundle"), "{alarm}");
    // One that has not served is from outside still.
    let unserved = act(&bench, &key, &pending, "serve").await;
    assert_eq!((unserved.problem(), &unserved.json["reason"]), (NOT_TRUSTED, &json!("no-bundle")));
    let bench = bench.restarted().await;
    assert_eq!(bench.get(&key, "/api/v1/plugins/guest").await.json["digest"], before.json["digest"]);
    assert_eq!(alarms(&bench, &key, "plugin-not-signed").await.len(), 1);
    let again = bench.post_component(&key, "guest", &version(1)).await;
    assert_eq!(again.json["reason"], "no-bundle", "{again:?}");
    // The same component, signed.
    let signed = publisher.release(&bench, &version(1), 1).await.publish(&bench, &key).await;
    assert_eq!(signed.status, 200, "{signed:?}");
    assert_eq!(alarms(&bench, &key, "plugin-not-signed").await, [json!(null); 0]);
    let bench = bench.restarted().await;
    assert_eq!(alarms(&bench, &key, "plugin-not-signed").await, [json!(null); 0]);
    let next = publisher.release(&bench, &version(3), 2).await.publish(&bench, &key).await;
    assert_eq!(next.status, 200, "{next:?}");
    // Without trust again, nothing is needed.
    bench.configure("").await;
    assert_eq!(bench.send(&key, "POST", "/api/v1/reload", None).await.status, 200);
    assert_eq!(bench.post_component(&key, "guest", &version(4)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_that_was_changed_in_the_database_admits_nothing_until_it_is_restored() {
    let publisher = Publisher::new();
    let (bench, key) = trusting(&publisher).await;
    let first = publisher.release(&bench, &version(1), 5).await;
    let agreed = bench.send(&key, "POST", "/api/v1/plugins/guest?agree=true", Some(first.body())).await;
    assert_eq!(agreed.status, 200, "{agreed:?}");
    let restore = "/api/v1/plugins/guest/restore-revision";
    assert_eq!(bench.send(&key, "POST", restore, None).await.problem(), (409, "not-replaced"));
    bench.sql("UPDATE release_marks SET revision = 1").await;
    let (older, newer) =
        (publisher.release(&bench, &version(2), 4).await, publisher.release(&bench, &version(3), 6).await);
    let refused = newer.upload(&bench, &key).await;
    assert_eq!((refused.problem(), &refused.json["reason"]), (NOT_TRUSTED, &json!("unknown-revision")));
    // It affects no other plugin, and not what serves.
    let bench = bench.restarted().await;
    let plugin = bench.get(&key, "/api/v1/plugins/guest").await.json;
    assert_eq!((&plugin["digest"], &plugin["trust"]["mark"]), (&agreed.json["digest"], &json!(null)));
    assert!(plugin["trust"]["problem"].as_str().unwrap().contains("changed or inserted"), "{plugin}");
    let alarm = alarms(&bench, &key, "plugin-version-not-authentic").await.remove(0);
    assert_eq!(alarm["about"], "newest revision of plugin guest");
    let restored = bench.send(&key, "POST", restore, None).await;
    assert_eq!((restored.status, &restored.json["mark"]["revision"]), (200, &json!(5)), "{restored:?}");
    assert_eq!(alarms(&bench, &key, "plugin-version-not-authentic").await, [json!(null); 0]);
    assert_eq!(older.upload(&bench, &key).await.json["reason"], "replayed");
    assert_eq!(newer.upload(&bench, &key).await.status, 201);
    assert!(bench.audit("*").await.iter().any(|line| line["what"] == "plugin-revision-restored"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_served_and_was_lost_is_put_back_by_its_bytes_although_a_newer_one_was_admitted() {
    let publisher = Publisher::new();
    let (bench, key) = trusting(&publisher).await;
    let first = publisher.release(&bench, &version(1), 1).await;
    let agreed = bench.send(&key, "POST", "/api/v1/plugins/guest?agree=true", Some(first.body())).await;
    let second = publisher.release(&bench, &version(2), 2).await;
    assert_eq!(second.publish(&bench, &key).await.status, 200);
    assert_eq!(first.upload(&bench, &key).await.json["reason"], "replayed");
    for damage in [
        "DELETE FROM components WHERE digest = (SELECT digest FROM versions WHERE plugin = 'guest' ORDER BY seq LIMIT 1)",
        "UPDATE components SET bytes = x'00' WHERE digest = (SELECT digest FROM versions WHERE plugin = 'guest' ORDER BY seq LIMIT 1)",
    ] {
        bench.sql(damage).await;
        let gone = act(&bench, &key, &agreed.json["digest"], "serve").await;
        assert_eq!(gone.problem(), (409, "not-replaced"), "{gone:?}");
        assert_eq!(first.with(None).upload(&bench, &key).await.json["reason"], "no-bundle");
        let uploaded = first.upload(&bench, &key).await;
        assert_eq!((uploaded.status, &uploaded.json["state"]), (201, &json!("retired")), "{uploaded:?}");
    }
    let back = act(&bench, &key, &agreed.json["digest"], "serve").await;
    assert_eq!(back.json["digest"], agreed.json["digest"], "{back:?}");
    let mark = bench.get(&key, "/api/v1/plugins/guest").await.json["trust"]["mark"]["revision"].clone();
    assert_eq!(mark, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_component_or_mark_of_one_plugin_does_not_keep_the_service_from_starting() {
    let publisher = Publisher::new();
    let (bench, key) = trusting(&publisher).await;
    let first = publisher.release(&bench, &version(1), 1).await;
    let agreed = bench.send(&key, "POST", "/api/v1/plugins/guest?agree=true", Some(first.body())).await;
    assert_eq!(agreed.status, 200, "{agreed:?}");
    bench.sql("UPDATE components SET bytes = x'00' WHERE digest IN (SELECT digest FROM release_marks)").await;
    bench.sql("UPDATE release_marks SET revision = 9").await;
    let bench = bench.restarted().await;
    assert_eq!(bench.get(&key, "/api/v1/plugins/iterable").await.status, 200);
    assert_eq!(bench.get(&key, "/api/v1/plugins/guest").await.status, 404);
}
