//! Measures what swapping versions costs the calls beside it, and how long a stored version takes to serve, with and
//! without its compiled code in the cache. `cargo xtask bench` runs it and prints its table. With `--check`, it fails if
//! swaps more than double the p99 of a call, or if a version with compiled code takes longer than it may.

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
    compile::{CodeCache, CodeKey, Compilation},
    config::{Config, PluginSource},
    connection::{Connection, ConnectionSpec},
    contract::http::HttpError,
    egress::{Egress, Outgoing, Transport, VendorResponse},
    engine::{Engine, PoolSize},
    host::Host,
    plugin::{LoadPolicy, Plugin, Slot},
    sandbox::{Calls, Runtime},
};
use tempfile::TempDir;
use tokio::{task::JoinSet, time::interval};
use zeroize::Zeroizing;

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
/// How many plugins a host starts with.
const PLUGINS: u8 = 20;
/// The highest p99 beside swaps that `--check` accepts, as a multiple of the p99 without.
const MAX_RATIO: f64 = 2.0;
/// The longest time from compiled code to serving that `--check` accepts.
const MAX_WARM: Duration = Duration::from_millis(100);
/// The longest time for each plugin of a start with compiled code that `--check` accepts.
const MAX_START: Duration = Duration::from_millis(20);
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
    let (mut compiled, mut cached) = (Times::default(), Times::default());
    for load in 0..LOADS {
        // Twice the same bytes, which no load before had.
        let bytes = tagged(&format!("guests/build_{}", BUILDS[load % 2]), load);
        compiled.0.push(bench.load_and_serve(bytes.clone()).await);
        cached.0.push(bench.load_and_serve(bytes).await);
    }
    let starts = starts().await;
    println!("\n| what | measured | p50 | p99 |\n|---|---:|---:|---:|");
    println!("| call, 500 a second | {quiet}");
    println!("| the same beside 100 swaps a second | {swapping}");
    println!("| swap of a loaded version, {CONNECTIONS} connections | {exchanges}");
    println!("| from bytes to the first answer, compiled | {compiled}");
    println!("| from bytes to the first answer, code in the cache | {cached}");
    println!("| start of a host, for each of {PLUGINS} plugins, code in the cache | {starts}");
    let ratio = swapping.percentile(99).as_secs_f64() / quiet.percentile(99).as_secs_f64();
    println!("\nno call failed, none was served by two versions; p99 beside swaps / without: {ratio:.2}");
    if std::env::args().any(|argument| argument == "--check") {
        assert!(
            ratio <= MAX_RATIO,
            "swaps multiply the p99 of a call by {ratio:.2}, at most {MAX_RATIO} is accepted"
        );
        for (what, found, allowed) in
            [("version", &cached, MAX_WARM), ("plugin of a start", &starts, MAX_START)]
        {
            let found = found.percentile(99);
            assert!(
                found <= allowed,
                "a {what} with its code in the cache takes {found:?}, at most {allowed:?}"
            );
        }
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
    _cache: TempDir,
}

impl Bench {
    /// Starts with build two, and build one as the version to roll back to.
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let engine = Engine::new(&PoolSize::of(64)).unwrap();
        let engine =
            Arc::new(engine.compiling(Compilation { cache: Some(cache(&folder)), ..Compilation::default() }));
        let egress = Arc::new(Egress::new(Arc::new(Prompt)));
        let runtime = Runtime::new(Arc::clone(&engine), 64, Arc::new(SystemClock::default()), egress);
        let specs = (0..CONNECTIONS).map(|number| connection(&key(number))).collect();
        let slot = Arc::new(Slot::new(load(&engine, BUILDS[0]).await, specs).unwrap());
        slot.replace(load(&engine, BUILDS[1]).await).unwrap();
        Self { engine, runtime, slot, _cache: folder }
    }

    /// Makes the calls of a round. Returns how long each took, from the choice of its version.
    async fn calls(&self) -> Vec<Duration> {
        let (mut begins, mut calls) = (interval(CALL_INTERVAL), JoinSet::new());
        for number in 0..CALLS_OF_ROUND {
            begins.tick().await;
            let (slot, runtime) = (Arc::clone(&self.slot), self.runtime.clone());
            calls.spawn(async move { call(&slot, runtime, &key(number % CONNECTIONS)).await });
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

    /// Returns how long it takes until a version that is only stored has answered a call.
    async fn load_and_serve(&self, bytes: Vec<u8>) -> Duration {
        let began = Instant::now();
        let plugin = Plugin::load(&self.engine, bytes, &LoadPolicy::default()).await.unwrap();
        self.slot.replace(plugin).unwrap();
        call(&self.slot, self.runtime.clone(), &key(0)).await;
        began.elapsed()
    }
}

/// Makes a call on the current version, which must be the one that the connection was resolved for. Returns how long it
/// took.
async fn call(slot: &Slot, runtime: Runtime, key: &str) -> Duration {
    let began = Instant::now();
    let generation = slot.current();
    let connection = Arc::clone(generation.connection(key).unwrap());
    let calls = Calls::new(runtime, generation.plugin().clone(), connection);
    drop(generation);
    let check = calls.test_connection().await.unwrap().unwrap().remove(0);
    let took = began.elapsed();
    assert_eq!((&check.name, &check.detail), (&calls.plugin().manifest().version, &check.name));
    took
}

/// Starts hosts with several versions of the Iterable connector whose code is in the cache. Returns how long each start
/// took for each plugin.
async fn starts() -> Times {
    let folder = TempDir::new().unwrap();
    let mut config = Config::default();
    for plugin in 0..PLUGINS {
        let file = folder.path().join(format!("{plugin}.wasm"));
        std::fs::write(&file, tagged("iterable", plugin.into())).unwrap();
        config = config.with_plugin(format!("iterable-{plugin}"), PluginSource::file(file)).unwrap();
    }
    let mut starts = Times::default();
    for _ in 0..=LOADS {
        let began = Instant::now();
        let host = Host::builder(config.clone()).with_cache(Some(cache(&folder))).start().await.unwrap();
        starts.0.push(began.elapsed() / PLUGINS.into());
        assert_eq!(host.plugins().len(), usize::from(PLUGINS));
    }
    // The first one compiled.
    starts.0.remove(0);
    starts
}

fn cache(folder: &TempDir) -> CodeCache {
    CodeCache::new(folder.path().join("code"), CodeKey::new(Zeroizing::new([7; 32])))
}

/// Returns a component with a section that makes it another one for each `tag`.
fn tagged(component: &str, tag: usize) -> Vec<u8> {
    let mut bytes = std::fs::read(xtask::components::current(component).unwrap()).unwrap();
    bytes.extend([0, 3, 1, b'v', u8::try_from(tag).unwrap()]);
    bytes
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

async fn load(engine: &Arc<Engine>, build: &str) -> Plugin {
    let bytes = tagged(&format!("guests/build_{build}"), LOADS);
    Plugin::load(engine, bytes, &LoadPolicy::default()).await.unwrap()
}
