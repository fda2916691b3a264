//! What is submitted during a run: opt-outs and opt-ins, one person after the other in order, erasures, and choices that are
//! made at the vendor. And a reader that pages through the feed.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread::{Scope, ScopedJoinHandle, sleep},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use fastrand::Rng;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::programs::{
    client::{agent, read},
    cluster::Cluster,
    document::text,
    setup,
    stand_in::StandIn,
};

/// The channel of the wishes. The webhook's person uses another one.
pub(super) const CHANNEL: i64 = 6541;

/// What the addresses of people begin with who choose at the vendor.
pub(super) const AT_VENDOR: &str = "vendor-";

/// The number of threads that submit wishes, each for people of its own.
const WRITERS: usize = 4;

/// The number of people whose opt-outs a thread submits before their opt-ins: an opt-out prevails over what was wished within
/// the same second. A third wish would wait for another minute.
const PEOPLE: usize = 8;

/// The pause between two wishes of a thread.
const BETWEEN_WISHES: Duration = Duration::from_millis(150);

/// How long a submission is repeated: longer than any fault lasts.
const PATIENCE: Duration = Duration::from_mins(1);

/// The pause before a submission is repeated.
const PAUSE: Duration = Duration::from_millis(50);

/// A wish that was acknowledged.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) id: String,
    pub(super) person: String,
    pub(super) choice: &'static str,
}

/// What was acknowledged, and what a reader of the feed has seen.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// In the order of acknowledgement, which is that of each person.
    pub(super) wishes: Vec<Wish>,
    /// The ids of erasures, each with its person.
    pub(super) erasures: Vec<(String, String)>,
    /// The ids of events, in the order in which they were read.
    pub(super) events: Vec<String>,
}

/// The load of a run.
pub(super) struct Load {
    seeds: Mutex<Rng>,
    log: Mutex<Log>,
}

type Writer<'scope> = ScopedJoinHandle<'scope, Result<()>>;

impl Load {
    pub(super) fn new(rng: Rng) -> Self {
        Self { seeds: Mutex::new(rng), log: Mutex::default() }
    }

    pub(super) fn into_log(self) -> Log {
        self.log.into_inner()
    }

    /// Starts the threads, which submit until `is_over`.
    pub(super) fn begin<'scope, 'env: 'scope>(
        &'env self,
        scope: &'scope Scope<'scope, 'env>,
        cluster: &'env Cluster,
        stand_in: &'env StandIn,
        is_over: &'env AtomicBool,
    ) -> Vec<Writer<'scope>> {
        let rng = || self.seeds.lock().fork();
        let mut threads: Vec<Writer<'scope>> = (0..WRITERS)
            .map(|number| {
                let rng = rng();
                scope.spawn(move || self.wish(cluster, number, rng, is_over))
            })
            .collect();
        let (erasing, reading) = (rng(), rng());
        threads.push(scope.spawn(move || self.erase(cluster, erasing, is_over)));
        threads.push(scope.spawn(move || choose_at_vendor(stand_in, is_over)));
        threads.push(scope.spawn(move || self.read_feed(cluster, reading, is_over)));
        threads
    }

    /// Submits an opt-out and then an opt-in of each person, each once the one before is acknowledged.
    fn wish(&self, cluster: &Cluster, writer: usize, mut rng: Rng, is_over: &AtomicBool) -> Result<()> {
        for round in 0.. {
            if is_over.load(Relaxed) {
                return Ok(());
            }
            let number = round / (2 * PEOPLE) * PEOPLE + round % PEOPLE;
            let person = format!("person-{writer}-{number}@example.com");
            let choice = if (round / PEOPLE).is_multiple_of(2) { "opt_out" } else { "opt_in" };
            let item = json!({ "item": { "kind": "channel", "id": CHANNEL.to_string() }, "choice": choice, "source": "load" });
            let body = json!({ "identity": { "email": person }, "preferences": { "items": [item] } });
            let path = "/api/v1/connection/newsletter/consent";
            let id = submit(cluster, &mut rng, path, &body, &format!("wish-{writer}-{round}"))?;
            self.log.lock().wishes.push(Wish { id, person, choice });
            sleep(BETWEEN_WISHES);
        }
        Ok(())
    }

    /// Submits erasures of different people, more than the vendor takes at a time.
    fn erase(&self, cluster: &Cluster, mut rng: Rng, is_over: &AtomicBool) -> Result<()> {
        for number in 0.. {
            if is_over.load(Relaxed) {
                return Ok(());
            }
            let person = format!("erased-{number}@example.com");
            let body = json!({ "action": "erasure", "identity": { "email": person } });
            let path = "/api/v1/connection/newsletter/requests";
            let id = submit(cluster, &mut rng, path, &body, &format!("erasure-{number}"))?;
            self.log.lock().erasures.push((id, person));
            sleep(Duration::from_millis(200));
        }
        Ok(())
    }

    /// Pages through the feed, at any replica.
    fn read_feed(&self, cluster: &Cluster, mut rng: Rng, is_over: &AtomicBool) -> Result<()> {
        let mut after = 0;
        while !is_over.load(Relaxed) {
            let path = format!("/api/v1/consent-events?after={after}&limit=7");
            if let Ok(page) = cluster.api(rng.usize(..cluster.size())).get(&path) {
                after = page.pointer("/cursor").and_then(Value::as_i64).context("no cursor")?;
                self.log.lock().events.extend(ids(&page)?);
            }
            sleep(PAUSE);
        }
        Ok(())
    }
}

/// Returns the ids of the events on a page of the feed.
fn ids(page: &Value) -> Result<Vec<String>> {
    let events = page.pointer("/events").and_then(Value::as_array).context("no events")?;
    events.iter().map(|event| Ok(text(event, "/id")?.to_owned())).collect()
}

/// Has people leave a channel by a link in a mail, which the webhook reports.
fn choose_at_vendor(stand_in: &StandIn, is_over: &AtomicBool) -> Result<()> {
    for number in 0.. {
        if is_over.load(Relaxed) {
            return Ok(());
        }
        let email = format!("{AT_VENDOR}{number}@example.com");
        stand_in.post("people", &json!({ "email": email, "unsubscribedChannelIds": [] }))?;
        setup::unsubscribe(stand_in, &email)?;
        sleep(Duration::from_millis(150));
    }
    Ok(())
}

/// Submits `body` at one replica after the other, under one idempotency key, until it is acknowledged. Returns the id of the
/// request.
fn submit(cluster: &Cluster, rng: &mut Rng, path: &str, body: &Value, key: &str) -> Result<String> {
    let (begun, agent) = (Instant::now(), agent());
    let mut last = String::new();
    while begun.elapsed() < PATIENCE {
        let replica = cluster.api(rng.usize(..cluster.size()));
        let call = agent.post(format!("{}{path}", replica.address));
        let call = call.config().timeout_global(Some(Duration::from_secs(5))).build();
        let call = call.header("authorization", format!("Bearer {}", cluster.key));
        let answered = call.header("idempotency-key", key).send_json(body);
        match answered.map_err(Into::into).and_then(|answer| read(path, answer)) {
            Ok(accepted) => return Ok(text(&accepted, "/id")?.to_owned()),
            Err(error) => last = format!("{error:#}"),
        }
        sleep(PAUSE);
    }
    bail!("POST {path} is not acknowledged after {} s: {last}", PATIENCE.as_secs())
}
