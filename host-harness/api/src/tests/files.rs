//! Versions that run from a file: entered with their components, proven, and put back.

use std::path::PathBuf;

use serde_json::{Value, json};
use test_support::eventually;

use crate::testing::{Answer, ApiBench, guest, tagged_guest};

/// The guest `build_one` with `tag` in a custom section, so that its digest is another one.
fn version(tag: u8) -> Vec<u8> {
    tagged_guest("build_one", tag)
}

/// A service whose plugin `guest` runs from a file of the test.
struct FileBench {
    bench: ApiBench,
    key: String,
    folder: tempfile::TempDir,
}

impl FileBench {
    async fn of(component: &[u8], options: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("guest.wasm");
        std::fs::write(&file, component).unwrap();
        let plugin = format!("plugins.guest = {{ file = '{}'{options} }}", file.display());
        let bench = ApiBench::with(&plugin).await;
        let key = bench.operator().await;
        Self { bench, key, folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("guest.wasm")
    }

    /// Moves `component` into place.
    fn put(&self, component: &[u8]) {
        let beside = self.file().with_extension("new");
        std::fs::write(&beside, component).unwrap();
        std::fs::rename(beside, self.file()).unwrap();
    }

    async fn restarted(self) -> Self {
        Self { bench: self.bench.restarted().await, ..self }
    }

    async fn history(&self) -> Vec<Value> {
        let history = self.bench.get(&self.key, "/api/v1/plugins/guest/versions").await.json;
        history["versions"].as_array().unwrap().clone()
    }

    async fn serve(&self, version: &Value) -> Answer {
        let path = format!("/api/v1/plugins/guest/versions/{}/serve", version["digest"].as_str().unwrap());
        self.bench.send(&self.key, "POST", &path, None).await
    }

    async fn alarms(&self, kind: &str) -> Vec<Value> {
        let alarms =
            self.bench.get(&self.key, "/api/v1/alarms").await.json["alarms"].as_array().unwrap().clone();
        alarms.into_iter().filter(|alarm| alarm["kind"] == kind).collect()
    }

    /// The running version of the plugin, as the API shows it.
    async fn running(&self) -> Value {
        let plugins =
            self.bench.get(&self.key, "/api/v1/plugins").await.json["plugins"].as_array().unwrap().clone();
        plugins.into_iter().find(|plugin| plugin["name"] == "guest").unwrap()
    }
}

fn steps(version: &Value) -> Vec<&str> {
    version["steps"].as_array().unwrap().iter().map(|step| step["state"].as_str().unwrap()).collect()
}

fn last_step(version: &Value) -> &Value {
    version["steps"].as_array().unwrap().last().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_of_a_file_is_put_back_after_the_file_changed_and_after_a_publication() {
    let file = FileBench::of(&version(1), "").await;
    let first = file.history().await.remove(0);
    assert_eq!((&first["source"], &first["is_stored"]), (&json!("file"), &json!(true)));
    // The file has another version at the next start.
    file.put(&version(2));
    let file = file.restarted().await;
    let second = file.history().await.remove(0);
    assert_eq!((steps(&second), &second["is_stored"]), (vec!["serving"], &json!(true)));
    assert_eq!(file.serve(&first).await.json["digest"], first["digest"]);
    // A publication replaces it, and the file is gone.
    assert_eq!(file.bench.post_component(&file.key, "guest", &version(3)).await.status, 200);
    std::fs::remove_file(file.file()).unwrap();
    let file = file.restarted().await;
    for version in [&second, &first] {
        let back = file.serve(version).await;
        assert_eq!((back.status, &back.json["digest"]), (200, &version["digest"]), "{back:?}");
    }
    let file = file.restarted().await;
    assert_eq!(file.running().await["digest"], first["digest"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_of_a_watched_file_is_proven_and_stored_before_it_serves() {
    let file = FileBench::of(&version(1), ", watch = true").await;
    file.put(&version(2));
    let is_replaced = |all: &Vec<Value>| all.iter().any(|version| version["state"] == "retired");
    let versions = eventually("the second version", async || file.history().await, is_replaced).await;
    assert_eq!(
        (steps(&versions[0]), steps(&versions[1])),
        (vec!["compiled", "proven", "serving"], vec!["serving", "retired"])
    );
    assert_eq!(
        (&versions[0]["source"], &versions[0]["steps"][1]["by"]),
        (&json!("file"), &json!("the host"))
    );
    assert!(versions.iter().all(|version| version["is_stored"] == true), "{versions:?}");
    assert_eq!(file.running().await["digest"], versions[0]["digest"]);
    // It follows its file, so none is put back.
    let refused = file.serve(&versions[1]).await;
    assert_eq!(refused.problem(), (409, "not-replaced"));
    assert!(refused.detail().contains("follows its file"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_of_a_watched_file_that_fails_its_proof_or_requests_more_leaves_the_running_one() {
    let file = FileBench::of(&version(1), ", watch = true").await;
    let running = file.running().await;
    for (component, reason) in [("traps_on_erase", "not-proven"), ("build_greedy", "asks-for-more")] {
        file.put(&guest(component));
        let is_refused =
            |version: &Value| version["state"] == "refused" && last_step(version)["reason"] == reason;
        let versions =
            eventually("it is refused", async || file.history().await, |all| all.iter().any(is_refused))
                .await;
        let refused = versions.iter().find(|version| is_refused(version)).unwrap();
        assert_eq!(
            (&refused["state"], &refused["is_stored"]),
            (&json!("refused"), &json!(false)),
            "{reason}"
        );
        assert_eq!(file.running().await, running, "{reason}");
        assert_eq!(versions[0]["state"], "serving", "{reason}");
    }
    // The next one that is in order serves.
    file.put(&version(2));
    eventually("it serves", async || file.running().await, |now| *now != running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_fails_its_proof_at_the_start_serves_on_with_an_alarm_until_another_version_serves() {
    let file = FileBench::of(&guest("traps_on_erase"), "").await;
    for _ in 0..2 {
        file.bench.parts.connections.prove_running().await;
        let version = file.history().await.remove(0);
        assert_eq!((&version["state"], steps(&version)), (&json!("serving"), vec!["serving", "refused"]));
        assert_eq!(last_step(&version)["reason"], "not-proven");
        assert_eq!(last_step(&version)["evidence"]["proof"]["result"], "failed");
    }
    // As if it had failed before it began to serve, when a watched file was not installed.
    file.bench.sql("UPDATE version_steps SET seq = -seq WHERE reason = 'not-proven'").await;
    file.bench.parts.connections.prove_running().await;
    assert_eq!(steps(&file.history().await.remove(0)), ["refused", "serving", "refused"]);
    let alarms = file.alarms("plugin-not-proven").await;
    assert_eq!((alarms.len(), &alarms[0]["about"]), (1, &json!("guest")));
    assert!(alarms[0]["detail"].as_str().unwrap().contains("serves on"), "{alarms:?}");
    let iterable = file.bench.get(&file.key, "/api/v1/plugins/iterable/versions").await.json;
    assert_eq!(steps(&iterable["versions"][0]), ["serving", "proven"]);
    file.put(&version(1));
    let file = file.restarted().await;
    assert_eq!(file.running().await["version"], "one");
    assert_eq!(file.alarms("plugin-not-proven").await, [json!(null); 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_row_of_the_running_version_is_reported_with_what_it_said_before_it_is_replaced() {
    let file = FileBench::of(&version(1), "").await;
    let before = file.history().await.remove(0);
    let change = "UPDATE versions SET approved = '[\"everything\"]', conditions = '{\"max-bytes\":9}' WHERE plugin = 'guest'";
    file.bench.sql(change).await;
    assert_eq!(file.history().await[0]["is_authentic"], false);
    let file = file.restarted().await;
    let after = file.history().await.remove(0);
    assert_eq!((&after["is_authentic"], &after["digest"]), (&json!(true), &before["digest"]));
    let audit = file.bench.audit("*").await;
    let line = audit.iter().find(|line| line["what"] == "plugin-version-not-authentic").unwrap();
    assert_eq!((&line["digest"], &line["detail"]["plugin"]), (&before["digest"], &json!("guest")));
    let said = &line["detail"]["said"];
    assert_eq!(
        (&said["approved"], &said["conditions"], &said["state"]),
        (&json!("[\"everything\"]"), &json!("{\"max-bytes\":9}"), &json!("serving"))
    );
    let alarms = file.alarms("plugin-version-not-authentic").await;
    let about = format!("version {} of plugin guest", before["digest"].as_str().unwrap());
    assert_eq!((alarms.len(), &alarms[0]["about"]), (1, &json!(about)));
    // An intact row is not reported.
    let file = file.restarted().await;
    let count = file
        .bench
        .audit("*")
        .await
        .iter()
        .filter(|line| line["what"] == "plugin-version-not-authentic")
        .count();
    assert_eq!(count, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_cannot_be_read_prevents_no_start_and_raises_an_alarm() {
    let file = FileBench::of(&version(1), "").await;
    file.bench.sql("UPDATE versions SET state = 'somewhere' WHERE plugin = 'guest'").await;
    let file = file.restarted().await;
    assert_eq!(file.running().await["version"], "one");
    let alarms = file.alarms("plugin-version-not-authentic").await;
    assert!(alarms[0]["detail"].as_str().unwrap().contains("cannot be read"), "{alarms:?}");
}
