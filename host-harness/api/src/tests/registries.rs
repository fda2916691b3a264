//! Plugins that are pulled from a registry.

use std::time::Duration;

use bytes::Bytes;
use host_harness::connection::Reach;
use host_registry::{Artefact, PluginReference, Registry, RegistryAccess};
use host_trust::Statement;
use serde_json::{Value, json};
use test_support::{
    eventually,
    registry::{Instead, REPOSITORY, RegistryStandIn},
};

use tokio::time::timeout;

use super::publisher::{Publisher, Release};
use crate::testing::{Answer, ApiBench, guest, tagged_guest};

pub(super) const PLUGIN: &str = "/api/v1/plugins/guest";

/// The guest `build_one` with `tag` in a custom section, so that its digest is another one.
pub(super) fn version(tag: u8) -> Vec<u8> {
    tagged_guest("build_one", tag)
}

/// A service whose plugin `guest` is in a registry.
pub(super) struct RegistryBench {
    pub(super) bench: ApiBench,
    pub(super) key: String,
    pub(super) registry: RegistryStandIn,
}

/// The settings of the plugin `guest` under the tag `1` of `registry`.
pub(super) fn settings(registry: &RegistryStandIn) -> String {
    let host = registry.host();
    format!(
        "plugins.guest.registry = '{host}/{REPOSITORY}:1'\nregistries.'{host}' = {{ loopback = true, plain-http = true }}"
    )
}

/// Publishes a component under the tag `1`, with these bundles.
pub(super) async fn push(registry: &RegistryStandIn, component: &[u8], bundles: &[&str]) -> PluginReference {
    let access = RegistryAccess { reach: Reach::Loopback, ..RegistryAccess::to(registry.host()) };
    let reference: PluginReference = format!("{}/{REPOSITORY}:1", registry.host()).parse().unwrap();
    let artefact = Artefact::of(Bytes::copy_from_slice(component)).unwrap();
    let bundles: Vec<_> = bundles.iter().map(|bundle| Bytes::copy_from_slice(bundle.as_bytes())).collect();
    let digest = Registry::new(access).unwrap().push(&reference, &artefact, &bundles).await.unwrap();
    reference.pinned(digest)
}

impl RegistryBench {
    /// Starts it with `more` in the configuration.
    pub(super) async fn with(registry: RegistryStandIn, more: &str) -> Self {
        let bench = ApiBench::with(&format!("{}\n{more}", settings(&registry))).await;
        let key = bench.operator().await;
        Self { bench, key, registry }
    }

    /// Starts it, and waits until the first version serves.
    async fn serving(component: &[u8]) -> Self {
        let registry = RegistryStandIn::start().await;
        push(&registry, component, &[]).await;
        let bench = Self::with(registry, "").await;
        bench.runs(component).await;
        bench
    }

    pub(super) async fn restarted(self) -> Self {
        Self { bench: self.bench.restarted().await, ..self }
    }

    /// Has the registry answer 503 to everything.
    pub(super) fn break_registry(&self) {
        let broken = Instead::Answer(503, vec![], Bytes::new());
        self.registry.switches().instead.insert(String::new(), broken);
    }

    pub(super) fn mend_registry(&self) {
        self.registry.switches().instead.clear();
    }

    pub(super) async fn shown(&self) -> Answer {
        self.bench.get(&self.key, PLUGIN).await
    }

    /// Waits until `component` runs and what it was pulled as is stored.
    pub(super) async fn runs(&self, component: &[u8]) -> Value {
        let digest = host_model::digest::Digest::of(component).to_string();
        let runs = |shown: &Answer| {
            shown.json["digest"] == digest && shown.json["registry"]["pulled"]["digest"] == digest
        };
        eventually("it runs", async || self.shown().await, runs).await.json
    }

    pub(super) async fn pull(&self, query: &str) -> Answer {
        self.bench.send(&self.key, "POST", &format!("{PLUGIN}/pull{query}"), None).await
    }

    pub(super) async fn alarms(&self) -> Vec<String> {
        self.alarms_of("plugin-not-pulled").await
    }

    pub(super) async fn alarms_of(&self, kind: &str) -> Vec<String> {
        let alarms = self.bench.get(&self.key, "/api/v1/alarms").await.json["alarms"].clone();
        let alarms = alarms.as_array().unwrap().iter().filter(|alarm| alarm["kind"] == kind);
        alarms.map(|alarm| alarm["detail"].as_str().unwrap().to_owned()).collect()
    }

    pub(super) async fn latest(&self) -> Value {
        self.bench.get(&self.key, &format!("{PLUGIN}/versions")).await.json["versions"][0].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_is_resolved_once_and_restarts_ask_no_registry() {
    let registry = RegistryStandIn::start().await;
    push(&registry, &version(1), &[]).await;
    // A plugin that the registry does not have: each start asks for it, and for those before it by name first.
    let later = format!("plugins.later.registry = '{}/acme/later:1'", registry.host());
    let bench = RegistryBench::with(registry, &later).await;
    bench.runs(&version(1)).await;
    let shown = bench.shown().await.json;
    let (reference, pulled) = (&shown["registry"]["reference"], &shown["registry"]["pulled"]);
    assert_eq!(*reference, format!("{}/{REPOSITORY}:1", bench.registry.host()));
    assert_eq!((&pulled["reference"], &shown["registry"]["failure"]), (reference, &json!(null)));
    let version = bench.latest().await;
    assert_eq!((&version["source"], &version["state"]), (&json!("registry"), &json!("serving")));
    let manifest = pulled["manifest"].as_str().unwrap();
    let place = format!("{}/{REPOSITORY}@{manifest}", bench.registry.host());
    assert_eq!(version["note"], format!("pulled from {place}"));

    let of_later = |line: &String| line.contains("/acme/later/");
    let asked = |bench: &RegistryBench| bench.registry.lines().iter().filter(|line| !of_later(line)).count();
    let restarted = async |bench: RegistryBench| {
        let asked_later =
            |bench: &RegistryBench| bench.registry.lines().iter().filter(|line| of_later(line)).count();
        let before = asked_later(&bench);
        let bench = bench.restarted().await;
        eventually("it pulls", async || asked_later(&bench), |count| *count > before).await;
        bench
    };
    let before_push = asked(&bench);
    push(&bench.registry, &self::version(2), &[]).await;
    let after_push = asked(&bench);
    assert!(after_push > before_push);
    let bench = Box::pin(restarted(bench)).await;
    assert_eq!(bench.shown().await.json["digest"], shown["digest"], "the tag has moved");
    bench.break_registry();
    let bench = Box::pin(restarted(bench)).await;
    assert_eq!(bench.shown().await.json["digest"], shown["digest"]);
    assert_eq!(asked(&bench), after_push);
    let alarms = bench.alarms().await;
    assert!(alarms.iter().all(|detail| detail.contains("/acme/later:1")), "{alarms:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_has_moved_is_resolved_again_when_an_operator_pulls() {
    let bench = RegistryBench::serving(&version(1)).await;
    let second = push(&bench.registry, &version(2), &[]).await;
    let pulled = bench.pull("").await;
    assert_eq!(pulled.status, 200, "{pulled:?}");
    let shown = bench.runs(&version(2)).await;
    assert_eq!(shown["registry"]["pulled"]["manifest"], second.digest().unwrap().to_string());
    // The same once more: nothing to do.
    let again = bench.pull("").await;
    assert_eq!((again.status, &again.json["digest"]), (200, &shown["digest"]), "{again:?}");
    // What served before can be put back, which a restart leaves as it is.
    let back = bench.bench.send(&bench.key, "POST", &format!("{PLUGIN}/roll-back"), None).await;
    assert_eq!(back.status, 200, "{back:?}");
    let bench = bench.restarted().await;
    assert_eq!(bench.shown().await.json["digest"], back.json["digest"]);
    assert_ne!(back.json["digest"], shown["digest"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_copy_and_without_a_registry_only_the_connections_of_that_plugin_are_not_served() {
    let registry = RegistryStandIn::start().await;
    push(&registry, &version(1), &[]).await;
    registry.switches().instead.insert(String::new(), Instead::Answer(503, vec![], Bytes::new()));
    let news = "tenants.acme = {}\n[connections.guests]\ntenant = 'acme'\nplugin = 'guest'";
    let bench = RegistryBench::with(registry, news).await;
    let alarm = eventually("an alarm", async || bench.alarms().await, |alarms| alarms.len() == 1).await;
    assert!(
        alarm[0].contains("answered 503; its connections are not served; it is tried again"),
        "{alarm:?}"
    );
    // Another plugin and its connection are served, and the service is ready.
    let iterable = bench.bench.get(&bench.key, "/api/v1/plugins/iterable").await;
    assert_eq!((iterable.status, &iterable.json["registry"]), (200, &json!(null)));
    bench.bench.connect(&bench.key, "acme", "newsletter").await;
    let test = "/api/v1/connection/newsletter/test";
    let tested = bench.bench.send(&bench.key, "GET", test, None).await;
    assert_eq!(tested.json["test_status"], "succeeded", "{tested:?}");
    assert_eq!(bench.bench.raw("GET", "/ready", "", b"").await.status, 200);
    // What is known of the plugin is its failure.
    let shown = bench.shown().await;
    assert_eq!(shown.problem(), (404, "unknown"));
    assert!(shown.detail().contains("does not run") && shown.detail().contains("503"), "{shown:?}");
    let listed = bench.bench.get(&bench.key, "/api/v1/plugins").await.json;
    let not_pulled = &listed["not_pulled"][0];
    assert_eq!((&not_pulled["name"], &not_pulled["registry"]["pulled"]), (&json!("guest"), &json!(null)));
    assert!(not_pulled["registry"]["failure"]["again_at"].is_i64(), "{listed}");
    let guests = async || bench.bench.get(&bench.key, "/api/v1/connection/guests").await.json;
    assert_ne!(guests().await["problem"], json!(null));

    bench.mend_registry();
    bench.runs(&version(1)).await;
    assert_eq!(bench.alarms().await, [""; 0]);
    eventually("its connection is served", guests, |guests| guests["problem"].is_null()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_that_fails_leaves_the_running_version_and_shows_why() {
    let bench = RegistryBench::serving(&version(1)).await;
    let running = bench.shown().await.json["digest"].clone();
    bench.break_registry();
    let failed = bench.pull("").await;
    assert_eq!(failed.problem(), (502, "not-pulled"), "{failed:?}");
    let shown = bench.shown().await.json;
    let failure = &shown["registry"]["failure"];
    assert_eq!((&shown["digest"], &failure["again_at"]), (&running, &json!(null)));
    assert!(failure["problem"].as_str().unwrap().contains("503"), "{failure}");
    assert!(shown["registry"]["pulled"]["pulled_at"].is_i64(), "{shown}");
    let alarm = bench.alarms().await.remove(0);
    assert!(alarm.contains("serves on; `connector-host plugin pull guest` tries it again"), "{alarm}");

    bench.mend_registry();
    // Bytes that are not those that the manifest names.
    push(&bench.registry, &version(2), &[]).await;
    bench.registry.has_instead(&Bytes::from(version(2)), &Bytes::from(version(3)));
    let swapped = bench.pull("").await;
    assert_eq!(swapped.problem(), (502, "not-pulled"));
    assert!(swapped.detail().contains("expected sha256:"), "{swapped:?}");
    assert_eq!(bench.shown().await.json["digest"], running);

    push(&bench.registry, &version(4), &[]).await;
    assert_eq!(bench.pull("").await.status, 200);
    assert_eq!(bench.runs(&version(4)).await["registry"]["failure"], json!(null));
    assert_eq!(bench.alarms().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_requests_more_is_served_only_if_an_operator_agrees() {
    let bench = RegistryBench::serving(&version(1)).await;
    push(&bench.registry, &guest("build_greedy"), &[]).await;
    let refused = bench.pull("").await;
    assert_eq!(refused.problem(), (409, "asks-for-more"), "{refused:?}");
    bench.runs(&version(1)).await;
    assert_eq!(bench.pull("?agree=true").await.status, 200);
    bench.runs(&guest("build_greedy")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pulled_version_is_refused_unless_one_of_its_bundles_is_trusted() {
    let (publisher, stranger) = (Publisher::new(), Publisher::new());
    let signer = ApiBench::new().await;
    let Release { component, bundle } = publisher.release(&signer, &version(1), 1).await;
    let foreign = stranger.release(&signer, &version(1), 9).await.bundle.unwrap();
    signer.stop().await;
    let registry = RegistryStandIn::start().await;
    push(&registry, &component, &[]).await;
    let bench = RegistryBench::with(registry, &publisher.trusted()).await;
    let alarm = eventually("an alarm", async || bench.alarms().await, |alarms| alarms.len() == 1).await;
    assert!(alarm[0].contains("the component has no bundle"), "{alarm:?}");
    assert_eq!(bench.shown().await.status, 404);
    let refused = bench.latest().await;
    assert_eq!((&refused["state"], &refused["steps"][0]["reason"]), (&json!("refused"), &json!("no-bundle")));
    // A bundle by another key is no help, and does not hide the publisher's, nor what is wrong with it.
    push(&bench.registry, &component, &[&foreign]).await;
    assert_eq!(bench.pull("?agree=true").await.problem(), (422, "not-trusted"));
    let signer = ApiBench::new().await;
    let ended = |stated| Statement { not_after: 1, ..stated };
    let expired = publisher.release_as(&signer, &version(2), ended).await.bundle.unwrap();
    let foreign_too = stranger.release(&signer, &version(2), 9).await.bundle.unwrap();
    signer.stop().await;
    push(&bench.registry, &version(2), &[&foreign_too, &expired]).await;
    assert_eq!(bench.pull("?agree=true").await.json["reason"], "expired");
    push(&bench.registry, &component, &[&foreign, &bundle.unwrap()]).await;
    let pulled = bench.pull("?agree=true").await;
    assert_eq!(pulled.status, 200, "{pulled:?}");
    bench.runs(&component).await;
    assert_eq!(bench.latest().await["signature"]["key"], publisher.fingerprint());
    assert_eq!(bench.alarms().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_was_lost_is_pulled_again_by_its_digest() {
    let bench = RegistryBench::serving(&version(1)).await;
    push(&bench.registry, &version(2), &[]).await;
    bench.bench.sql("DELETE FROM components").await;
    let bench = bench.restarted().await;
    bench.runs(&version(1)).await;
    let bench = bench.restarted().await;
    bench.runs(&version(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_does_not_wait_for_a_registry_that_does_not_answer() {
    let registry = RegistryStandIn::start().await;
    registry.switches().instead.insert(String::new(), Instead::Silence);
    let RegistryBench { bench, registry, .. } = RegistryBench::with(registry, "").await;
    eventually("it is asked", async || registry.lines(), |lines| !lines.is_empty()).await;
    timeout(Duration::from_secs(10), bench.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_reference_is_pulled_at_the_next_start_and_without_one_nothing_is_kept() {
    let bench = RegistryBench::serving(&version(1)).await;
    push(&bench.registry, &version(2), &[]).await;
    let moved = settings(&bench.registry).replace(":1'", &format!("@{}'", digest_of(&version(2))));
    bench.bench.configure(&moved).await;
    let bench = bench.restarted().await;
    bench.runs(&version(2)).await;
    let file = xtask::components::current("guests/build_one").unwrap();
    bench.bench.configure(&format!("plugins.guest.file = '{}'", file.display())).await;
    let bench = bench.restarted().await;
    assert_eq!(bench.shown().await.json["registry"], json!(null));
    assert_eq!(bench.pull("").await.problem(), (409, "not-replaced"));
    let read = async || {
        let read = bench.bench.parts.store.read(|c| Box::pin(host_store::pulls::failures(c)));
        let vault = bench.bench.parts.store.vault().clone();
        let pulls = bench
            .bench
            .parts
            .store
            .read(|c| Box::pin(async move { host_store::pulls::all(c, &vault).await }));
        (read.await.unwrap().len(), pulls.await.unwrap().len())
    };
    eventually("the pull is forgotten", read, |left| *left == (0, 0)).await;
}

/// The digest of the manifest with which `component` is published.
fn digest_of(component: &[u8]) -> host_model::digest::Digest {
    Artefact::of(Bytes::copy_from_slice(component)).unwrap().digest()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_replica_pulled_is_served_by_the_others_which_ask_no_registry() {
    let bench = RegistryBench::serving(&version(1)).await;
    if !bench.bench.is_on_server() {
        return;
    }
    let asked = bench.registry.lines().len();
    let second = bench.bench.replica().await;
    let runs = async || second.get(&bench.key, PLUGIN).await.json["digest"].clone();
    let first = bench.shown().await.json["digest"].clone();
    eventually("the other replica runs it", runs, |digest| *digest == first).await;
    push(&bench.registry, &version(2), &[]).await;
    let pushed = bench.registry.lines().len();
    assert_eq!(bench.pull("").await.status, 200);
    let pulled = bench.registry.lines().len() - pushed;
    eventually("the other replica runs the next one", runs, |digest| *digest != first).await;
    assert_eq!(bench.registry.lines().len(), pushed + pulled, "{asked}");
}
