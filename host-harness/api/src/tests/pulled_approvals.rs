//! Versions from a registry that another person has to approve.

use serde_json::{Value, json};
use test_support::{eventually, registry::RegistryStandIn};

use super::registries::{PLUGIN, RegistryBench, push, settings, version};
use crate::testing::{Answer, tagged_guest};

const AWAITS: &str = "plugin-awaits-approval";

/// A guest that requests more than `build_one`.
fn wider(tag: u8) -> Vec<u8> {
    tagged_guest("build_greedy", tag)
}

async fn two_people() -> RegistryBench {
    let registry = RegistryStandIn::start().await;
    push(&registry, &version(1), &[]).await;
    let bench = RegistryBench::with(registry, "service.two-people = true").await;
    bench.runs(&version(1)).await;
    bench
}

/// Returns the version with this component as it is stored.
async fn stored(bench: &RegistryBench, component: &[u8]) -> Value {
    let digest = host_model::digest::Digest::of(component);
    bench.bench.get(&bench.key, &format!("{PLUGIN}/versions/{digest}")).await.json
}

/// Does something with a stored version, with the API key `key`.
async fn post(bench: &RegistryBench, key: &str, component: &[u8], what: &str) -> Answer {
    let digest = host_model::digest::Digest::of(component);
    bench.bench.send(key, "POST", &format!("{PLUGIN}/versions/{digest}/{what}"), None).await
}

#[tokio::test(flavor = "multi_thread")]
async fn with_two_people_a_pulled_version_that_requests_more_waits_until_another_key_approves_it() {
    let bench = two_people().await;
    let other = bench.bench.key("other", None).await;
    push(&bench.registry, &wider(1), &[]).await;
    for query in ["", "?agree=true"] {
        let waits = bench.pull(query).await;
        assert_eq!(waits.problem(), (403, "second-person"), "{query}: {waits:?}");
        assert!(waits.detail().contains("waits for an approval"), "{waits:?}");
    }
    let waiting = stored(&bench, &wider(1)).await;
    assert_eq!((&waiting["state"], &waiting["source"]), (&json!("proven"), &json!("registry")), "{waiting}");
    // It was pulled, so that nothing is wrong with the registry.
    let shown = bench.shown().await.json;
    assert_eq!(
        (&shown["registry"]["pulled"]["digest"], &shown["registry"]["failure"]),
        (&waiting["digest"], &json!(null))
    );
    assert_eq!(bench.alarms().await, [""; 0]);
    let alarm = bench.alarms_of(AWAITS).await;
    assert!(alarm.len() == 1 && alarm[0].contains("have it approved with another API key"), "{alarm:?}");
    // Neither the key that pulled it nor a restart serves it.
    assert_eq!(post(&bench, &bench.key, &wider(1), "approve").await.problem(), (403, "second-person"));
    assert_eq!(post(&bench, &bench.key, &wider(1), "serve").await.problem(), (409, "not-replaced"));
    let bench = bench.restarted().await;
    assert_ne!(bench.shown().await.json["digest"], waiting["digest"]);
    let approved = post(&bench, &other, &wider(1), "approve").await;
    assert_eq!((approved.status, &approved.json["state"]), (200, &json!("approved")), "{approved:?}");
    // Pulling it again serves what was approved.
    let pulled = bench.pull("").await;
    assert_eq!((pulled.status, &pulled.json["digest"]), (200, &waiting["digest"]), "{pulled:?}");
    bench.runs(&wider(1)).await;
    assert_eq!(bench.alarms_of(AWAITS).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_two_people_a_pulled_version_that_was_approved_is_served_or_released_like_an_uploaded_one() {
    let bench = two_people().await;
    let other = bench.bench.key("other", None).await;
    push(&bench.registry, &wider(1), &[]).await;
    assert_eq!(bench.pull("").await.problem(), (403, "second-person"));
    assert_eq!(post(&bench, &other, &wider(1), "approve").await.status, 200);
    let served = post(&bench, &bench.key, &wider(1), "serve").await;
    assert_eq!(served.status, 200, "{served:?}");
    bench.runs(&wider(1)).await;
    assert_eq!(bench.alarms_of(AWAITS).await, [""; 0]);
    // A version that requests nothing more requires no approval.
    push(&bench.registry, &wider(2), &[]).await;
    assert_eq!(bench.pull("").await.status, 200);
    bench.runs(&wider(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_two_people_what_the_host_pulls_for_another_reference_waits_for_any_key() {
    let bench = two_people().await;
    let second = push(&bench.registry, &wider(1), &[]).await;
    let moved = settings(&bench.registry).replace(":1'", &format!("@{}'", second.digest().unwrap()));
    bench.bench.configure(&format!("{moved}\nservice.two-people = true")).await;
    let bench = bench.restarted().await;
    let alarm =
        eventually("an alarm", async || bench.alarms_of(AWAITS).await, |alarms| alarms.len() == 1).await;
    assert!(alarm[0].contains("waits for an approval"), "{alarm:?}");
    assert_eq!(bench.alarms().await, [""; 0]);
    let waiting = stored(&bench, &wider(1)).await;
    assert_eq!(
        (&waiting["state"], &waiting["uploaded_by"]),
        (&json!("proven"), &json!("the host")),
        "{waiting}"
    );
    assert_eq!(post(&bench, &bench.key, &wider(1), "approve").await.status, 200);
    assert_eq!(post(&bench, &bench.key, &wider(1), "serve").await.status, 200);
    bench.runs(&wider(1)).await;
    assert_eq!(bench.alarms_of(AWAITS).await, [""; 0]);
}
