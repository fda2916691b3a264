//! A plugin whose configuration names a registry in place of its file.

use serde_json::{Value, json};
use test_support::{eventually, registry::RegistryStandIn};

use super::registries::{PLUGIN, RegistryBench, push, settings, version};
use crate::testing::ApiBench;

/// A service whose plugin `guest` ran from a file with version 1, with the connection `guests`, and starts again with
/// the registry that has `pushed`, or does not answer.
async fn moved(pushed: Option<&[u8]>) -> RegistryBench {
    let registry = RegistryStandIn::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("guest.wasm");
    std::fs::write(&file, version(1)).unwrap();
    let connection = "tenants.acme = {}\n[connections.guests]\ntenant = 'acme'\nplugin = 'guest'";
    let bench = ApiBench::with(&format!("plugins.guest.file = '{}'\n{connection}", file.display())).await;
    let key = bench.operator().await;
    assert_eq!(bench.get(&key, PLUGIN).await.json["digest"], digest(&version(1)));
    bench.configure(&format!("{}\n{connection}", settings(&registry))).await;
    // The file is not read any more.
    std::fs::remove_file(&file).unwrap();
    let bench = RegistryBench { bench, key, registry };
    match pushed {
        Some(component) => drop(push(&bench.registry, component, &[]).await),
        None => bench.break_registry(),
    }
    bench.restarted().await
}

fn digest(component: &[u8]) -> Value {
    json!(host_model::digest::Digest::of(component).to_string())
}

async fn problem(bench: &RegistryBench) -> Value {
    bench.bench.get(&bench.key, "/api/v1/connection/guests").await.json["problem"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn while_its_registry_does_not_answer_the_version_that_served_last_serves_on_with_an_alarm() {
    let bench = Box::pin(moved(None)).await;
    assert_eq!(
        (bench.shown().await.json["digest"].clone(), problem(&bench).await),
        (digest(&version(1)), json!(null))
    );
    let alarm = eventually("an alarm", async || bench.alarms().await, |alarms| alarms.len() == 1).await;
    let serves_on = format!("version {} serves on; it is tried again", digest(&version(1)).as_str().unwrap());
    assert!(alarm[0].contains(&serves_on), "{alarm:?}");
    // Also after another start, at which its registry does not answer either.
    let bench = bench.restarted().await;
    assert_eq!(
        (bench.shown().await.json["digest"].clone(), problem(&bench).await),
        (digest(&version(1)), json!(null))
    );
    bench.mend_registry();
    push(&bench.registry, &version(2), &[]).await;
    bench.runs(&version(2)).await;
    assert_eq!((bench.alarms().await, problem(&bench).await), (Vec::new(), json!(null)));
    // It can be put back, as what was published before.
    let back = bench.bench.send(&bench.key, "POST", &format!("{PLUGIN}/roll-back"), None).await;
    assert_eq!(back.json["digest"], digest(&version(1)), "{back:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_version_that_ran_from_its_file_is_published_once_the_registry_gives_it() {
    let bench = Box::pin(moved(Some(&version(1)))).await;
    bench.runs(&version(1)).await;
    bench.break_registry();
    let bench = bench.restarted().await;
    assert_eq!(
        (bench.shown().await.json["digest"].clone(), problem(&bench).await),
        (digest(&version(1)), json!(null))
    );
    // Back to a file, what is published takes precedence.
    let another = xtask::components::current("guests/build_greedy").unwrap();
    bench.bench.configure(&format!("plugins.guest.file = '{}'", another.display())).await;
    let bench = bench.restarted().await;
    assert_eq!(bench.shown().await.json["digest"], digest(&version(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_copy_of_the_version_that_served_last_keeps_no_service_from_starting() {
    let bench = Box::pin(moved(None)).await;
    bench.bench.sql("UPDATE components SET bytes = x'00' WHERE digest IN (SELECT digest FROM versions WHERE plugin = 'guest')").await;
    let bench = bench.restarted().await;
    assert_eq!(bench.shown().await.status, 404);
    assert_ne!(problem(&bench).await, json!(null));
    assert_eq!(bench.bench.get(&bench.key, "/api/v1/plugins/iterable").await.status, 200);
    bench.mend_registry();
    push(&bench.registry, &version(2), &[]).await;
    bench.runs(&version(2)).await;
    assert_eq!(problem(&bench).await, json!(null));
}
