//! Connections and plugins that are added, changed, moved and removed while a host runs.

use std::sync::Arc;
use test_support::eventually;

use connector_tests::{Reply, Vendor, guest, spec};
use host_harness::{
    config::{Config, HostLimits},
    connection::{CallLimits, ConnectionSpec, TenantId},
    host::{AddError, Host, PutError},
    plugin::LoadPolicy,
    sandbox::Calls,
};
use tokio::sync::Notify;

/// Starts a host with the plugin `guest`, build one, and no connections.
async fn host() -> Host {
    let small = HostLimits { concurrent_calls: 4, tenant_concurrent_calls: 4, ..HostLimits::default() };
    let host = Host::builder(Config::default().with_host(small)).start().await.unwrap();
    host.add_plugin("guest", guest("build_one"), &LoadPolicy::default()).await.unwrap();
    host
}

fn at(vendor: &Vendor, key: &str) -> ConnectionSpec {
    let mut spec = spec(key, &[]);
    vendor.allow(&mut spec);
    spec
}

/// Returns the version that answers.
async fn answering(calls: &Calls) -> String {
    calls.test_connection().await.unwrap().unwrap().remove(0).detail
}

#[tokio::test]
async fn a_connection_put_while_the_host_runs_is_called_until_it_is_removed() {
    let (vendor, host) = (Vendor::agreeable().await, host().await);
    assert!(host.connection("put").is_err());
    host.put_connection(at(&vendor, "put")).unwrap();
    assert_eq!(answering(&host.connection("put").unwrap()).await, "one");
    assert_eq!(host.connection_keys(), ["put"]);
    assert_eq!(
        host.connection("putt").map(drop).unwrap_err().to_string(),
        "no connection `putt` is configured: did you mean `put`?"
    );
    assert!(host.remove_connection("put"));
    assert!(host.connection("put").is_err());
    assert!(!host.remove_connection("put"), "it is already removed");
}

#[tokio::test]
async fn a_call_in_flight_ends_with_the_connection_that_it_began_with() {
    let (release, host) = (Arc::new(Notify::new()), host().await);
    let waited = Arc::clone(&release);
    let old = Vendor::start(move |_| {
        let waited = Arc::clone(&waited);
        async move {
            waited.notified().await;
            Reply::new(200, "{}")
        }
    })
    .await;
    let new = Vendor::agreeable().await;
    host.put_connection(at(&old, "changed")).unwrap();
    let calls = host.connection("changed").unwrap();
    let in_flight = tokio::spawn(async move { answering(&calls).await });
    eventually("the vendor has the request", async || old.received().len(), |count| *count > 0).await;
    host.put_connection(at(&new, "changed")).unwrap();
    answering(&host.connection("changed").unwrap()).await;
    assert!(host.remove_connection("changed"));
    release.notify_one();
    assert_eq!(in_flight.await.unwrap(), "one");
    assert_eq!((old.lines().len(), new.lines().len()), (1, 1));
}

#[tokio::test]
async fn a_swap_carries_what_was_put_and_forgets_what_was_removed() {
    let (vendor, host) = (Vendor::agreeable().await, host().await);
    host.put_connection(at(&vendor, "stays")).unwrap();
    host.put_connection(at(&vendor, "goes")).unwrap();
    host.remove_connection("goes");
    let two = host.load("guest", guest("build_two"), &LoadPolicy::default()).await.unwrap();
    let slot = host.plugin("guest").unwrap();
    slot.replace(two).unwrap();
    assert_eq!(answering(&host.connection("stays").unwrap()).await, "two");
    assert!(host.connection("goes").is_err());
    host.put_connection(at(&vendor, "later")).unwrap();
    slot.roll_back().unwrap();
    assert_eq!(answering(&host.connection("later").unwrap()).await, "one");
    assert_eq!(host.connection_keys(), ["later", "stays"]);
}

#[tokio::test]
async fn what_does_not_suit_changes_nothing_and_says_why() {
    let (vendor, host) = (Vendor::agreeable().await, host().await);
    let good = at(&vendor, "good");
    host.put_connection(good.clone()).unwrap();
    let limits = CallLimits { memory_bytes: 65 << 20, ..CallLimits::default() };
    let unsuited = ConnectionSpec {
        settings: [("domain".to_owned(), "vendor.example".to_owned())].into(),
        ..good.clone()
    };
    for (spec, sentence) in [
        (
            ConnectionSpec { plugin: "gest".into(), ..good.clone() },
            "connections.good.plugin: there is no plugin `gest`: did you mean `guest`?",
        ),
        (
            ConnectionSpec { key: "A".into(), ..good.clone() },
            "connections.A: expected lower-case words and digits with single dashes between them, such as `acme-eu`",
        ),
        (
            ConnectionSpec { tenant: TenantId("Other".into()), ..good.clone() },
            "connections.good.tenant: `Other` cannot be the name of a tenant: expected lower-case words and digits with \
             single dashes between them, such as `acme-eu`",
        ),
        (
            ConnectionSpec { tenant: TenantId("other".into()), ..good.clone() },
            "connections.good: another connection has this key",
        ),
        (
            ConnectionSpec { limits, ..good.clone() },
            "connection good: lower its limits, or restart the host with room for them:\n  \
               limits.memory-bytes is 68157440, more than the 67108864 available in the pool of the running host",
        ),
        (
            unsuited,
            "the connection does not fit the plugin:\n  \
               connection good, setting domain: the host \"vendor.example\" is not one of the connector's hosts (none); \
             to allow it, add to the configuration:\n[connections.good.egress]\nhosts = [\"vendor.example\"]",
        ),
    ] {
        assert_eq!(host.put_connection(spec).unwrap_err().to_string(), sentence);
    }
    assert_eq!(host.connection_keys(), ["good"]);
    assert_eq!(answering(&host.connection("good").unwrap()).await, "one");
}

#[tokio::test]
async fn a_host_that_kept_room_takes_a_larger_connection() {
    let larger = CallLimits { memory_bytes: 65 << 20, ..CallLimits::default() };
    let small = HostLimits { concurrent_calls: 1, ..HostLimits::default() };
    let builder = Host::builder(Config::default().with_host(small)).holding(&larger);
    let (host, vendor) = (builder.start().await.unwrap(), Vendor::agreeable().await);
    host.add_plugin("guest", guest("build_one"), &LoadPolicy::default()).await.unwrap();
    host.put_connection(ConnectionSpec { limits: larger.clone(), ..at(&vendor, "larger") }).unwrap();
    assert_eq!(answering(&host.connection("larger").unwrap()).await, "one");
    let beyond = CallLimits { memory_bytes: larger.memory_bytes + 1, ..larger };
    let refused = host.put_connection(ConnectionSpec { limits: beyond, ..at(&vendor, "beyond") });
    assert!(matches!(refused, Err(PutError::Pool { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_moves_to_another_plugin_is_never_missing() {
    let (vendor, host) = (Vendor::agreeable().await, Arc::new(host().await));
    host.add_plugin("other", guest("build_two"), &LoadPolicy::default()).await.unwrap();
    let spec = at(&vendor, "mover");
    host.put_connection(spec.clone()).unwrap();
    let mover = tokio::task::spawn_blocking({
        let host = Arc::clone(&host);
        move || {
            for plugin in ["other", "guest"].into_iter().cycle().take(2_001) {
                host.put_connection(ConnectionSpec { plugin: plugin.into(), ..spec.clone() }).unwrap();
            }
        }
    });
    while !mover.is_finished() {
        host.connection("mover").unwrap();
    }
    mover.await.unwrap();
    assert_eq!(answering(&host.connection("mover").unwrap()).await, "two");
    assert_eq!(host.connection_keys(), ["mover"]);
}

#[tokio::test]
async fn a_plugin_is_added_once_under_a_name_that_is_a_word() {
    let (host, policy) = (host().await, LoadPolicy::default());
    let add = |name: &'static str, bytes| host.add_plugin(name, bytes, &policy);
    let taken = add("guest", guest("build_two")).await.unwrap_err();
    assert!(matches!(taken, AddError::NameTaken(_)));
    assert_eq!(
        taken.to_string(),
        "plugin guest already exists: swap its version instead, or choose another name"
    );
    let misnamed = add("Guest", guest("build_two")).await.unwrap_err();
    assert!(misnamed.to_string().starts_with("plugins.Guest: expected lower-case words"), "{misnamed}");
    let broken = add("broken", b"broken".to_vec()).await.unwrap_err();
    assert!(broken.to_string().starts_with("plugin broken: not a component"), "{broken}");
    assert_eq!(host.plugins().keys().collect::<Vec<_>>(), ["guest"]);
    assert_eq!(host.plugin("guest").unwrap().current().plugin().manifest().version, "one");
}

#[tokio::test]
async fn a_connection_on_a_version_of_its_own_stays_there_while_its_plugin_is_swapped() {
    let (vendor, host) = (Vendor::agreeable().await, host().await);
    for key in ["pinned", "usual"] {
        host.put_connection(at(&vendor, key)).unwrap();
    }
    let one = Arc::clone(host.plugin("guest").unwrap().current().plugin().uncounted());
    host.put_connection_on(&one, at(&vendor, "pinned")).unwrap();
    let two = host.load("guest", guest("build_two"), &LoadPolicy::default()).await.unwrap();
    host.plugin("guest").unwrap().replace(two).unwrap();
    assert_eq!(answering(&host.connection("pinned").unwrap()).await, "one");
    assert_eq!(answering(&host.connection("usual").unwrap()).await, "two");
    assert_eq!(host.connection_keys(), ["pinned", "usual"]);
    assert!(host.serving_version("guest", one.digest()).is_some());
    // Another tenant cannot take the key over in this way either.
    let foreign = ConnectionSpec { tenant: TenantId("other".into()), ..at(&vendor, "pinned") };
    assert!(matches!(host.put_connection_on(&one, foreign).unwrap_err(), PutError::Named(_)));
    host.put_connection(at(&vendor, "pinned")).unwrap();
    assert_eq!(answering(&host.connection("pinned").unwrap()).await, "two");
    assert!(host.serving_version("guest", one.digest()).is_none(), "no connection needs it any more");
}
