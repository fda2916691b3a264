//! Secrets that a vendor exchanges for their successors, with several replicas.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::any,
};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::*;

/// A vendor that exchanges each refresh token for its successor, and accepts the latest access token only.
#[derive(Clone, Default)]
struct Exchanges {
    /// The exchanges as they were sent.
    sent: Arc<Mutex<Vec<String>>>,
    /// Rung with each exchange.
    came: Arc<Notify>,
    /// The number of the first exchange whose access token is accepted.
    accepted_from: Arc<AtomicUsize>,
}

impl Exchanges {
    /// Starts it. Returns its address.
    async fn start(&self) -> String {
        let exchange = async |State(vendor): State<Self>, body: String| {
            let number = {
                let mut sent = vendor.sent.lock();
                sent.push(body);
                sent.len()
            };
            vendor.came.notify_waiters();
            // Slow enough for another replica to exchange the same one meanwhile, if it does.
            let _none = timeout(OVERLAP, vendor.came.notified()).await;
            let (access, refresh) = (format!("access-{number}"), format!("refresh-{number}"));
            Json(json!({"access_token": access, "expires_in": 3_600, "refresh_token": refresh}))
        };
        let guarded = async |State(vendor): State<Self>, headers: HeaderMap| {
            let latest = vendor.sent.lock().len();
            let expected = format!("Bearer access-{latest}");
            let is_latest = headers.get("authorization").is_some_and(|used| *used == *expected);
            if is_latest && latest >= vendor.accepted_from.load(Relaxed) {
                StatusCode::OK
            } else {
                StatusCode::UNAUTHORIZED
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let router = Router::new().route("/token", any(exchange)).route("/guarded", any(guarded));
        let router = router.with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    /// Refuses the access tokens that were issued.
    fn refuse_issued(&self) {
        self.accepted_from.store(self.sent.lock().len() + 1, Relaxed);
    }
}

/// How long an exchange takes, unless another one comes.
const OVERLAP: Duration = Duration::from_millis(700);

/// Two replicas with a connection to `vendor`, which exchanges its secret.
async fn exchanging(vendor: &Exchanges) -> Option<(ApiBench, ApiBench, String)> {
    let puppet = xtask::components::current("guests/puppet").unwrap();
    let first = ApiBench::with(&format!("plugins.puppet.file = '{}'", puppet.display())).await;
    if !first.is_on_server() {
        return None;
    }
    let (second, key) = (first.replica().await, first.operator().await);
    let host = vendor.start().await;
    let connection = json!({
        "key": "newsletter", "tenant": "acme", "plugin": "puppet",
        "settings": {"domain": host, "script": "[{\"send\": \"guarded\"}]"}, "secrets": {"api-key": "refresh-0"},
        "egress": {"hosts": [host], "loopback": true, "plain_http": true},
    });
    let made = first.send(&key, "POST", "/api/v1/connection", Some(connection)).await;
    assert_eq!(made.status, 201, "{made:?}");
    all_served(&first, &key).await;
    Some((first, second, key))
}

/// Has `replica` send a request with a secret that is exchanged.
async fn sends(replica: &ApiBench, key: &str) {
    let tested = replica.get(key, &format!("{CONNECTION}/test")).await;
    assert_eq!(tested.json["test_status"], "succeeded", "{tested:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_the_vendor_exchanged_with_one_replica_is_the_one_that_the_other_sends() {
    let vendor = Exchanges::default();
    let Some((first, second, key)) = exchanging(&vendor).await else { return };
    for replica in [&second, &first] {
        sends(replica, &key).await;
        all_served(&first, &key).await;
    }
    assert_eq!(*vendor.sent.lock(), ["refresh=refresh-0"], "what one got is used by the other");
    vendor.refuse_issued();
    for replica in [&first, &second] {
        sends(replica, &key).await;
    }
    assert_eq!(*vendor.sent.lock(), ["refresh=refresh-0", "refresh=refresh-1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_do_not_exchange_the_same_secret_at_the_same_moment() {
    let vendor = Exchanges::default();
    let Some((first, second, key)) = exchanging(&vendor).await else { return };
    for round in 0..3 {
        tokio::join!(sends(&first, &key), sends(&second, &key));
        let expected: Vec<_> = (0..=round).map(|number| format!("refresh=refresh-{number}")).collect();
        assert_eq!(*vendor.sent.lock(), expected);
        vendor.refuse_issued();
    }
}
