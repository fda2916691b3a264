//! Erasures that are confirmed by the version that gave their reference, or by another one.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, Uri},
    routing::any,
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use test_support::eventually;

use crate::testing::{ApiBench, guest};

/// A vendor that records the paths that it is asked for. It answers with success, except for the paths in `statuses`.
#[derive(Clone, Default)]
pub(super) struct Vendor {
    asked: Arc<Mutex<Vec<String>>>,
    statuses: Arc<Mutex<Vec<(&'static str, u16)>>>,
}

impl Vendor {
    /// Starts it. Returns its address.
    pub(super) async fn start(&self) -> String {
        let answer = async |State(vendor): State<Self>, uri: Uri| {
            vendor.asked.lock().push(uri.path().to_owned());
            let statuses = vendor.statuses.lock();
            let status = statuses.iter().find(|(path, _)| uri.path().starts_with(path));
            StatusCode::from_u16(status.map_or(200, |(_, status)| *status)).unwrap()
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let router = Router::new().fallback(any(answer)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    /// Answers requests to paths that begin with `path` with `status` from now on.
    pub(super) fn answer(&self, path: &'static str, status: u16) {
        let mut statuses = self.statuses.lock();
        statuses.retain(|(known, _)| *known != path);
        statuses.push((path, status));
    }

    /// Returns and forgets the paths that it was asked for.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock())
    }
}

pub(super) fn component(version: &str) -> Vec<u8> {
    guest(&format!("refers_{version}"))
}

/// A service whose plugin `refers` was published as version one, with the connection `jobs` of the tenant `acme`.
pub(super) struct Refers {
    pub(super) bench: ApiBench,
    pub(super) key: String,
    pub(super) vendor: Vendor,
    host: String,
}

impl Refers {
    pub(super) async fn start() -> Self {
        Self::with("").await
    }

    /// Starts it with `more` in the configuration.
    pub(super) async fn with(more: &str) -> Self {
        let bench = ApiBench::with(more).await;
        let key = bench.operator().await;
        let vendor = Vendor::default();
        let refers = Self { host: vendor.start().await, bench, key, vendor };
        refers.publish("one").await;
        refers.connect("acme", "jobs").await;
        refers
    }

    pub(super) async fn publish(&self, version: &str) -> String {
        let published = self.bench.post_component(&self.key, "refers?agree=true", &component(version)).await;
        assert_eq!(published.status, 200, "{published:?}");
        published.json["digest"].as_str().unwrap().to_owned()
    }

    pub(super) async fn connect(&self, tenant: &str, key: &str) {
        let made =
            self.bench.send(&self.key, "POST", "/api/v1/connection", Some(self.spec(tenant, key))).await;
        assert_eq!(made.status, 201, "{made:?}");
    }

    pub(super) fn spec(&self, tenant: &str, key: &str) -> Value {
        let host = &self.host;
        json!({
            "key": key, "tenant": tenant, "plugin": "refers", "settings": {"domain": host},
            "egress": {"hosts": [host], "loopback": true, "plain_http": true},
        })
    }

    /// Starts another process on the same database.
    pub(super) async fn replica(&self) -> Self {
        self.at(self.bench.replica().await)
    }

    /// Starts the further processes of a service with three replicas. None if the database is a file, which has one process.
    pub(super) async fn further_replicas(&self) -> Vec<Self> {
        self.bench.further_replicas().await.into_iter().map(|bench| self.at(bench)).collect()
    }

    fn at(&self, bench: ApiBench) -> Self {
        Self { bench, key: self.key.clone(), vendor: self.vendor.clone(), host: self.host.clone() }
    }

    pub(super) async fn restarted(self) -> Self {
        Self { bench: self.bench.restarted().await, ..self }
    }

    pub(super) async fn roll_back(&self) {
        let back = self.bench.send(&self.key, "POST", "/api/v1/plugins/refers/roll-back", None).await;
        assert_eq!(back.status, 200, "{back:?}");
    }

    /// Has version `version` confirm references of the other in this way.
    pub(super) async fn foreign(&self, what: &str) {
        let change = json!({"settings": {"foreign": what}});
        let changed = self.bench.send(&self.key, "PATCH", "/api/v1/connection/jobs", Some(change)).await;
        assert_eq!(changed.status, 200, "{changed:?}");
    }

    pub(super) async fn erase(&self, connection: &str, email: &str) -> String {
        let body = json!({"action": "erasure", "identity": {"email": email}});
        let path = format!("/api/v1/connection/{connection}/requests");
        let taken = self.bench.send(&self.key, "POST", &path, Some(body)).await;
        assert_eq!(taken.status, 202, "{taken:?}");
        format!("/api/v1/requests/{}", taken.json["id"].as_str().unwrap())
    }

    pub(super) async fn once(&self, place: &str, shows: impl Fn(&Value) -> bool) -> Value {
        let look = async || self.bench.get(&self.key, place).await.json;
        eventually("the request is as expected", look, |report| shows(report)).await
    }

    pub(super) async fn done(&self, place: &str) -> Value {
        self.once(place, |report| report["state"] == "done").await
    }

    /// Erases someone at `connection`, while the vendor answers no confirmation. Returns the request.
    pub(super) async fn erase_unconfirmed(&self, connection: &str, email: &str) -> String {
        self.vendor.answer("/look", 503);
        let place = self.erase(connection, email).await;
        self.once(&place, |report| report["step"] == "confirm" && report["state"] == "waiting").await;
        place
    }

    /// Lets the vendor answer confirmations. Returns the request once it is done, and the paths asked for since.
    async fn confirmed(&self, place: &str) -> (Value, Vec<String>) {
        self.vendor.take();
        self.vendor.answer("/look", 200);
        let done = self.done(place).await;
        let mut asked = self.vendor.take();
        // An attempt may have been under way.
        asked.dedup();
        (done, asked)
    }

    async fn serving(&self) -> String {
        let plugin = self.bench.get(&self.key, "/api/v1/plugins/refers").await;
        plugin.json["digest"].as_str().unwrap().to_owned()
    }
}

fn digests(report: &Value) -> Vec<String> {
    let attempts = report["attempts"].as_array().unwrap();
    attempts.iter().map(|attempt| attempt["plugin_digest"].as_str().unwrap().to_owned()).collect()
}

fn last_digest(report: &Value) -> String {
    digests(report).pop().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_is_confirmed_by_the_version_that_gave_its_reference_after_another_was_published() {
    let refers = Refers::start().await;
    let one = refers.serving().await;
    let place = refers.erase_unconfirmed("jobs", "ada@example.com").await;
    let two = refers.publish("two").await;
    let (done, asked) = refers.confirmed(&place).await;
    assert_eq!((asked, last_digest(&done)), (vec!["/look/one/one-17".to_owned()], one.clone()));
    // The next one is carried out by the version that serves.
    let next = refers.erase("jobs", "bob@example.com").await;
    let done = refers.done(&next).await;
    assert_eq!(refers.vendor.take(), ["/act/two", "/look/two/two-17"]);
    assert_eq!(digests(&done), [two.clone(), two.clone()]);
    let audit = refers.bench.audit("acme").await;
    let mut recorded: Vec<_> =
        audit.iter().filter(|line| line["what"] == "request-attempted").map(|line| &line["digest"]).collect();
    recorded.dedup();
    assert_eq!(recorded, [&json!(one), &json!(two)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_roll_back_the_serving_version_confirms_without_a_reference_that_it_does_not_understand() {
    for (foreign, asked) in
        [("rejected", "/look/one/none"), ("traps", "/look/one/none"), ("understood", "/look/one/two-17")]
    {
        let refers = Refers::start().await;
        let one = refers.serving().await;
        refers.publish("two").await;
        let place = refers.erase_unconfirmed("jobs", "ada@example.com").await;
        refers.foreign(foreign).await;
        refers.roll_back().await;
        let (done, all) = refers.confirmed(&place).await;
        assert_eq!((all, last_digest(&done)), (vec![asked.to_owned()], one), "{foreign}");
        assert_eq!(done["outcome"]["receipt"]["status"], "erased");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_credential_a_limit_or_an_outage_is_not_asked_again_without_the_reference() {
    for foreign in ["unauthorized", "rate-limited", "unavailable"] {
        let refers = Refers::start().await;
        refers.publish("two").await;
        let place = refers.erase_unconfirmed("jobs", "ada@example.com").await;
        refers.foreign(foreign).await;
        refers.roll_back().await;
        let one = refers.serving().await;
        refers.vendor.answer("/look", 200);
        let by_one = |report: &Value| {
            let attempts = report["attempts"].as_array().unwrap();
            attempts.iter().any(|of| of["plugin_digest"] == one && !of["ended_at"].is_null())
        };
        let waits = refers.once(&place, by_one).await;
        // It waits for the next attempt, or that has begun.
        assert_eq!((&waits["finished_at"], &waits["step"]), (&Value::Null, &json!("confirm")), "{foreign}");
        let asked = refers.vendor.take();
        assert!(!asked.iter().any(|path| path.starts_with("/look/one")), "{foreign}: {asked:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_serving_version_confirms_if_the_one_that_gave_the_reference_is_not_kept_or_was_changed() {
    for gone in [
        "DELETE FROM components WHERE digest = (SELECT digest FROM versions WHERE plugin = 'refers' AND state = 'retired')",
        "UPDATE versions SET approved = '[1]' WHERE plugin = 'refers' AND state = 'retired'",
    ] {
        let refers = Refers::start().await;
        let place = refers.erase_unconfirmed("jobs", "ada@example.com").await;
        let two = refers.publish("two").await;
        refers.bench.sql(gone).await;
        let (done, asked) = refers.confirmed(&place).await;
        assert_eq!((asked, last_digest(&done)), (vec!["/look/two/none".to_owned()], two), "{gone}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_cannot_confirm_does_not_hold_back_the_erasures_of_another() {
    let refers = Refers::start().await;
    let first = refers.erase_unconfirmed("jobs", "ada@example.com").await;
    refers.publish("two").await;
    let second = refers.erase_unconfirmed("jobs", "bob@example.com").await;
    refers.vendor.answer("/look/one", 400);
    refers.vendor.answer("/look", 200);
    let done = refers.done(&second).await;
    assert_eq!(done["outcome"]["receipt"]["status"], "erased");
    // It waits for its writer, or that has given way to the version that serves.
    let other = refers.bench.get(&refers.key, &first).await.json;
    assert!(["waiting", "running", "done"].map(Value::from).contains(&other["state"]), "{other}");
    refers.vendor.answer("/look/one", 200);
    refers.done(&first).await;
}
