//! Files of plugins that need a signature: at a start, and at a watched path.

use std::path::PathBuf;

use serde_json::{Value, json};
use test_support::eventually;

use super::publisher::{Publisher, Release};
use crate::testing::{ApiBench, tagged_guest};

/// The guest `build_one` with `tag` in a custom section, so that its digest is another one.
fn version(tag: u8) -> Vec<u8> {
    tagged_guest("build_one", tag)
}

/// A service whose plugin `guest` runs from a file of the test, and needs a signature.
struct TrustedFile {
    bench: ApiBench,
    key: String,
    publisher: Publisher,
    folder: tempfile::TempDir,
}

impl TrustedFile {
    /// Starts it with the first version, which is signed, as a file with `options`.
    async fn new(options: &str) -> Self {
        let (publisher, folder) = (Publisher::new(), tempfile::tempdir().unwrap());
        let signer = ApiBench::new().await;
        let first = publisher.release(&signer, &version(1), 1).await;
        signer.stop().await;
        let file = folder.path().join("guest.wasm");
        put(&file, &first);
        let plugin =
            format!("plugins.guest = {{ file = '{}'{options} }}\n{}", file.display(), publisher.trusted());
        let bench = ApiBench::with(&plugin).await;
        let key = bench.operator().await;
        Self { bench, key, publisher, folder }
    }

    fn put(&self, release: &Release) {
        put(&self.folder.path().join("guest.wasm"), release);
    }

    async fn restarted(self) -> Self {
        Self { bench: self.bench.restarted().await, ..self }
    }

    async fn running(&self) -> Value {
        self.bench.get(&self.key, "/api/v1/plugins/guest").await.json["digest"].clone()
    }

    async fn alarms(&self, kind: &str) -> Vec<Value> {
        let alarms =
            self.bench.get(&self.key, "/api/v1/alarms").await.json["alarms"].as_array().unwrap().clone();
        alarms.into_iter().filter(|alarm| alarm["kind"] == kind).collect()
    }

    async fn history(&self) -> Vec<Value> {
        let history = self.bench.get(&self.key, "/api/v1/plugins/guest/versions").await;
        history.json["versions"].as_array().unwrap().clone()
    }
}

/// Puts the bundle first, so that a component is never found with another one's.
fn put(file: &PathBuf, Release { component, bundle }: &Release) {
    let beside = host_trust::bundle_file(file);
    match bundle {
        Some(bundle) => std::fs::write(beside, bundle).unwrap(),
        None => drop(std::fs::remove_file(beside)),
    }
    let next = file.with_extension("new");
    std::fs::write(&next, component).unwrap();
    std::fs::rename(next, file).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_trusted_at_a_start_leaves_the_version_that_served_last_with_an_alarm() {
    let file = TrustedFile::new("").await;
    let first = file.running().await;
    let entered = file.history().await.remove(0);
    assert_eq!((&entered["state"], &entered["signature"]["revision"]), (&json!("serving"), &json!(1)));
    let second = file.publisher.release(&file.bench, &version(2), 2).await;
    file.put(&second.with(None));
    let file = file.restarted().await;
    assert_eq!(file.running().await, first);
    let alarm = file.alarms("plugin-release-refused").await.remove(0);
    assert!(alarm["detail"].as_str().unwrap().contains("refused (no-bundle): it has no bundle"), "{alarm}");
    file.put(&second);
    let file = file.restarted().await;
    assert_ne!(file.running().await, first);
    assert_eq!(file.alarms("plugin-release-refused").await, [json!(null); 0]);
    assert_eq!(file.alarms("plugin-not-signed").await, [json!(null); 0]);
    // An older release is no more welcome as a file than as an upload.
    let newest = file.running().await;
    file.put(&file.publisher.release(&file.bench, &version(1), 1).await);
    let file = file.restarted().await;
    assert_eq!(file.running().await, newest);
    let alarm = file.alarms("plugin-release-refused").await.remove(0);
    assert!(alarm["detail"].as_str().unwrap().contains("refused (replayed)"), "{alarm}");
    // The file that serves is put back.
    file.put(&second);
    let file = file.restarted().await;
    assert_eq!(file.running().await, newest);
    assert_eq!(file.alarms("plugin-release-refused").await, [json!(null); 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watched_file_that_is_not_trusted_leaves_the_running_version_with_an_alarm_until_its_bundle_arrives()
 {
    let file = TrustedFile::new(", watch = true").await;
    let first = file.running().await;
    let second = file.publisher.release(&file.bench, &version(2), 2).await;
    file.put(&second.with(None));
    let raised = async || file.alarms("plugin-release-refused").await;
    let alarm = eventually("an alarm", raised, |alarms| alarms.len() == 1).await.remove(0);
    assert!(alarm["detail"].as_str().unwrap().contains("refused (no-bundle)"), "{alarm}");
    assert_eq!(file.running().await, first);
    let is_refused =
        |version: &Value| version["state"] == "refused" && version["steps"][0]["reason"] == "no-bundle";
    assert!(file.history().await.iter().any(is_refused));
    file.put(&second);
    eventually("the signed release serves", async || file.running().await, |now| *now != first).await;
    eventually("the alarm ends", raised, Vec::is_empty).await;
    let newest = file.running().await;
    file.put(&file.publisher.release(&file.bench, &version(1), 1).await);
    let alarm = eventually("an alarm", raised, |alarms| alarms.len() == 1).await.remove(0);
    assert!(alarm["detail"].as_str().unwrap().contains("refused (replayed)"), "{alarm}");
    assert_eq!(file.running().await, newest);
    file.put(&second);
    eventually("the alarm ends, since the file that serves is back", raised, Vec::is_empty).await;
}
