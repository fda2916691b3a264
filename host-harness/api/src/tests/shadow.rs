//! New versions that are compared with the one that serves, on stored deliveries and requests.

use hmac::{Hmac, Mac as _};
use host_store::holds;
use serde_json::{Value, json};
use sha2::Sha256;

use super::{
    vendor::AddressedVendor,
    writers::{self, Refers},
};
use crate::testing::{Answer, ApiBench, tagged_guest};

const KEY: &str = "k-of-the-vendor";

/// A service with the first versions of the guests whose versions differ, and `more` in its configuration.
async fn bench(more: &str) -> (ApiBench, String) {
    let file = |name: &str| xtask::components::current(&format!("guests/{name}")).unwrap();
    let plugins = format!(
        "plugins.eraser.file = '{}'\nplugins.signed.file = '{}'\n{more}",
        file("erases_at_once").display(),
        file("signed_flawed").display()
    );
    let bench = ApiBench::with(&plugins).await;
    let key = bench.operator().await;
    (bench, key)
}

async fn create(bench: &ApiBench, key: &str, connection: Value) {
    let made = bench.send(key, "POST", "/api/v1/connection", Some(connection)).await;
    assert_eq!(made.status, 201, "{made:?}");
}

/// Creates the connection `store`, whose requests wait.
async fn waiting_store(bench: &ApiBench, key: &str, vendor: &AddressedVendor) {
    create(bench, key, vendor.connection("eraser", "store")).await;
    bench.write(|tx| Box::pin(async move { holds::park(tx, "store", 1, "it waits").await })).await;
}

async fn request_erasure(bench: &ApiBench, key: &str, email: &str) -> Value {
    let body = json!({"action": "erasure", "identity": {"email": email}});
    let taken = bench.send(key, "POST", "/api/v1/connection/store/requests", Some(body)).await;
    assert_eq!(taken.status, 202, "{taken:?}");
    taken.json["id"].clone()
}

/// Delivers a signed body to the connection `signed`, with a flaw that only the first version fails on.
async fn deliver(bench: &ApiBench, body: &str, flaw: Option<&str>) {
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    let flaw = flaw.map(|flaw| format!("x-flaw: {flaw}\r\n")).unwrap_or_default();
    let hook = "/api/v1/plus/connection/signed/consent-webhook";
    let headers = format!("x-signature: {signature}\r\n{flaw}");
    let delivered = bench.raw("POST", hook, &headers, body.as_bytes()).await;
    assert!((200..300).contains(&delivered.status), "{delivered:?}");
}

/// Creates the connection `signed`, with deliveries of which one fails on the version that serves.
async fn deliveries(bench: &ApiBench, key: &str) {
    let connection =
        json!({"key": "signed", "tenant": "acme", "plugin": "signed", "secrets": {"signing-key": KEY}});
    create(bench, key, connection).await;
    deliver(bench, "opt-out ada@example.com", None).await;
    deliver(bench, "nothing", None).await;
    deliver(bench, "opt-out bob@example.com", Some("error")).await;
}

async fn rehearse(bench: &ApiBench, key: &str, plugin: &str, component: &[u8]) -> Value {
    let rehearsed = bench.post_component(key, &format!("{plugin}/rehearsal"), component).await;
    assert_eq!(rehearsed.status, 200, "{rehearsed:?}");
    rehearsed.json
}

async fn newest(bench: &ApiBench, key: &str, plugin: &str) -> Value {
    let history = bench.get(key, &format!("/api/v1/plugins/{plugin}/versions")).await.json;
    history["versions"].as_array().unwrap().last().unwrap().clone()
}

fn states(version: &Value) -> Vec<&str> {
    version["steps"].as_array().unwrap().iter().map(|step| step["state"].as_str().unwrap()).collect()
}

fn assert_names_nobody(answer: &Answer) {
    assert!(!answer.text.contains("@example.com"), "{answer:?}");
}

const LOOKS_FIRST: &str = "2 erasures: another request: look (GET /people/{email}, read) instead of forget (POST \
                           /people/{email}/forget, write)";

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_plans_other_requests_waits_for_an_approval_and_nothing_is_sent() {
    let ((bench, key), vendor) = (bench("").await, AddressedVendor::start().await);
    waiting_store(&bench, &key, &vendor).await;
    let waiting = request_erasure(&bench, &key, "ada@example.com").await;
    request_erasure(&bench, &key, "bob@example.com").await;
    let (plugins, metrics) = (bench.get(&key, "/api/v1/plugins").await.json, calls(&bench, &key).await);
    let would = rehearse(&bench, &key, "eraser", &tagged_guest("erases_after_look", 1)).await;
    assert_eq!(would["refusals"][0]["reason"], "behaves-differently", "{would}");
    assert_eq!(
        (&would["would_serve"], &would["shadow"]["compared"]),
        (&json!(false), &json!({"erasure": 2}))
    );
    let refused = bench.post_component(&key, "eraser", &tagged_guest("erases_after_look", 1)).await;
    assert_eq!(refused.problem(), (409, "behaves-differently"), "{refused:?}");
    assert_eq!(refused.json["differences"], json!([format!("connection store: {LOOKS_FIRST}")]));
    assert_names_nobody(&refused);
    let version = newest(&bench, &key, "eraser").await;
    assert_eq!(states(&version), ["uploaded", "compiled", "proven", "refused"]);
    assert_eq!(version["steps"][3]["reason"], "behaves-differently");
    let shadow = &version["steps"][2]["evidence"]["shadow"];
    assert_eq!(
        (&shadow["differences"][0]["kind"], &shadow["differences"][0]["count"]),
        (&json!("other-request"), &json!(2)),
        "{shadow}"
    );
    assert_eq!(vendor.take(), [""; 0]);
    assert_eq!(bench.get(&key, "/api/v1/plugins").await.json, plugins);
    // Nothing of a comparison counts as a call of the connection.
    assert_eq!(calls(&bench, &key).await, metrics);
    let request = format!("/api/v1/requests/{}", waiting.as_str().unwrap());
    let shown = bench.get(&key, &request).await.json;
    assert_eq!((&shown["state"], &shown["attempts"]), (&json!("waiting"), &json!([])));
    let agreed = bench.post_component(&key, "eraser?agree=true", &tagged_guest("erases_after_look", 1)).await;
    assert_eq!(agreed.status, 200, "{agreed:?}");
    assert_names_nobody(&agreed);
    let approved = &agreed.json["steps"][3];
    assert_eq!(
        (&approved["state"], &approved["evidence"]["differences"]),
        (&json!("approved"), &json!([format!("connection store: {LOOKS_FIRST}")]))
    );
    let audit = bench.audit("*").await;
    assert!(audit.iter().any(|line| line["detail"]["reason"] == "behaves-differently"), "{audit:?}");
    assert!(!json!(audit).to_string().contains("@example.com"));
}

/// The metrics about attempts, readings, requests and alarms.
async fn calls(bench: &ApiBench, key: &str) -> Vec<String> {
    let metrics = bench.get(key, "/metrics").await.text;
    let about = ["attempt", "reading", "requests_open", "alarms_open"];
    let lines = metrics.lines().filter(|line| about.iter().any(|word| line.contains(word)));
    let lines: Vec<_> = lines.map(str::to_owned).collect();
    assert!(lines.iter().any(|line| line.starts_with("connector_host_requests_open{")), "{metrics}");
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_that_another_version_reads_otherwise_are_counted_by_kind() {
    let (bench, key) = bench("").await;
    deliveries(&bench, &key).await;
    let same = rehearse(&bench, &key, "signed", &tagged_guest("signed_flawed", 1)).await;
    assert_eq!(same["shadow"]["compared"], json!({"delivery": 3}));
    assert_eq!((&same["shadow"]["differences"], &same["would_serve"]), (&json!([]), &json!(true)), "{same}");
    let other = rehearse(&bench, &key, "signed", &tagged_guest("signed", 1)).await;
    let reads =
        "connection signed: 1 delivery: another end: a delivery that is read instead of the error other";
    assert_eq!(other["shadow"]["differences"][0]["text"], reads, "{other}");
    assert_eq!(other["refusals"][0]["reason"], "behaves-differently");
    let published = bench.post_component(&key, "signed?agree=true", &tagged_guest("signed", 1)).await;
    assert_eq!(published.status, 200, "{published:?}");
    assert_names_nobody(&published);
    // The version before traps on one.
    deliver(&bench, "opt-out eve@example.com", Some("trap")).await;
    let back = rehearse(&bench, &key, "signed", &tagged_guest("signed_flawed", 2)).await;
    let texts: Vec<_> =
        back["shadow"]["differences"].as_array().unwrap().iter().map(|of| of["text"].clone()).collect();
    let traps = "connection signed: 1 delivery: another end: the sandbox ending it (trapped) instead of a delivery that is read";
    let fails =
        "connection signed: 1 delivery: another end: the error other instead of a delivery that is read";
    assert_eq!(texts, [traps, fails], "{back}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_compared_is_counted_with_its_reason() {
    let ((bench, key), vendor) =
        (bench("service.shadow-per-connection = 3").await, AddressedVendor::start().await);
    deliveries(&bench, &key).await;
    deliver(&bench, "opt-out eve@example.com", None).await;
    let compared = async |plugin: &str, component: &[u8]| {
        let shadow = rehearse(&bench, &key, plugin, component).await["shadow"].clone();
        let left_out = shadow["not_compared"].as_array().unwrap();
        let texts: Vec<_> = left_out.iter().map(|of| of["text"].as_str().unwrap().to_owned()).collect();
        (shadow["compared"].clone(), texts)
    };
    let (counts, left_out) = compared("signed", &tagged_guest("signed", 1)).await;
    assert_eq!((counts, left_out), (json!({"delivery": 3}), vec![]));
    bench
        .sql("UPDATE deliveries SET sealed_delivery = NULL WHERE seq = (SELECT MAX(seq) FROM deliveries)")
        .await;
    bench
        .sql(
            "UPDATE deliveries SET sealed_delivery = x'00' WHERE seq = (SELECT MAX(seq) - 1 FROM deliveries)",
        )
        .await;
    let (counts, left_out) = compared("signed", &tagged_guest("signed", 1)).await;
    assert_eq!(counts, json!({"delivery": 1}));
    assert_eq!(
        left_out,
        [
            "connection signed: 1 delivery: no longer kept",
            "connection signed: 1 delivery: the stored data cannot be read",
        ]
    );
    waiting_store(&bench, &key, &vendor).await;
    request_erasure(&bench, &key, "ada@example.com").await;
    // It offers no erasure.
    let (counts, left_out) = compared("eraser", &tagged_guest("signed", 1)).await;
    let unsuited = "connection store: 1 request: the connection's settings do not suit the new version";
    assert_eq!((counts, left_out), (json!({}), vec![unsuited.to_owned()]));
    let (counts, left_out) = compared("fresh", &tagged_guest("signed", 1)).await;
    assert_eq!((counts, left_out), (json!({}), vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_of_an_upload_covers_the_differences_that_it_listed_and_no_others() {
    let ((bench, key), vendor) = (bench("").await, AddressedVendor::start().await);
    waiting_store(&bench, &key, &vendor).await;
    let uploaded = bench.post_component(&key, "eraser/versions", &tagged_guest("erases_after_look", 1)).await;
    assert_eq!(uploaded.status, 201, "{uploaded:?}");
    let version = format!("/api/v1/plugins/eraser/versions/{}", uploaded.json["digest"].as_str().unwrap());
    let act = async |act: &str| bench.send(&key, "POST", &format!("{version}/{act}"), None).await;
    assert_eq!(act("approve").await.status, 200);
    // Nothing was stored yet.
    request_erasure(&bench, &key, "ada@example.com").await;
    let refused = act("serve").await;
    assert_eq!(refused.problem(), (409, "behaves-differently"), "{refused:?}");
    let approved = act("approve").await;
    let differences = &approved.json["steps"].as_array().unwrap().last().unwrap()["evidence"]["differences"];
    assert_eq!(differences.as_array().unwrap().len(), 1, "{approved:?}");
    // The same difference once more is covered.
    request_erasure(&bench, &key, "bob@example.com").await;
    assert_eq!(act("serve").await.status, 200);
    assert_eq!(vendor.take(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_whose_settings_do_not_suit_a_connection_is_refused_before_its_proof() {
    let ((bench, key), vendor) = (bench("").await, AddressedVendor::start().await);
    create(&bench, &key, vendor.connection("eraser", "store")).await;
    let plugins = bench.get(&key, "/api/v1/plugins").await.json;
    let refused = bench.post_component(&key, "eraser?agree=true", &tagged_guest("signed", 1)).await;
    assert_eq!(refused.problem(), (409, "not-replaced"), "{refused:?}");
    let version = newest(&bench, &key, "eraser").await;
    assert_eq!(states(&version), ["uploaded", "compiled", "refused"]);
    assert_eq!(version["steps"][2]["reason"], "settings");
    assert_eq!(bench.get(&key, "/api/v1/plugins").await.json, plugins);
    // An upload only says so, since the settings can be changed until it serves.
    let uploaded = bench.post_component(&key, "eraser/versions", &tagged_guest("signed", 1)).await;
    assert_eq!(uploaded.status, 201, "{uploaded:?}");
    let settings = &uploaded.json["steps"].as_array().unwrap().last().unwrap()["evidence"]["settings"];
    assert_eq!(settings, &json!({"suited": [], "unsuited": ["store.domain"]}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_that_the_version_before_makes_is_not_compared() {
    let refers = Refers::start().await;
    refers.erase_unconfirmed("jobs", "ada@example.com").await;
    let path = "refers/rehearsal?agree=true";
    let would = refers.bench.post_component(&refers.key, path, &writers::component("two")).await;
    let shadow = &would.json["shadow"];
    assert_eq!((&shadow["compared"], &shadow["differences"]), (&json!({}), &json!([])), "{would:?}");
    let left_out = &shadow["not_compared"][0];
    assert_eq!((&left_out["why"], &left_out["count"]), (&json!("by-its-writer"), &json!(1)), "{would:?}");
}
