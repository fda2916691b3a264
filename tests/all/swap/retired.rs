//! What is left of a version that was replaced: its calls in flight, and after them nothing.

use std::sync::Arc;

use connector_tests::{Reply, Vendor, guest, spec};
use futures::FutureExt as _;
use host_harness::{
    config::{Config, HostLimits},
    host::Host,
    plugin::{Digest, LoadPolicy, RetiredVersion, Slot},
};
use test_support::eventually;
use tokio::sync::Notify;

/// Starts a host with the plugin `guest`, build one, and the connection `held` at `vendor`.
async fn host(vendor: &Vendor) -> (Host, Arc<Slot>) {
    let small = HostLimits { concurrent_calls: 4, tenant_concurrent_calls: 4, ..HostLimits::default() };
    let host = Host::builder(Config::default().with_host(small)).start().await.unwrap();
    host.add_plugin("guest", guest("build_one"), &LoadPolicy::default()).await.unwrap();
    put_connection(&host, vendor);
    let slot = host.plugin("guest").unwrap();
    (host, slot)
}

fn put_connection(host: &Host, vendor: &Vendor) {
    let mut spec = spec("held", &[]);
    vendor.allow(&mut spec);
    host.put_connection(spec).unwrap();
}

/// Replaces the running version with `build`. Returns the digest of the one that ran.
async fn replace(host: &Host, slot: &Slot, build: &str) -> Digest {
    let replaced = slot.current().plugin().digest();
    slot.replace(host.load("guest", guest(build), &LoadPolicy::default()).await.unwrap()).unwrap();
    replaced
}

#[tokio::test]
async fn the_memory_of_a_retired_version_is_free_after_its_last_call_and_not_before() {
    let release = Arc::new(Notify::new());
    let waited = Arc::clone(&release);
    let vendor = Vendor::start(move |_| {
        let waited = Arc::clone(&waited);
        async move {
            waited.notified().await;
            Reply::new(200, "{}")
        }
    })
    .await;
    let (host, slot) = host(&vendor).await;
    let memory = Arc::downgrade(slot.current().plugin().uncounted());
    let in_flight = [(); 2].map(|()| {
        let calls = host.connection("held").unwrap();
        tokio::spawn(async move { calls.test_connection().await.unwrap().unwrap() })
    });
    eventually("the vendor has both requests", async || vendor.received().len(), |count| *count == 2).await;
    // Another generation of the same version is no retired one.
    put_connection(&host, &vendor);
    assert_eq!(slot.retired(), []);
    let digest = replace(&host, &slot, "build_two").await;
    assert!(slot.forget_previous());
    let drained = tokio::spawn({
        let slot = Arc::clone(&slot);
        async move { slot.drained(digest).await }
    });
    for left in [2, 1] {
        let now = slot.retired();
        assert_eq!(now, [RetiredVersion { digest, in_flight: left }]);
        assert!(memory.strong_count() > 0 && !drained.is_finished());
        release.notify_one();
        eventually("a call has ended", async || slot.retired(), |retired| *retired != now).await;
    }
    eventually("it is reported", async || drained.is_finished(), |reported| *reported).await;
    assert_eq!((memory.strong_count(), slot.retired()), (0, Vec::new()));
    for call in in_flight {
        assert_eq!(call.await.unwrap()[0].detail, "one");
    }
}

#[tokio::test]
async fn the_version_that_a_roll_back_restores_is_loaded_until_it_is_forgotten() {
    let vendor = Vendor::agreeable().await;
    let (host, slot) = host(&vendor).await;
    let memory = Arc::downgrade(slot.current().plugin().uncounted());
    assert!(!slot.forget_previous(), "there is none");
    let digest = replace(&host, &slot, "build_two").await;
    assert!(slot.drained(digest).now_or_never().is_some(), "it has no calls");
    assert!(memory.strong_count() > 0, "a roll-back restores it");
    assert!(slot.forget_previous());
    assert_eq!(memory.strong_count(), 0);
    assert_eq!(slot.roll_back().unwrap_err().to_string(), "there is no version to go back to");
}

#[tokio::test]
async fn a_version_that_served_twice_is_retired_with_the_calls_of_both_times() {
    let vendor = Vendor::agreeable().await;
    let (host, slot) = host(&vendor).await;
    let first = host.connection("held").unwrap();
    let one = replace(&host, &slot, "build_two").await;
    assert_eq!(slot.retired(), [RetiredVersion { digest: one, in_flight: 1 }]);
    slot.roll_back().unwrap();
    assert_eq!(slot.retired(), [], "one serves again, and two has no calls");
    let second = host.connection("held").unwrap();
    slot.roll_back().unwrap();
    assert_eq!(slot.retired(), [RetiredVersion { digest: one, in_flight: 2 }]);
    drop((first, second));
    assert_eq!(slot.retired(), []);
}
