//! Several processes on one database, which only PostgreSQL can have: each test ends at once on SQLite.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use futures::future::BoxFuture;
use host_harness::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use test_support::eventually;

use crate::testing::{ApiBench, guest, tagged_guest};

const CONNECTION: &str = "/api/v1/connection/newsletter";

/// Starts two replicas, with an API key for both. Returns `None` if the database is a file.
async fn two() -> Option<(ApiBench, ApiBench, String)> {
    let first = ApiBench::new().await;
    if !first.is_on_server() {
        return None;
    }
    let (second, key) = (first.replica().await, first.operator().await);
    Some((first, second, key))
}

/// Waits until `shown` holds for what `path` shows at `replica`, and prints how long that took.
async fn served(what: &str, replica: &ApiBench, key: &str, path: &str, shown: impl Fn(u16, &Value) -> bool) {
    let begun = Instant::now();
    let answers = async || replica.get(key, path).await;
    eventually(what, answers, |answer| shown(answer.status, &answer.json)).await;
    println!("{what} after {} ms", begun.elapsed().as_millis());
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

    fn set_date(&self, date: SystemTime) {
        self.0.set_date(date);
    }

    fn sleep_until(&self, then: Duration) -> BoxFuture<'_, ()> {
        self.0.sleep_until(then)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_whose_machines_have_clocks_an_hour_apart_use_that_of_the_database() {
    let first = ApiBench::new().await;
    if !first.is_on_server() {
        return;
    }
    let hour = Duration::from_hours(1);
    let wrong = Arc::new(WrongClock::default());
    wrong.set_date(SystemTime::now() + hour);
    let second = first.replica_with(wrong).await;
    let apart = second.parts.clock.date_ms().abs_diff(first.parts.clock.date_ms());
    assert!(u128::from(apart) < hour.as_millis() / 100, "{apart} ms");
}
