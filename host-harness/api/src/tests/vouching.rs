//! Outcomes that the host's own record contradicts.

use axum::{Router, extract::Path, http::StatusCode, routing::any};
use serde_json::{Value, json};
use test_support::eventually;

use crate::testing::{ApiBench, tagged_guest};

/// The guest `reports` with `tag` in a custom section, so that its digest is another one.
fn version(tag: u8) -> Vec<u8> {
    tagged_guest("reports", tag)
}

/// The file of the plugin. Another version of it runs after a restart: a publication would not survive its proof.
struct PluginFile(tempfile::TempDir);

impl PluginFile {
    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("reports.wasm")
    }

    fn put(&self, component: &[u8]) {
        std::fs::write(self.path(), component).unwrap();
    }
}

/// Starts a vendor that answers with the status in the path. Returns its address.
async fn vendor() -> String {
    let answer = async |Path((_, status)): Path<(String, u16)>| StatusCode::from_u16(status).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let router = Router::new().route("/{operation}/{status}", any(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Has the connection's calls send these requests to the vendor at `host`, and report this outcome.
async fn act(bench: &ApiBench, key: &str, host: &str, requests: &str, outcome: &str) {
    let settings = json!({"domain": host, "send": requests, "outcome": outcome});
    let connection =
        json!({"settings": settings, "egress": {"hosts": [host], "loopback": true, "plain_http": true}});
    let changed = bench.send(key, "PATCH", "/api/v1/connection/honesty", Some(connection)).await;
    assert_eq!(changed.status, 200, "{changed:?}");
}

/// A service whose connection `honesty` runs on the first version of the guest.
async fn bench() -> (ApiBench, String, PluginFile) {
    let file = PluginFile(tempfile::tempdir().unwrap());
    file.put(&version(1));
    let plugin = format!("plugins.reports.file = '{}'", file.path().display());
    let bench = ApiBench::with(&plugin).await;
    let key = bench.operator().await;
    let connection = json!({"key": "honesty", "tenant": "acme", "plugin": "reports"});
    let made = bench.send(&key, "POST", "/api/v1/connection", Some(connection)).await;
    assert_eq!(made.status, 201, "{made:?}");
    (bench, key, file)
}

async fn erase(bench: &ApiBench, key: &str, email: &str) -> String {
    let body = json!({"action": "erasure", "identity": {"email": email}});
    let taken = bench.send(key, "POST", "/api/v1/connection/honesty/requests", Some(body)).await;
    assert_eq!(taken.status, 202, "{taken:?}");
    format!("/api/v1/requests/{}", taken.json["id"].as_str().unwrap())
}

async fn once(bench: &ApiBench, key: &str, place: &str, shows: impl Fn(&Value) -> bool) -> Value {
    let look = async || bench.get(key, place).await.json;
    eventually("the request is as expected", look, |report| shows(report)).await
}

async fn open_alarms(bench: &ApiBench, key: &str) -> Vec<Value> {
    bench.get(key, "/api/v1/alarms").await.json["alarms"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_outcome_is_contradicted_waits_for_another_version_and_alarms() {
    let ((bench, key, file), host) = (bench().await, vendor().await);
    act(&bench, &key, &host, "", "erased").await;
    let place = erase(&bench, &key, "ada@example.com").await;
    let waits = once(&bench, &key, &place, |report| !report["contradicted_by"].is_null()).await;
    let first = waits["contradicted_by"].as_str().unwrap().to_owned();
    assert_eq!(
        (&waits["state"], &waits["next_at"], &waits["outcome"]),
        (&json!("waiting"), &json!(null), &json!(null))
    );
    assert_eq!(waits["forecast"]["held_back_by"], "another version of its plugin");
    let attempt = &waits["attempts"][0];
    let failure = &attempt["result"]["ended_by_sandbox"];
    assert_eq!((&failure["kind"], &failure["contradicted"]), (&json!("bad-answer"), &json!("erase-erased")));
    assert_eq!(attempt["observed"], json!({"requests": [], "names_person": false, "exempt": []}));
    let alarms = open_alarms(&bench, &key).await;
    assert_eq!(
        (&alarms[0]["kind"], &alarms[0]["about"]),
        (&json!("outcome-contradicted"), &json!("honesty"))
    );
    assert!(alarms[0]["detail"].as_str().unwrap().contains(&first), "{alarms:?}");
    // Other settings and a restart do not try the same version again, which carries out other requests.
    act(&bench, &key, &host, "act:200", "erased").await;
    let bench = bench.restarted().await;
    let other = erase(&bench, &key, "bob@example.com").await;
    once(&bench, &key, &other, |report| report["state"] == "done").await;
    assert_eq!(bench.get(&key, &place).await.json["attempts"].as_array().unwrap().len(), 1);
    // Another version does.
    file.put(&version(2));
    let bench = bench.restarted().await;
    let done = once(&bench, &key, &place, |report| report["state"] == "done").await;
    let receipt = &done["outcome"]["receipt"];
    assert_eq!(
        (&receipt["status"], &receipt["observed"]["requests"][0]["operation"]),
        (&json!("erased"), &json!("act"))
    );
    assert_eq!(done["attempts"][1]["observed"]["requests"], receipt["observed"]["requests"]);
    assert_eq!(done["contradicted_by"], json!(null));
    assert_eq!(open_alarms(&bench, &key).await, [json!(null); 0]);
    let attempts: Vec<_> = bench
        .audit("acme")
        .await
        .into_iter()
        .filter(|record| record["what"] == "request-attempted")
        .collect();
    assert_eq!(attempts[0]["detail"]["observed"]["requests"], json!([]));
    assert_eq!(attempts[2]["detail"]["observed"]["requests"][0]["operation"], "act");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_may_have_been_carried_out_is_first_confirmed_by_the_next_version() {
    let ((bench, key, _file), host) = (bench().await, vendor().await);
    act(&bench, &key, &host, "act:403", "erased").await;
    let place = erase(&bench, &key, "ada@example.com").await;
    let waits = once(&bench, &key, &place, |report| !report["contradicted_by"].is_null()).await;
    assert_eq!(waits["step"], "confirm");
}

#[tokio::test(flavor = "multi_thread")]
async fn choices_whose_report_is_contradicted_are_applied_by_the_next_version() {
    let ((bench, key, file), host) = (bench().await, vendor().await);
    act(&bench, &key, &host, "look:200", "applied").await;
    let choice = json!({"item": "channel:1", "choice": "opt_out", "source": "form"});
    let body = json!({"identity": {"email": "ada@example.com"}, "preferences": {"items": [choice]}});
    let taken = bench.send(&key, "POST", "/api/v1/connection/honesty/consent", Some(body)).await;
    assert_eq!(taken.status, 202, "{taken:?}");
    let place = format!("/api/v1/requests/{}", taken.json["id"].as_str().unwrap());
    let waits = once(&bench, &key, &place, |report| !report["contradicted_by"].is_null()).await;
    assert_eq!(waits["attempts"][0]["result"]["ended_by_sandbox"]["contradicted"], "apply-applied");
    act(&bench, &key, &host, "act:200", "applied").await;
    file.put(&version(2));
    let bench = bench.restarted().await;
    let done = once(&bench, &key, &place, |report| report["state"] == "done").await;
    assert_eq!(done["outcome"]["report"][0]["status"], "executed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_alarm_about_a_contradicted_outcome_ends_with_its_connection() {
    let ((bench, key, _file), host) = (bench().await, vendor().await);
    act(&bench, &key, &host, "", "erased").await;
    let place = erase(&bench, &key, "ada@example.com").await;
    once(&bench, &key, &place, |report| !report["contradicted_by"].is_null()).await;
    assert!(!open_alarms(&bench, &key).await.is_empty());
    let deleted = bench.send(&key, "DELETE", "/api/v1/connection/honesty?abandon=true", None).await;
    assert_eq!(deleted.status, 200, "{deleted:?}");
    assert_eq!(open_alarms(&bench, &key).await, [json!(null); 0]);
}
