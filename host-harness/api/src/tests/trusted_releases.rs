//! Releases in steps of plugins that need a signature.

use serde_json::{Value, json};

use super::publisher::Publisher;
use crate::testing::{Answer, ApiBench, tagged_guest};

const GUEST: &str = "/api/v1/plugins/guest";

/// The guest `build_one` with `tag` in a custom section, so that its digest is another one.
fn version(tag: u8) -> Vec<u8> {
    tagged_guest("build_one", tag)
}

/// A service whose plugin `guest` runs the first version, with another one that was approved.
struct TrustedRelease {
    bench: ApiBench,
    key: String,
    publisher: Publisher,
    digest: Value,
}

impl TrustedRelease {
    /// Both versions are signed, as the revisions 1 and 2.
    async fn new() -> Self {
        let publisher = Publisher::new();
        let bench = ApiBench::with(&publisher.trusted()).await;
        let key = bench.operator().await;
        let first = publisher.release(&bench, &version(1), 1).await;
        let served = bench.send(&key, "POST", &format!("{GUEST}?agree=true"), Some(first.body())).await;
        assert_eq!(served.status, 200, "{served:?}");
        let second = publisher.release(&bench, &version(2), 2).await.upload(&bench, &key).await;
        let digest = second.json["digest"].clone();
        let release = Self { bench, key, publisher, digest };
        assert_eq!(release.act("approve").await.status, 200);
        release
    }

    async fn act(&self, act: &str) -> Answer {
        let path = format!("{GUEST}/versions/{}/{act}", self.digest.as_str().unwrap());
        self.bench.send(&self.key, "POST", &path, None).await
    }

    async fn begin(&self) {
        let body = json!({"digest": self.digest, "steps": [50, 100]});
        let begun = self.bench.send(&self.key, "POST", &format!("{GUEST}/release"), Some(body)).await;
        assert_eq!(begun.status, 200, "{begun:?}");
    }

    async fn advance(&self, share: f64) -> Answer {
        let path = format!("{GUEST}/release/advance");
        self.bench.send(&self.key, "POST", &path, Some(json!({"share": share}))).await
    }

    async fn plugin(&self) -> Value {
        self.bench.get(&self.key, GUEST).await.json
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_revision_that_arrives_during_a_release_does_not_keep_it_from_completing() {
    let release = TrustedRelease::new().await;
    let TrustedRelease { bench, key, publisher, digest } = &release;
    release.begin().await;
    let newer = publisher.release(bench, &version(3), 3).await;
    assert_eq!(newer.upload(bench, key).await.status, 201);
    // A publication is refused before it raises the mark.
    let newest = publisher.release(bench, &version(4), 4).await.publish(bench, key).await;
    assert_eq!(newest.problem(), (409, "not-replaced"), "{newest:?}");
    assert_eq!(release.plugin().await["trust"]["mark"]["revision"], 3);
    assert_eq!(release.advance(50.0).await.json["share"], 100.0);
    let completed = release.advance(100.0).await;
    assert_eq!(completed.json["state"], "completed", "{completed:?}");
    let plugin = release.plugin().await;
    assert_eq!((&plugin["digest"], &plugin["trust"]["mark"]["revision"]), (digest, &json!(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_version_under_release_that_is_uploaded_again_stays_approved_even_if_the_upload_is_refused() {
    let release = TrustedRelease::new().await;
    release.begin().await;
    let TrustedRelease { bench, key, publisher, .. } = &release;
    let again = publisher.release(bench, &version(2), 2).await;
    let refused = again.with(None).upload(bench, key).await;
    assert_eq!((refused.status, &refused.json["reason"]), (422, &json!("no-bundle")), "{refused:?}");
    assert_eq!(again.upload(bench, key).await.json["state"], "approved");
    let release = TrustedRelease { bench: release.bench.restarted().await, ..release };
    let shown = release.bench.get(&release.key, &format!("{GUEST}/release")).await.json;
    assert_eq!((&shown["state"], &shown["share"]), (&json!("running"), &json!(50.0)), "{shown}");
    assert_eq!(release.advance(50.0).await.json["share"], 100.0);
}

/// A service whose plugin `guest` runs the first version, unsigned, with another one that was approved. Then both need a signature.
async fn before_trust(serve_second: impl AsyncFnOnce(&TrustedRelease)) -> TrustedRelease {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    assert_eq!(bench.post_component(&key, "guest?agree=true", &version(1)).await.status, 200);
    let connection = json!({
        "key": "newsletter", "tenant": "acme", "plugin": "guest", "settings": {"domain": "vendor.example.com"},
        "egress": {"hosts": ["vendor.example.com"]},
    });
    assert_eq!(bench.send(&key, "POST", "/api/v1/connection", Some(connection)).await.status, 201);
    let digest = bench.post_component(&key, "guest/versions", &version(2)).await.json["digest"].clone();
    let before = TrustedRelease { bench, key, publisher: Publisher::new(), digest };
    assert_eq!(before.act("approve").await.status, 200);
    serve_second(&before).await;
    before.bench.configure(&before.publisher.trusted()).await;
    TrustedRelease { bench: before.bench.restarted().await, ..before }
}

async fn not_signed(release: &TrustedRelease) -> String {
    let alarms = release.bench.get(&release.key, "/api/v1/alarms").await.json["alarms"].clone();
    let alarm = alarms.as_array().unwrap().iter().find(|alarm| alarm["kind"] == "plugin-not-signed");
    alarm.unwrap_or_else(|| panic!("{alarms}"))["detail"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsigned_version_that_serves_by_a_pin_serves_on_with_an_alarm_once_trust_is_configured() {
    let pinned = before_trust(async |before| {
        let pin = format!("{GUEST}/pins/connections/newsletter");
        let body = json!({"digest": before.digest});
        assert_eq!(before.bench.send(&before.key, "PUT", &pin, Some(body)).await.status, 200);
    });
    let pinned = pinned.await;
    let shown = pinned.bench.get(&pinned.key, "/api/v1/connection/newsletter").await.json;
    assert_eq!((&shown["version"], &shown["problem"]), (&pinned.digest, &json!(null)), "{shown}");
    assert!(not_signed(&pinned).await.contains(pinned.digest.as_str().unwrap()));
    // It does not begin to serve the others.
    let served = pinned.act("serve").await;
    assert_eq!((served.status, &served.json["reason"]), (422, &json!("no-bundle")), "{served:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsigned_version_under_release_serves_on_with_an_alarm_once_trust_is_configured() {
    let release = before_trust(async |before| before.begin().await).await;
    let shown = release.bench.get(&release.key, &format!("{GUEST}/release")).await.json;
    assert_eq!((&shown["state"], &shown["share"]), (&json!("running"), &json!(50.0)), "{shown}");
    let connection = release.bench.get(&release.key, "/api/v1/connection/newsletter").await.json;
    assert_eq!(connection["problem"], json!(null), "{connection}");
    assert!(not_signed(&release).await.contains(release.digest.as_str().unwrap()));
    for (share, state) in [(50.0, "running"), (100.0, "completed")] {
        let moved = release.advance(share).await;
        assert_eq!(moved.json["state"], state, "{moved:?}");
    }
    assert!(not_signed(&release).await.contains(release.digest.as_str().unwrap()));
}
