//! Measures what swapping versions costs the calls beside it. `cargo xtask bench` runs it and prints its table. With
//! `--check`, it fails if swaps more than double the p99 of a call.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench that cannot run has no result"
)]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use host_harness::{
    clock::SystemClock,
    connection::{Connection, ConnectionSpec},
    contract::http::HttpError,
    egress::{Egress, Outgoing, Transport, VendorResponse},
    engine::{Engine, PoolSize},
    plugin::{LoadPolicy, Plugin, Slot},
    sandbox::{Calls, Runtime},
};
use tokio::{task::JoinSet, time::interval};

/// The time between two calls: 500 a second.
const CALL_INTERVAL: Duration = Duration::from_millis(2);
/// The time between two swaps: 100 a second.
const SWAP_INTERVAL: Duration = Duration::from_millis(10);
/// Rounds without swaps and with them take turns, so that what else the machine does affects both.
const ROUNDS: usize = 10;
const CALLS_OF_ROUND: usize = 500;
const SWAPS_OF_ROUND: usize = 100;
/// Every swap resolves all of them.
const CONNECTIONS: usize = 100;
/// How often a version is loaded from its bytes.
const LOADS: usize = 10;
/// The highest p99 beside swaps that `--check` accepts, as a multiple of the p99 without.
const MAX_RATIO: f64 = 2.0;
const BUILDS: [&str; 2] = ["one", "two"];

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

#[tokio::main]
async fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        // `cargo test --benches` only checks that it builds.
        return;
    }
    let bench = Bench::start().await;
    let (mut quiet, mut swapping, mut exchanges) = (Times::default(), Times::default(), Times::default());
    bench.calls().await;
    for _ in 0..ROUNDS {
        quiet.0.extend(bench.calls().await);
        let (calls, swaps) = tokio::join!(bench.calls(), bench.swaps());
        swapping.0.extend(calls);
        exchanges.0.extend(swaps);
    }
    let mut loads = Times::default();
    for load in 0..LOADS {
        loads.0.push(bench.load_and_serve(BUILDS[load % 2]).await);
    }
    println!("\n| what | measured | p50 | p99 |\n|---|---:|---:|---:|");
    println!("| call, 500 a second | {quiet}");
    println!("| the same beside 100 swaps a second | {swapping}");
    println!("| swap of a loaded version, {CONNECTIONS} connections | {exchanges}");
    println!("| from bytes to serving, compiled | {loads}");
    let ratio = swapping.percentile(99).as_secs_f64() / quiet.percentile(99).as_secs_f64();
    println!("\nno call failed, none was served by two versions; p99 beside swaps / without: {ratio:.2}");
    if std::env::args().any(|argument| argument == "--check") {
        assert!(
            ratio <= MAX_RATIO,
            "swaps multiply the p99 of a call by {ratio:.2}, at most {MAX_RATIO} is accepted"
        );
    }
}

/// Durations of the same work.
#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    fn percentile(&self, percent: usize) -> Duration {
        let mut times = self.0.clone();
        times.sort_unstable();
        times[(times.len() - 1) * percent / 100]
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [p50, p99] = [50, 99].map(|percent| self.percentile(percent).as_secs_f64() * 1_000_000.0);
        write!(f, "{} | {p50:.0} µs | {p99:.0} µs |", self.0.len())
    }
}

struct Bench {
    engine: Arc<Engine>,
    runtime: Runtime,
    slot: Arc<Slot>,
}

impl Bench {
    /// Starts with build two, and build one as the version to roll back to.
    async fn start() -> Self {
        let engine = Arc::new(Engine::new(&PoolSize::of(64)).unwrap());
        let egress = Arc::new(Egress::new(Arc::new(Prompt)));
        let runtime = Runtime::new(Arc::clone(&engine), 64, Arc::new(SystemClock::default()), egress);
        let specs = (0..CONNECTIONS).map(|number| connection(&key(number))).collect();
        let slot = Arc::new(Slot::new(load(&engine, BUILDS[0]).await, specs).unwrap());
        slot.replace(load(&engine, BUILDS[1]).await).unwrap();
        Self { engine, runtime, slot }
    }

    /// Makes the calls of a round. Returns how long each took, from the choice of its version.
    async fn calls(&self) -> Vec<Duration> {
        let (mut begins, mut calls) = (interval(CALL_INTERVAL), JoinSet::new());
        for number in 0..CALLS_OF_ROUND {
            begins.tick().await;
            let (slot, runtime, key) =
                (Arc::clone(&self.slot), self.runtime.clone(), key(number % CONNECTIONS));
            calls.spawn(async move {
                let began = Instant::now();
                let generation = slot.current();
                let connection = Arc::clone(generation.connection(&key).unwrap());
                let calls = Calls::new(runtime, generation.plugin().clone(), connection);
                drop(generation);
                let check = calls.test_connection().await.unwrap().unwrap().remove(0);
                let took = began.elapsed();
                assert_eq!((&check.name, &check.detail), (&calls.plugin().manifest().version, &check.name));
                took
            });
        }
        calls.join_all().await
    }

    /// Makes the swaps of a round. Returns how long each took.
    async fn swaps(&self) -> Vec<Duration> {
        let (mut begins, mut took) = (interval(SWAP_INTERVAL), Vec::new());
        for _ in 0..SWAPS_OF_ROUND {
            begins.tick().await;
            let slot = Arc::clone(&self.slot);
            let swap = tokio::task::spawn_blocking(move || {
                let began = Instant::now();
                slot.roll_back().unwrap();
                began.elapsed()
            });
            took.push(swap.await.unwrap());
        }
        took
    }

    /// Returns how long it takes until a version that is only stored serves.
    async fn load_and_serve(&self, build: &str) -> Duration {
        let bytes = bytes(build);
        let began = Instant::now();
        let plugin = Plugin::load(&self.engine, bytes, &LoadPolicy::default()).await.unwrap();
        self.slot.replace(plugin).unwrap();
        began.elapsed()
    }
}

fn key(number: usize) -> String {
    format!("c{number}")
}

fn connection(key: &str) -> ConnectionSpec {
    let mut spec = ConnectionSpec::new("acme", key, "guest");
    spec.settings.insert("domain".to_owned(), "vendor.example.com".to_owned());
    spec.policy.hosts.insert("vendor.example.com".to_owned());
    spec
}

fn bytes(build: &str) -> Vec<u8> {
    std::fs::read(xtask::components::current(&format!("guests/build_{build}")).unwrap()).unwrap()
}

async fn load(engine: &Arc<Engine>, build: &str) -> Plugin {
    Plugin::load(engine, bytes(build), &LoadPolicy::default()).await.unwrap()
}
