//! Several processes on one database, which only PostgreSQL can have: each test ends at once on SQLite.

mod exchanges;

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use futures::future::BoxFuture;
use host_harness::clock::{Clock, SystemClock};
use iterable_stand_in::Fault;
use serde_json::{Value, json};
use sqlx::Connection as _;
use test_support::eventually;
use tokio::time::timeout;

use super::publisher::Publisher;
use crate::testing::{Answer, ApiBench, guest, tagged_guest};

const CONNECTION: &str = "/api/v1/connection/newsletter";

const HOOK: &str = "/api/v1/plus/connection/newsletter/consent-webhook";

/// After this time, a test whose replica does not answer fails.
const DEADLINE: Duration = Duration::from_secs(20);

/// Starts two replicas, with an API key for both. Returns `None` if the database is a file.
async fn two() -> Option<(ApiBench, ApiBench, String)> {
    let first = ApiBench::new().await;
    if !first.is_on_server() {
        return None;
    }
    let (second, key) = (first.replica().await, first.operator().await);
    Some((first, second, key))
}

/// How long a replica takes at most to serve what another one changed: a second, and more on a busy machine.
const MAX_DELAY: Duration = Duration::from_secs(5);

/// Waits until `shown` holds for what `path` shows at `replica`, and prints how long that took.
async fn served(what: &str, replica: &ApiBench, key: &str, path: &str, shown: impl Fn(u16, &Value) -> bool) {
    let begun = Instant::now();
    let answers = async || replica.get(key, path).await;
    eventually(what, answers, |answer| shown(answer.status, &answer.json)).await;
    let delay = begun.elapsed();
    println!("{what} after {} ms", delay.as_millis());
    assert!(delay < MAX_DELAY, "{what} after {delay:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_replica_changes_is_served_by_the_other() {
    let Some((first, second, key)) = two().await else { return };
    first.connect(&key, "acme", "newsletter").await;
    let test = format!("{CONNECTION}/test");
    let passes = |status, json: &Value| status == 200 && json["test_status"] == "succeeded";
    served("a new connection is served", &second, &key, &test, passes).await;
    let wrong = json!({"secrets": {"api-key": "another-key-0123456789"}});
    assert_eq!(first.send(&key, "PATCH", CONNECTION, Some(wrong)).await.status, 200);
    let fails = |_, json: &Value| json["test_status"] == "failed";
    served("a changed connection is served", &second, &key, &test, fails).await;
    let refused = async || {
        second.send(&key, "POST", "/api/v1/connection", Some(first.connection("acme", "newsletter"))).await
    };
    assert_eq!(refused().await.problem(), (409, "key-taken"));
    assert_eq!(first.send(&key, "DELETE", CONNECTION, None).await.status, 200);
    served("a deleted connection is gone", &second, &key, &test, |status, _| status == 404).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_one_replica_revokes_is_refused_by_the_other_at_once() {
    let Some((first, second, key)) = two().await else { return };
    let other = first.key("other", None).await;
    assert_eq!(second.get(&other, "/api/v1/connection").await.status, 200);
    let keys = first.get(&key, "/api/v1/api-keys").await.json;
    let keys = keys["api_keys"].as_array().unwrap();
    let id = keys.iter().find(|one| one["name"] == "other").unwrap()["id"].as_str().unwrap();
    let revoked = first.send(&key, "POST", &format!("/api/v1/api-keys/{id}/revoke"), None).await;
    assert_eq!(revoked.status, 200, "{revoked:?}");
    assert_eq!(second.get(&other, "/api/v1/connection").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_token_that_one_replica_revokes_is_refused_by_the_other_at_once() {
    let Some((first, second, key)) = two().await else { return };
    first.connect(&key, "acme", "newsletter").await;
    let issued = first.get(&key, &format!("{HOOK}/token")).await;
    let header = format!("authorization: Bearer {}\r\n", issued.json["access_token"].as_str().unwrap());
    let delivered =
        async || second.raw("POST", HOOK, &header, b"{\"eventName\": \"emailOpen\"}").await.status;
    eventually("the new connection receives deliveries", delivered, |status| *status == 200).await;
    let revoked = first.send(&key, "DELETE", &format!("{HOOK}/tokens/1"), None).await;
    assert_eq!(revoked.status, 200, "{revoked:?}");
    assert_eq!(delivered().await, 401);
}

/// Waits until every replica serves all changes.
async fn all_served(replica: &ApiBench, key: &str) {
    let all = |_, json: &Value| {
        json["replicas"].as_array().is_some_and(|all| all.iter().all(|one| one["behind"] == 0))
    };
    served("all changes are served", replica, key, "/api/v1/replicas", all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_cannot_look_at_the_changes_answers_503_until_it_can() {
    let Some((first, second, key)) = two().await else { return };
    let asked = async |path: &str| timeout(DEADLINE, second.get(&key, path)).await.unwrap();
    assert_eq!(asked("/api/v1/connection").await.status, 200);
    let mut beside = first.beside().await;
    let lock = beside.begin_with("BEGIN; LOCK TABLE changes IN ACCESS EXCLUSIVE MODE").await.unwrap();
    // For as long as its last look is younger than a second, it serves what it saw then.
    let begun = Instant::now();
    let is_refused = |answer: &Answer| answer.status == 503;
    let refused = eventually("it refuses", async || asked("/api/v1/connection").await, is_refused).await;
    println!("a replica that cannot look answers 503 after {} ms", begun.elapsed().as_millis());
    assert_eq!(refused.problem(), (503, "unavailable"));
    assert!(refused.detail().contains("cannot tell what the others have changed"), "{refused:?}");
    for path in ["/health", "/ready", "/metrics"] {
        assert_eq!(asked(path).await.status, 200, "{path}");
    }
    lock.rollback().await.unwrap();
    let answers = |answer: &Answer| answer.status == 200;
    eventually("it serves", async || asked("/api/v1/connection").await, answers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_to_which_no_notification_gets_finds_changes_by_polling() {
    let first = ApiBench::new().await;
    let Some(pooler) = first.pooled_address().await else { return };
    // A pooler delivers none.
    first.configure(&format!("service.listen-url = '{pooler}'")).await;
    let (second, key) = (first.replica().await, first.operator().await);
    first.connect(&key, "acme", "newsletter").await;
    let passes = |status, json: &Value| status == 200 && json["test_status"] == "succeeded";
    served("a new connection is served", &second, &key, &format!("{CONNECTION}/test"), passes).await;
    let metrics = second.get(&key, "/metrics").await.text;
    assert!(!metrics.contains("connector_host_notifications_total{status=\"received\"}"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_serves_once_every_replica_has_loaded_it_and_then_at_each() {
    let Some((first, second, key)) = two().await else { return };
    let version = |name: &str| {
        let name = name.to_owned();
        move |_, json: &Value| {
            json["plugins"]
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one["name"] == "fresh" && one["version"] == *name))
        }
    };
    let publish = async |bench: &ApiBench, name: &str| {
        let published = bench.post_component(&key, "fresh?agree=true", &guest(name)).await;
        assert_eq!(published.status, 200, "{published:?}");
    };
    publish(&first, "build_one").await;
    served("a new plugin runs", &second, &key, "/api/v1/plugins", version("one")).await;
    publish(&second, "build_two").await;
    served("a new version serves", &first, &key, "/api/v1/plugins", version("two")).await;
    let back = first.send(&key, "POST", "/api/v1/plugins/fresh/roll-back", None).await;
    assert_eq!(back.status, 200, "{back:?}");
    served("a version that was put back serves", &second, &key, "/api/v1/plugins", version("one")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_one_replica_cannot_load_serves_at_none() {
    let (first, key) = ApiBench::with_guest("build_one", "").await;
    if !first.is_on_server() {
        return;
    }
    // The second replica's own file has a lower limit.
    let file = xtask::components::current("guests/build_one").unwrap();
    let limit = guest("build_one").len();
    first.configure(&format!("plugins.guest = {{ file = '{}', max-bytes = {limit} }}", file.display())).await;
    let second = first.replica().await;
    let refused = first.post_component(&key, "guest?agree=true", &tagged_guest("build_two", 1)).await;
    assert_eq!(refused.problem(), (409, "not-replaced"), "{refused:?}");
    assert!(refused.detail().contains("does not load at the replica"), "{refused:?}");
    drop(second);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_replica_leads_and_the_other_takes_over_when_it_stops() {
    let Some((first, second, key)) = two().await else { return };
    let list = async |bench: &ApiBench| bench.get(&key, "/api/v1/replicas").await.json["replicas"].clone();
    let both = list(&second).await;
    let leads = |replicas: &Value| -> Vec<bool> {
        replicas.as_array().unwrap().iter().map(|one| !one["leads_since"].is_null()).collect()
    };
    assert_eq!(leads(&both), [true, false], "{both}");
    assert_eq!((&both[0]["answers"], &both[1]["answers"]), (&json!(false), &json!(true)));
    assert_eq!(both[1]["version"], env!("CARGO_PKG_VERSION"));
    first.stop().await;
    eventually("the other leads", async || list(&second).await, |replicas| leads(replicas) == [true]).await;
}

const HOUR: Duration = Duration::from_hours(1);

/// The clock of a machine whose date is wrong until it is set.
#[derive(Debug, Default)]
struct WrongClock(SystemClock);

impl Clock for WrongClock {
    fn now(&self) -> Duration {
        self.0.now()
    }

    fn date(&self) -> SystemTime {
        self.0.date()
    }

    fn set_date(&self, date: SystemTime, max_error: Duration) {
        self.0.set_date(date, max_error);
    }

    fn max_error(&self) -> Duration {
        self.0.max_error()
    }

    fn sleep_until(&self, then: Duration) -> BoxFuture<'_, ()> {
        self.0.sleep_until(then)
    }
}

/// Starts two replicas, the second of which is on a machine whose clock is an hour fast. Returns `None` if the database is a
/// file.
async fn an_hour_apart() -> Option<(ApiBench, ApiBench)> {
    let first = ApiBench::new().await;
    if !first.is_on_server() {
        return None;
    }
    let wrong = Arc::new(WrongClock::default());
    wrong.set_date(SystemTime::now() + HOUR, Duration::ZERO);
    let second = first.replica_with(wrong).await;
    Some((first, second))
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_whose_machines_have_clocks_an_hour_apart_use_that_of_the_database() {
    let Some((first, second)) = an_hour_apart().await else { return };
    let apart = second.parts.clock.date_ms().abs_diff(first.parts.clock.date_ms());
    assert!(u128::from(apart) < HOUR.as_millis() / 100, "{apart} ms");
}

/// Returns how long after the database's clock a time in the database is, in milliseconds.
async fn ahead(bench: &ApiBench, time: &'static str, request: &str) -> i64 {
    let ahead = format!(
        "SELECT CAST({time} - EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) \
         FROM open_requests o JOIN requests r ON r.seq = o.seq WHERE r.id = $1"
    );
    let ahead = sqlx::query_scalar(sqlx::AssertSqlSafe(ahead)).bind(request);
    ahead.fetch_one(&mut bench.beside().await).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn delays_leases_and_limits_of_replicas_with_clocks_an_hour_apart_are_by_that_of_the_database() {
    let Some((first, second)) = an_hour_apart().await else { return };
    let key = first.operator().await;
    first.connect(&key, "acme", "newsletter").await;
    all_served(&first, &key).await;
    let erasure = async |bench: &ApiBench, email: &str, state: (&'static str, &'static str)| {
        let body = json!({"action": "erasure", "identity": {"email": email}});
        let taken = bench.send(&key, "POST", &format!("{CONNECTION}/requests"), Some(body)).await;
        assert_eq!(taken.status, 202, "{taken:?}");
        let id = taken.json["id"].as_str().unwrap().to_owned();
        let shown = async || bench.get(&key, &format!("/api/v1/requests/{id}")).await.json;
        let (name, value) = state;
        eventually(value, shown, |shown| shown[name] == value).await;
        id
    };
    let (mut times, mut beside) = (Vec::new(), first.beside().await);
    for (works, idle, n) in [(&first, &second, 1), (&second, &first, 2)] {
        works.parts.connections.load_all().await.unwrap();
        idle.parts.served.host().remove_connection("newsletter");
        let delayed = erasure(works, &format!("delayed-{n}@example.com"), ("step", "confirm")).await;
        let delay = ahead(works, "o.next_at", &delayed).await;
        first.stand_in.fault(Fault::Hang, "POST /api/users/forget", 1);
        let running = erasure(works, &format!("running-{n}@example.com"), ("state", "running")).await;
        let lease = ahead(works, "o.lease_until", &running).await;
        let count = async || -> i64 {
            let counted = sqlx::query_scalar("SELECT COUNT(*) FROM sends WHERE limit_name = 'forget-daily'");
            counted.fetch_one(&mut beside).await.unwrap()
        };
        eventually("both are counted", count, |count| *count == 2 * n).await;
        let counted = "(SELECT MAX(at) FROM sends WHERE limit_name = 'forget-daily')";
        let last_counted = ahead(works, counted, &running).await;
        println!("due in {delay} ms, claimed for {lease} ms, counted {last_counted} ms from now");
        assert!(delay > 0 && lease > 0, "the other would take it back or carry it out now");
        times.push([delay, lease, last_counted]);
    }
    let [by_first, by_second] = times[..] else { panic!("{times:?}") };
    for (first, second) in by_first.into_iter().zip(by_second) {
        assert!(u128::from(first.abs_diff(second)) < HOUR.as_millis() / 30, "{times:?}");
    }
    first.parts.connections.load_all().await.unwrap();
    let quotas = async |bench: &ApiBench| bench.get(&key, CONNECTION).await.json["quotas"].clone();
    let [at_first, at_second] = [quotas(&first).await, quotas(&second).await];
    assert_eq!(at_first, at_second);
    assert!(
        at_first.as_array().is_some_and(|quotas| quotas.iter().any(|quota| quota["used"] == 4)),
        "{at_first}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_admit_two_releases_at_once_admit_no_older_one_afterwards() {
    let publisher = Publisher::new();
    let first = ApiBench::with(&publisher.trusted()).await;
    if !first.is_on_server() {
        return;
    }
    let (second, key) = (first.replica().await, first.operator().await);
    for round in 1..=4_u8 {
        let (newest, tag) = (u64::from(round) * 2, round * 2);
        let older = publisher.release(&first, &tagged_guest("build_one", tag - 1), newest - 1).await;
        let newer = publisher.release(&first, &tagged_guest("build_one", tag), newest).await;
        let (older, newer) = tokio::join!(older.upload(&second, &key), newer.upload(&first, &key));
        assert_eq!(newer.status, 201, "{newer:?}");
        assert!(older.status == 201 || older.json["reason"] == "replayed", "{older:?}");
        let late = publisher.release(&first, &tagged_guest("build_one", 100 + round), newest - 1).await;
        for replica in [&first, &second] {
            let late = late.upload(replica, &key).await;
            assert_eq!((late.problem(), &late.json["reason"]), ((422, "not-trusted"), &json!("replayed")));
        }
    }
}
