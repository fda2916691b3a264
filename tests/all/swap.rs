//! Swapping a plugin: either another version takes over at once, or the current one continues to serve.

mod retired;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};
use test_support::eventually;

use connector_tests::{Bench, Reply, Vendor, guest, load, spec};
use futures::future::BoxFuture;
use host_harness::{
    connection::{Connection, ConnectionSpec},
    contract::{CheckOutcome, http::HttpError},
    egress::{Outgoing, Transport, VendorResponse},
    plugin::{Slot, SwapError},
    sandbox::Calls,
};
use tokio::sync::Notify;

async fn slot(name: &str, spec: &ConnectionSpec) -> Arc<Slot> {
    Arc::new(Slot::new(load(guest(name)).await.unwrap(), vec![spec.clone()]).unwrap())
}

fn looking(key: &str, vendor: &Vendor) -> ConnectionSpec {
    let mut spec = spec(key, &[]);
    vendor.allow(&mut spec);
    spec
}

/// Returns calls on the version that serves now, with the connection as resolved for that version.
fn now(bench: &Bench, slot: &Slot, spec: &ConnectionSpec) -> Calls {
    let generation = slot.current();
    bench
        .calls_as_resolved(generation.plugin().clone(), Arc::clone(generation.connection(&spec.key).unwrap()))
}

/// Returns the build that answers. Asserts that it is the one called, with the connection resolved for it.
async fn answering(calls: &Calls) -> String {
    let check = calls.test_connection().await.unwrap().unwrap().remove(0);
    let asked = &calls.plugin().manifest().version;
    assert_eq!(
        (&check.name, check.outcome, &check.detail),
        (asked, CheckOutcome::Passed, asked),
        "one version's code with another's connection"
    );
    check.name
}

#[tokio::test]
async fn a_call_in_flight_ends_on_the_version_that_it_began_with() {
    let (release, bench) = (Arc::new(Notify::new()), Bench::default());
    let waited = Arc::clone(&release);
    let vendor = Vendor::start(move |_| {
        let waited = Arc::clone(&waited);
        async move {
            waited.notified().await;
            Reply::new(200, "{}")
        }
    })
    .await;
    let spec = looking("in-flight", &vendor);
    let slot = slot("build_one", &spec).await;
    let old = now(&bench, &slot, &spec);
    let in_flight = tokio::spawn(async move { answering(&old).await });
    eventually("the vendor has the request", async || vendor.received().len(), |count| *count > 0).await;
    let two = load(guest("build_two")).await.unwrap();
    let digest = two.digest();
    assert_eq!(slot.replace(two).unwrap(), digest);
    assert_eq!(slot.current().plugin().digest(), digest);
    release.notify_one();
    assert_eq!(in_flight.await.unwrap(), "one");
    release.notify_one();
    assert_eq!(answering(&now(&bench, &slot, &spec)).await, "two");
}

#[tokio::test]
async fn a_version_that_asks_for_more_waits_for_the_operator() {
    let vendor = Vendor::agreeable().await;
    let (bench, mut spec) = (Bench::default(), looking("greedy", &vendor));
    spec.settings.insert("region".into(), "north".into());
    let slot = slot("build_one", &spec).await;
    let refused = slot.replace(load(guest("build_greedy")).await.unwrap()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the new version requests more than the running one, which remains in service:\n  \
           ~ operation look: the host now writes header X-Key = {master-key}\n  \
           + operation export: GET /export (Shows export)\n  \
           + credential master-key"
    );
    assert_eq!(answering(&now(&bench, &slot, &spec)).await, "one");
    slot.replace_agreed(load(guest("build_greedy")).await.unwrap()).unwrap();
    assert_eq!(answering(&now(&bench, &slot, &spec)).await, "greedy");
}

#[tokio::test]
async fn another_connector_is_no_version_of_this_one() {
    let vendor = Vendor::agreeable().await;
    let (bench, spec) = (Bench::default(), looking("another", &vendor));
    let slot = slot("build_one", &spec).await;
    for agreed in [false, true] {
        let other = load(guest("puppet")).await.unwrap();
        let refused = if agreed { slot.replace_agreed(other) } else { slot.replace(other) };
        assert_eq!(
            refused.unwrap_err().to_string(),
            "the new version is puppet, but the running one is swapped: a swap must keep the connector"
        );
        assert_eq!(answering(&now(&bench, &slot, &spec)).await, "one");
    }
}

#[tokio::test]
async fn a_version_that_a_connection_does_not_suit_leaves_the_current_one_serving() {
    let vendor = Vendor::agreeable().await;
    let (bench, spec) = (Bench::default(), looking("unsuited", &vendor));
    let slot = slot("build_one", &spec).await;
    let refused = slot.replace_agreed(load(guest("build_greedy")).await.unwrap()).unwrap_err();
    assert!(matches!(refused, SwapError::Settings(_)), "{refused:?}");
    assert_eq!(
        refused.to_string(),
        "connections do not fit the plugin:\n  \
           connection unsuited, setting region: it is required but missing: The region of a test"
    );
    assert_eq!(answering(&now(&bench, &slot, &spec)).await, "one");
    assert!(matches!(slot.roll_back(), Err(SwapError::NothingBefore)), "it never served");
}

#[tokio::test]
async fn the_version_before_is_put_back_and_twice_is_back_again() {
    let vendor = Vendor::agreeable().await;
    let (bench, spec) = (Bench::default(), looking("back", &vendor));
    let slot = slot("build_one", &spec).await;
    assert!(matches!(slot.roll_back(), Err(SwapError::NothingBefore)));
    slot.replace(load(guest("build_two")).await.unwrap()).unwrap();
    for build in ["one", "two", "one"] {
        let digest = slot.roll_back().unwrap();
        assert_eq!(slot.current().plugin().digest(), digest);
        assert_eq!(answering(&now(&bench, &slot, &spec)).await, build);
    }
}

/// Answers `200` immediately, after yielding to other tasks.
struct Prompt;

impl Transport for Prompt {
    fn send<'a>(
        &'a self,
        _: &'a Connection,
        _: Outgoing,
    ) -> BoxFuture<'a, Result<VendorResponse, HttpError>> {
        Box::pin(async {
            tokio::task::yield_now().await;
            Ok(VendorResponse { status: 200, ..Default::default() })
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_swaps_under_load_fail_no_call_and_mix_none() {
    let vendor = Vendor::agreeable().await;
    let spec = looking("storm", &vendor);
    let slot = slot("build_one", &spec).await;
    let bench = Arc::new(Bench::default().with_transport(Arc::new(Prompt)));
    let over = Arc::new(AtomicBool::new(false));
    let load_on: Vec<_> = (0..4)
        .map(|_| {
            let (slot, bench, spec, over) =
                (Arc::clone(&slot), Arc::clone(&bench), spec.clone(), Arc::clone(&over));
            tokio::spawn(async move {
                let mut seen = [0_u32; 2];
                while !over.load(Relaxed) {
                    let answer = answering(&now(&bench, &slot, &spec)).await;
                    seen[usize::from(answer == "two")] += 1;
                }
                seen
            })
        })
        .collect();
    slot.replace(load(guest("build_two")).await.unwrap()).unwrap();
    for swap in 0..400 {
        let before = slot.current().plugin().digest();
        // Mostly by rolling back, sometimes with a newly loaded component.
        if swap % 80 == 0 {
            let next =
                if slot.current().plugin().manifest().version == "one" { "build_two" } else { "build_one" };
            slot.replace(load(guest(next)).await.unwrap()).unwrap();
        } else {
            slot.roll_back().unwrap();
        }
        assert_ne!(slot.current().plugin().digest(), before);
        tokio::task::yield_now().await;
    }
    over.store(true, Relaxed);
    let mut seen = [0; 2];
    for calls in load_on {
        let [one, two] = calls.await.unwrap();
        seen = [seen[0] + one, seen[1] + two];
    }
    assert!(seen[0] > 0 && seen[1] > 0, "{seen:?}");
    assert_eq!(slot.retired(), [], "every replaced version is drained");
}
