//! Plugins in registries.

use bytes::Bytes;
use host_api::testing::{ApiBench, guest};
use host_harness::connection::Reach;
use host_registry::{Artefact, PluginReference, Registry, RegistryAccess};
use test_support::{
    eventually,
    registry::{REPOSITORY, RegistryStandIn},
};

use super::browser::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_in_a_registry_is_shown_with_its_copy_and_its_failure_and_pulled_again() {
    let registry = RegistryStandIn::start().await;
    let host = registry.host();
    let reference = format!("{host}/{REPOSITORY}:1");
    let bench = ApiBench::with(&format!(
        "plugins.guest.registry = '{reference}'\nregistries.'{host}' = {{ loopback = true, plain-http = true }}"
    ))
    .await;
    let key = bench.operator().await;
    let mut browser = Browser::signed_in(&bench, &key).await;
    let shown = async || browser.get("/plugins").await;
    let failed =
        eventually("its failure is shown", shown, |shown| shown.html.contains("no such manifest")).await;
    failed.assert_shows(&["Not pulled", &reference, "never pulled", "tried again"]);

    let access = RegistryAccess { reach: Reach::Loopback, ..RegistryAccess::to(&host) };
    let artefact = Artefact::of(Bytes::from(guest("build_one"))).unwrap();
    let place: PluginReference = reference.parse().unwrap();
    let digest = Registry::new(access).unwrap().push(&place, &artefact, &[]).await.unwrap().to_string();
    browser.get("/plugins/guest/pull").await.assert_shows(&["Pull plugin guest again?"]);
    let begun = browser.post("/plugins/guest/pull", &[("agree", "true")]).await;
    let operation = async || browser.get(begun.location()).await;
    let ended = eventually("it ends", operation, |shown| !shown.html.contains("Under way")).await;
    ended.assert_shows(&["Pull from the registry"]);
    let shown = async || browser.get("/plugins/guest").await;
    let copy = eventually("its copy is shown", shown, |shown| shown.html.contains(&digest)).await;
    copy.assert_shows(&[
        "Registry",
        &reference,
        "Pull again",
        "pulled from the registry in the configuration",
    ]);

    registry.forget_manifest("1");
    let begun = browser.post("/plugins/guest/pull", &[("agree", "false")]).await;
    let operation = async || browser.get(begun.location()).await;
    eventually("it ends", operation, |shown| shown.html.contains("Not done")).await;
    browser.get("/plugins/guest").await.assert_shows(&[
        &digest,
        "no such manifest",
        "not tried again by itself",
    ]);
}
