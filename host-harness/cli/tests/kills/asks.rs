//! The requests of the clients, and which of them were acknowledged.

use std::collections::BTreeMap;

use fastrand::Rng;
use iterable_stand_in::{Received, StandIn};
use serde_json::json;
use tokio::sync::watch;

use super::service;

/// The number of people who choose, in turns, so that each life has at most one choice for each.
const CHOOSERS: u64 = 30;
/// The channel that the choices are about.
pub(super) const CHANNEL: i64 = 6539;
/// The number of choices in a life: for each, the service calls the vendor at least once.
pub(super) const CHOICES: usize = 3;
const ERASURES: u64 = 2;
const DELIVERIES: u64 = 4;
/// The number of simultaneous clients.
const CLIENTS: usize = 4;

/// A request that is repeated until it is acknowledged, or given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) email: String,
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Erase,
    /// A choice about [`CHANNEL`], the n-th of all.
    Choose {
        opt_in: bool,
        n: u64,
    },
    /// A webhook's delivery.
    Tell,
}

impl Ask {
    pub(super) fn idempotency_key(&self) -> String {
        match self.what {
            What::Choose { n, .. } => format!("{} {n}", self.email),
            What::Erase | What::Tell => self.email.clone(),
        }
    }

    /// The path, a header and the body.
    fn written(&self) -> (&'static str, String, String) {
        let identity = json!({ "email": self.email });
        let header = format!("idempotency-key: {}", self.idempotency_key());
        match self.what {
            What::Erase => {
                let body = json!({ "action": "erasure", "identity": identity });
                ("/api/v1/connection/newsletter/requests", header, body.to_string())
            }
            What::Choose { opt_in, n } => {
                let choice = json!({ "item": { "kind": "channel", "id": CHANNEL.to_string() },
                    "choice": if opt_in { "opt_in" } else { "opt_out" },
                    "chosen_at_ms": 1_700_000_000_000 + n * 1_000, "source": "PrivacyCenter" });
                let body = json!({ "identity": identity, "preferences": { "items": [choice] } });
                ("/api/v1/connection/newsletter/consent", header, body.to_string())
            }
            What::Tell => {
                let body = json!({ "email": self.email, "eventName": "emailUnSubscribe", "dataFields": {
                    "unsubSource": "EmailLink", "createdAt": "2026-03-20 23:34:15 +00:00", "channelIds": [CHANNEL],
                    "email": self.email } });
                let path = "/api/v1/plus/connection/newsletter/consent-webhook";
                (path, String::new(), body.to_string())
            }
        }
    }
}

/// All requests.
#[derive(Debug, Default)]
pub(super) struct Asks {
    pub(super) acknowledged: Vec<Ask>,
    /// The ids of the acknowledged requests, by idempotency key.
    pub(super) ids: BTreeMap<String, String>,
    /// Requests that were neither acknowledged nor repeated: they may be stored or not.
    pub(super) given_up: Vec<Ask>,
    pending: Vec<Ask>,
    choices: u64,
    /// The vendor's requests about erasures, in order: whether it was asked to forget, and whom.
    pub(super) vendor: Vec<(bool, String)>,
}

impl Asks {
    /// The requests of that life, including repetitions of those that were not acknowledged. The vendor knows all
    /// people.
    pub(super) fn of_life(&mut self, life: u64, dice: &mut Rng, vendor: &StandIn) -> Vec<Ask> {
        let mut asks = std::mem::take(&mut self.pending);
        asks.retain(|ask| {
            let is_given_up = !matches!(ask.what, What::Choose { .. }) && dice.u8(..3) == 0;
            if is_given_up {
                self.given_up.push(ask.clone());
            }
            !is_given_up
        });
        for at in 0..ERASURES {
            asks.push(Ask { email: format!("erased-{life}-{at}@example.com"), what: What::Erase });
        }
        for _ in 0..CHOICES {
            let (n, opt_in) = (self.choices, dice.bool());
            let email = format!("chooser-{}@example.com", n % CHOOSERS);
            asks.push(Ask { email, what: What::Choose { opt_in, n } });
            self.choices += 1;
        }
        for at in 0..DELIVERIES {
            asks.push(Ask { email: format!("told-{life}-{at}@example.com"), what: What::Tell });
        }
        for ask in &asks {
            if vendor.person(ask.email.as_str()).is_none() && !vendor.is_forgotten(ask.email.as_str()) {
                vendor.seed(ask.email.as_str(), None);
            }
        }
        dice.shuffle(&mut asks);
        asks
    }

    pub(super) fn unanswered(&mut self, asks: Vec<Ask>) {
        self.pending.extend(asks);
    }

    pub(super) fn unanswered_yet(&mut self) -> Vec<Ask> {
        std::mem::take(&mut self.pending)
    }

    /// Records the acknowledged requests, each with its id, and the others.
    pub(super) fn sent(&mut self, (acknowledged, others): (Vec<(Ask, String)>, Vec<Ask>)) {
        for (ask, id) in acknowledged {
            if !id.is_empty() {
                let same = self.ids.entry(ask.idempotency_key()).or_insert_with(|| id.clone());
                assert_eq!(*same, id, "one key has two requests");
            }
            self.acknowledged.push(ask);
        }
        self.unanswered(others);
    }

    pub(super) fn remember(&mut self, requests: Vec<Received>) {
        for request in requests {
            if request.line() == "POST /api/users/forget" {
                let email = request.body.as_ref().and_then(|body| body["email"].as_str()).unwrap().to_owned();
                self.vendor.push((true, email));
            } else if let Some(email) = request.path.strip_prefix("/api/users/erased-") {
                self.vendor.push((false, format!("erased-{}", email.replace("%40", "@"))));
            }
        }
    }

    /// The emails of `asks` of that kind.
    pub(super) fn emails(asks: &[Ask], what: What) -> Vec<&str> {
        asks.iter().filter(|ask| ask.what == what).map(|ask| ask.email.as_str()).collect()
    }
}

/// Sends `asks` through several simultaneous clients. Returns those that were acknowledged, each of which is counted in
/// `acknowledge`, and the others.
pub(super) async fn send_all(
    address: String,
    key: String,
    asks: Vec<Ask>,
    acknowledge: watch::Sender<usize>,
) -> (Vec<(Ask, String)>, Vec<Ask>) {
    let mut shares = vec![Vec::new(); CLIENTS];
    for (at, ask) in asks.into_iter().enumerate() {
        shares[at % CLIENTS].push(ask);
    }
    let clients = shares.into_iter().map(|share| async {
        let (mut acknowledged, mut others) = (Vec::new(), Vec::new());
        for ask in share {
            if let Some(id) = acknowledged_as(&address, &key, &ask).await {
                acknowledged.push((ask, id));
                acknowledge.send_modify(|count| *count += 1);
            } else {
                others.push(ask);
            }
        }
        (acknowledged, others)
    });
    let (acknowledged, others): (Vec<_>, Vec<_>) =
        futures::future::join_all(clients).await.into_iter().unzip();
    (acknowledged.concat(), others.concat())
}

/// The request's id; empty for a delivery, or if the answer was cut off after its status.
async fn acknowledged_as(address: &str, key: &str, ask: &Ask) -> Option<String> {
    let (path, header, body) = ask.written();
    let is_delivery = ask.what == What::Tell;
    let authorization =
        if is_delivery { format!("OAuth2 {}", service::TOKEN) } else { format!("Bearer {key}") };
    let headers = format!("authorization: {authorization}\r\n{header}").trim().to_owned();
    let (status, said) = service::send(address, "POST", path, &headers, &body).await?;
    // A service that is stopping may be unable to.
    let wanted = if is_delivery { 200 } else { 202 };
    assert!(status == wanted || status == 503, "{ask:?}: {status} {said}");
    let id = serde_json::from_str::<serde_json::Value>(&said)
        .ok()
        .and_then(|said| Some(said["id"].as_str()?.to_owned()));
    (status == wanted).then(|| id.unwrap_or_default())
}
