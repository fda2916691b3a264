//! Releases in steps under load: of one process, or of three replicas on a database that several can share.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use host_model::release::{
    call_kind::CallKind,
    compared::{ComparedCounts, CountPlace},
    counts::{CallCounts, CallEnd, VersionCounts},
    plan::Side,
    rules::VerdictRules,
    share::Share,
    verdict::{ReleaseVerdict, judge},
};
use host_store::{release_counts, releases::SteppedRelease};
use serde_json::{Value, json};
use test_support::eventually;
use tokio::{
    task::JoinSet,
    time::{interval, timeout},
};

use super::{super::writers::Refers, Releases};

/// The time between two calls of the load: 500 a second. A debug build cannot store as many requests, so these calls are
/// made at the version that serves a connection, where each part of the service gets it from. The API's requests come on top.
const CALL_EVERY: Duration = Duration::from_millis(2);

/// How many of these calls are in progress at most, so that a slow machine makes fewer of them and not ever more at once.
const CALLERS: u16 = 8;

/// The time between two requests for an erasure. After each, a connection is tested through the API.
const REQUEST_EVERY: Duration = Duration::from_millis(25);

/// How many clients request them.
const CLIENTS: u16 = 2;

/// How many clients wait for the end of an erasure at a time.
const ERASERS: u16 = 16;

/// Connections with about as many people each, so that the step of 5 % releases one of them.
const CONNECTIONS: usize = 20;

/// The people of each client, who are erased again and again.
const PEOPLE: usize = 150;

/// After this time, a release that has not ended fails its test.
const DEADLINE: Duration = Duration::from_mins(2);

/// The time between two looks at a release. Each judges it, so it costs as much as several calls.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A service whose version `two` of the plugin `refers` is released while it is called.
struct UnderLoad {
    releases: Releases,
    others: Vec<Refers>,
    is_over: AtomicBool,
}

/// What the release showed at a time.
struct Look {
    at: Instant,
    release: Value,
}

/// An erasure that was requested: whose, and where it is shown.
struct LoadErasure {
    person: String,
    place: String,
}

fn connection(n: usize) -> String {
    format!("jobs-{}", n % CONNECTIONS)
}

impl UnderLoad {
    /// Starts the service with its connections, and approves `version`.
    async fn of(version: &str) -> Arc<Self> {
        let releases = Releases::of(version).await;
        for n in 0..CONNECTIONS {
            releases.refers.connect("acme", &connection(n)).await;
        }
        let others = releases.refers.further_replicas().await;
        Arc::new(Self { releases, others, is_over: AtomicBool::new(false) })
    }

    fn replicas(&self) -> usize {
        1 + self.others.len()
    }

    /// Returns the replica whose turn it is.
    fn replica(&self, turn: usize) -> &Refers {
        let other = (turn % self.replicas()).checked_sub(1);
        other.map_or(&self.releases.refers, |n| &self.others[n])
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Relaxed)
    }

    /// Looks at the release until it has ended, then ends the load. Returns each look.
    async fn follow(&self) -> Vec<Look> {
        let (mut looks, mut ticks) = (Vec::new(), interval(LOOK_EVERY));
        let has_ended = |look: &Look| !look.release["ended_at"].is_null();
        let followed = timeout(DEADLINE, async {
            while !looks.last().is_some_and(has_ended) {
                ticks.tick().await;
                looks.push(Look { release: self.releases.show().await, at: Instant::now() });
            }
        });
        let is_in_time = followed.await.is_ok();
        self.is_over.store(true, Relaxed);
        assert!(is_in_time, "the release has not ended: {:?}", looks.last().map(|look| &look.release));
        looks
    }

    /// Calls the versions that serve the connections until the load is over. Returns the number of calls.
    async fn call(self: Arc<Self>, caller: usize) -> usize {
        let mut ticks = interval(CALL_EVERY * CALLERS.into());
        let (mut calls, mut moved) = (0, BTreeSet::new());
        while !self.is_over() {
            ticks.tick().await;
            let (turn, key) = (caller + calls, connection(calls));
            let on = self.replica(turn).bench.parts.served.calls(&key).unwrap();
            let check = on.test_connection().await.unwrap().unwrap().remove(0);
            let place = (turn % self.replicas(), key);
            if check.detail == "two" {
                moved.insert(place);
            } else {
                assert!(!moved.contains(&place), "{place:?} moved back");
            }
            calls += 1;
        }
        calls
    }

    /// Requests erasures and tests connections until the load is over. Returns the erasures, oldest first.
    async fn request(self: Arc<Self>, client: usize) -> Vec<LoadErasure> {
        let (mut ticks, mut requested) = (interval(REQUEST_EVERY * CLIENTS.into()), Vec::new());
        while !self.is_over() {
            ticks.tick().await;
            let (replica, n) = (self.replica(client + requested.len()), requested.len() % PEOPLE);
            let (key, person) = (connection(n), format!("ada-{client}-{n}@example.com"));
            let place = replica.erase(&key, &person).await;
            requested.push(LoadErasure { person, place });
            let tested = replica.bench.get(&replica.key, &format!("/api/v1/connection/{key}/test")).await;
            assert_eq!(tested.json["test_status"], "succeeded", "{tested:?}");
        }
        requested
    }

    /// Checks that each erasure was carried out at the first attempt, and that no person moved back. Returns the number of
    /// attempts, with the confirmations.
    async fn check(&self, requested: &[LoadErasure]) -> usize {
        let (mut calls, mut moved) = (0, BTreeSet::new());
        for LoadErasure { person, place } in requested {
            let done = self.releases.refers.done(place).await;
            let attempts = done["attempts"].as_array().unwrap();
            assert!(attempts.iter().all(|attempt| attempt["result"]["receipt"].is_object()), "{done}");
            let acts: Vec<_> = attempts.iter().filter(|attempt| attempt["step"] == "act").collect();
            assert_eq!(acts.len(), 1, "{done}");
            if acts[0]["plugin_version"] == "two" {
                moved.insert(person);
            } else {
                assert!(!moved.contains(person), "{person} moved back: {done}");
            }
            calls += attempts.len();
        }
        calls
    }

    /// Erases every [`ERASERS`]th person until the load is over, each once the vendor has the erasure of the one before. One
    /// person in fifty is one for whom a flawed version traps, so that there is none.
    async fn erase(self: Arc<Self>, client: usize) {
        for n in (client..).step_by(ERASERS.into()) {
            if self.is_over() {
                break;
            }
            let name = if n % 50 == 49 { "trap" } else { "ada" };
            let body = json!({"action": "erasure", "identity": {"email": format!("{name}-{n}@example.com")}});
            let refers = self.replica(n);
            let path = format!("/api/v1/connection/{}/requests", connection(n));
            let headers = format!(
                "authorization: Bearer {}\r\ncontent-type: application/json\r\nprefer: wait=1\r\n",
                refers.key
            );
            let taken = refers.bench.raw("POST", &path, &headers, body.to_string().as_bytes()).await;
            assert!([200, 202].contains(&taken.status), "{taken:?}");
        }
    }

    async fn stop(self: Arc<Self>) {
        for replica in Arc::into_inner(self).unwrap().others {
            replica.bench.stop().await;
        }
    }
}

/// The sum of `what` over all calls of both versions.
fn sum(release: &Value, what: &str) -> u64 {
    let kinds = release["calls"].as_array().unwrap().iter();
    kinds.flat_map(|of| [&of["new"], &of["before"]]).map(|counts| counts[what].as_u64().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_500_calls_a_second_none_fails_while_a_version_is_released_to_5_25_and_100_percent() {
    let service = UnderLoad::of("two").await;
    // In the time between two judgements, a twentieth of the API's requests are a few. A machine that runs every suite at once
    // may be slow for a while, which must not end the release.
    let few = json!({"calls": 20, "calls_of_kind": 3, "minimum_step_ms": 0, "failures": 200});
    let first_step = service.releases.begin(&[5, 25, 100], few).await;
    assert_eq!((first_step.status, &first_step.json["share"]), (200, &json!(5.0)), "{first_step:?}");
    let began = Instant::now();
    let callers: JoinSet<_> = (0..CALLERS).map(|n| Arc::clone(&service).call(n.into())).collect();
    let clients: JoinSet<_> = (0..CLIENTS).map(|n| Arc::clone(&service).request(n.into())).collect();
    let looks = service.follow().await;
    let (calls, requested) = (callers.join_all().await, clients.join_all().await);
    let (took, calls) = (began.elapsed().as_secs_f64(), calls.iter().sum::<usize>());

    let mut shares: Vec<_> = looks.iter().map(|look| look.release["share"].as_f64().unwrap()).collect();
    shares.dedup();
    let ended = &looks.last().unwrap().release;
    assert_eq!((shares, &ended["state"]), (vec![5.0, 25.0, 100.0], &json!("completed")), "{ended}");
    for what in ["trapped", "deadlines", "contradicted", "other_errors", "given_up"] {
        assert_eq!(sum(ended, what), 0, "{what}: {ended}");
    }
    let (mut attempts, mut erasures) = (0, 0);
    for of_client in &requested {
        attempts += service.check(of_client).await;
        erasures += of_client.len();
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate to print")]
    let rate = (calls + attempts + erasures) as f64 / took;
    println!(
        "{} replicas: {rate:.0} calls a second for {took:.0} s, none failed: {calls} at the versions, {attempts} of \
         {erasures} erasures and {erasures} tests of connections through the API",
        service.replicas()
    );
    // Each replica serves it in place of the version before.
    for n in 0..service.replicas() {
        let replica = service.replica(n);
        let runs = async || replica.bench.get(&replica.key, "/api/v1/plugins/refers").await.json;
        let is_released = |plugin: &Value| plugin["digest"] == service.releases.digest;
        eventually("the replica serves the version", runs, is_released).await;
    }
    service.stop().await;
}

/// The erasures that the version before carries out while 500 a second are requested for 40 seconds and 5 % of the people are
/// released. A debug build takes minutes for as many.
const BEFORE: u64 = 19_000;

/// Returns the counts of `calls` erasures, of which `traps` trapped.
fn erasures(calls: u64, traps: u64) -> CallCounts {
    let mut counts = CallCounts::default();
    for n in 0..calls {
        let end = if n < traps { CallEnd::Trapped } else { CallEnd::Accepted };
        counts.record(end, Duration::from_millis(50));
    }
    counts
}

/// Returns how many erasures of the released version are enough for the verdict if 2 % of them trap, by its own sums, beside
/// those of the version before.
fn enough() -> u64 {
    let (rules, half) = (VerdictRules::default(), Share::try_from(5_000).unwrap());
    let counted = |calls, traps| VersionCounts::from_iter([(CallKind::Erasure, erasures(calls, traps))]);
    let is_enough = |calls: &u64| {
        let before = counted(BEFORE, 0);
        let compared =
            ComparedCounts { new: counted(*calls, calls / 50), before: before.clone(), same_time: before };
        matches!(judge(&compared, half, &rules), ReleaseVerdict::Bad(_))
    };
    (50..=5_000).step_by(50).find(is_enough).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_with_2_percent_of_traps_is_rolled_back_within_a_minute_of_enough_calls() {
    let enough = enough();
    let service = UnderLoad::of("flawed").await;
    let Releases { refers, .. } = &service.releases;
    // What a verdict needs by default.
    let default = json!({"calls": 300, "calls_of_kind": 20, "proofs": 20});
    let begun = service.releases.begin(&[50, 100], default).await;
    assert_eq!(begun.status, 200, "{begun:?}");
    let SteppedRelease { id, state, .. } =
        refers.bench.parts.connections.release_report("refers").await.unwrap().unwrap().release;
    let place = CountPlace::of_call(Side::Before, state.share(), CallKind::Erasure, "jobs");
    let counted = BTreeMap::from([(place, erasures(BEFORE, 0))]);
    refers
        .bench
        .write(move |tx| {
            Box::pin(async move { release_counts::put(tx, &id, "test", &counted, &[]).await.map(drop) })
        })
        .await;
    let clients: JoinSet<_> = (0..ERASERS).map(|n| Arc::clone(&service).erase(n.into())).collect();
    let looks = service.follow().await;
    clients.join_all().await;

    let Look { at, release } = looks.last().unwrap();
    assert_eq!((&release["state"], &release["verdict"]), (&json!("rolled_back"), &json!("bad")), "{release}");
    let why = release["why"].as_str().unwrap();
    assert!(why.contains("traps in erasure calls: "), "{why}");
    let is_found_bad = |look: &&Look| look.release["verdict"] == "bad";
    let waited = at.duration_since(looks.iter().find(is_found_bad).unwrap().at);
    assert!(
        waited <= Duration::from_mins(1),
        "it was bad for {waited:?} before it was rolled back: {release}"
    );
    let erasures = release["calls"].as_array().unwrap().iter().find(|of| of["kind"] == "erasure").unwrap();
    let calls = erasures["new"]["calls"].as_u64().unwrap();
    println!(
        "{} replicas: rolled back {} ms after it was found bad, after {calls} erasures; at 2 %, {enough} are enough: {why}",
        service.replicas(),
        waited.as_millis()
    );
    // How many of the people for whom it traps are released first is chance.
    assert!(calls <= 4 * enough, "{calls} calls, {enough} are enough: {release}");
    let erased = refers.done(&refers.erase(&connection(0), "trap-again@example.com").await).await;
    assert_eq!(erased["attempts"][0]["plugin_version"], "one", "{erased}");
    service.stop().await;
}
