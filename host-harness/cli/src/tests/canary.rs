//! Sends marked secrets and marked people through the whole service, and then searches for them in everything that
//! leaves the process or reaches the disk. Two answers contain them on purpose: that of a new token, and the feed.

mod err;
mod seen;

use test_support::eventually;

use axum::{Router, body::Bytes, http::StatusCode, routing::post};
use iterable_stand_in::{AuthType, FIRST_WEBHOOK, Fault};
use serde_json::{Value, json};

use self::seen::{Marks, Seen};
use host_api::testing::{Answer, ApiBench};

/// Part of every name of every marked person, and of nothing else.
const PERSON: &str = "zyxcanary";
const PHONE: &str = "4915550198273";
/// Part of the keys and tokens that a test may choose, and of nothing else.
const SECRET: &str = "qwvsecret4711";
/// The key as the configuration contains it, and its decoded bytes.
const SIGNING: &str = "whsec_cXd2c2VjcmV0NDcxMS1xd3ZzZWNyZXQ0NzEx";
const SIGNING_BYTES: &str = "qwvsecret4711-qwvsecret4711";
/// The master key of the test bench.
const MASTER: &str = "abababababababab";

fn email(name: &str) -> String {
    format!("{name}+{PERSON}@example.com")
}

fn person(name: &str) -> Value {
    json!({"email": email(name), "external_id": format!("{PERSON}-{name}"), "phone_number": format!("+{PHONE}")})
}

/// A platform that accepts nothing, and returns what it was sent.
async fn platform() -> String {
    let app = Router::new().fallback(post(async |body: Bytes| (StatusCode::INTERNAL_SERVER_ERROR, body)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

/// A service whose output is recorded.
struct Canary {
    bench: ApiBench,
    key: String,
    seen: Seen,
}

impl Canary {
    async fn new() -> Self {
        let seen = Seen::begin();
        let platform = platform().await;
        let secrets = tempfile::tempdir().unwrap();
        let signing = secrets.path().join("signing");
        std::fs::write(&signing, SIGNING).unwrap();
        let gossips = xtask::components::current("guests/gossips").unwrap();
        let bench = ApiBench::with(&format!(
            "plugins.gossips.file = '{}'\nservice.alarm-url = '{platform}'\n[tenants.acme.forward]\nurl = '{platform}'\nsecret = {{ file = '{}' }}\n",
            gossips.display(),
            signing.display(),
        ))
        .await;
        let key = bench.operator().await;
        Self { bench, key, seen }
    }

    /// Sends a request, and records the answer for the search.
    async fn ask(&mut self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let answer = self.bench.send(&self.key, method, path, body).await;
        self.seen.text(&format!("{method} {path}"), &format!("{}\n{}", answer.headers, answer.text));
        answer
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, None).await
    }

    /// Sends a request with a body that is not JSON, or with other headers.
    async fn raw(&mut self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let headers = format!("authorization: Bearer {}\r\n{headers}", self.key);
        let answer = self.bench.raw(method, path, &headers, body.as_bytes()).await;
        self.seen.text(&format!("{method} {path} {body}"), &format!("{}\n{}", answer.headers, answer.text));
        answer
    }

    /// Creates a connection to the gossiping guest, whose calls end in `end`.
    async fn gossip(&mut self, end: &str, about: &str) -> String {
        let key = format!("gossip-{end}-{about}");
        let made = json!({
            "key": key, "tenant": "acme", "plugin": "gossips", "settings": {"end": end},
            "secrets": {"api-key": format!("{SECRET}-{end}")},
        });
        assert_eq!(self.ask("POST", "/api/v1/connection", Some(made)).await.status, 201);
        key
    }

    /// Submits a request, and waits until it has been attempted or has ended.
    async fn request(&mut self, connection: &str, action: &str, who: Value) -> Value {
        let path = format!("/api/v1/connection/{connection}/requests");
        let taken = self.ask("POST", &path, Some(json!({"action": action, "identity": who}))).await;
        self.attempted(&taken).await
    }

    async fn consent(&mut self, connection: &str, who: Value) -> Value {
        let items = json!([{"item": {"kind": "channel", "id": "27447"}, "choice": "opt_out", "chosen_at_ms": 1, "source": "Form"}]);
        let path = format!("/api/v1/connection/{connection}/consent");
        let taken =
            self.ask("POST", &path, Some(json!({"identity": who, "preferences": {"items": items}}))).await;
        self.attempted(&taken).await
    }

    async fn attempted(&mut self, taken: &Answer) -> Value {
        assert_eq!(taken.status, 202, "{taken:?}");
        let path = format!("/api/v1/requests/{}", taken.json["id"].as_str().unwrap());
        let attempted = |shown: &Answer| {
            let attempts = shown.json["attempts"].as_array();
            attempts.is_some_and(|all| all.iter().any(|one| !one["ended_at"].is_null()))
        };
        let shown = async || self.bench.get(&self.key, &path).await;
        let shown = eventually("an attempt has ended", shown, attempted).await;
        self.seen.text(&path, &shown.text);
        shown.json
    }

    /// Delivers `body` with `token` to `connection`. Returns the status.
    async fn deliver(&mut self, connection: &str, token: &str, body: &str) -> u16 {
        let path = format!("/api/v1/plus/connection/{connection}/consent-webhook");
        let headers = format!("authorization: Bearer {token}\r\ncontent-type: application/json\r\n");
        let answer = self.bench.raw("POST", &path, &headers, body.as_bytes()).await;
        self.seen.text(&path, &format!("{}\n{}", answer.headers, answer.text));
        answer.status
    }

    /// Waits until `count` deliveries of `connection` are in `state`.
    async fn read(&mut self, connection: &str, state: &str, count: usize) {
        let path = format!("/api/v1/connection/{connection}/deliveries?state={state}");
        let complete =
            |listed: &Answer| listed.json["deliveries"].as_array().is_some_and(|all| all.len() >= count);
        let listed = async || self.bench.get(&self.key, &path).await;
        let listed = eventually("all deliveries are in this state", listed, complete).await;
        self.seen.text(&path, &listed.text);
    }
}

#[tokio::test]
async fn no_marked_secret_or_person_is_in_a_log_a_metric_an_error_or_the_database() {
    let mut canary = Canary::new().await;
    let api_key = canary.bench.stand_in.api_key().to_owned();
    let mut marks = Marks::default()
        .and("a person", PERSON)
        .and("a phone number", PHONE)
        .and("a secret", SECRET)
        .and("the signing key", SIGNING_BYTES)
        .and("the master key", MASTER)
        .and("the vendor's API key", &api_key)
        .and("the operator's API key", &canary.key.clone());
    marks = marks.bytes("the signing key", SIGNING_BYTES.as_bytes()).bytes("the master key", &[0xab; 32]);

    vendors_that_fail(&mut canary, &api_key).await;
    guests_that_gossip(&mut canary).await;
    for token in webhooks(&mut canary).await {
        marks = marks.and("a webhook token", &token);
    }
    err::callers_that_err(&mut canary).await;
    err::commands_that_fail(&mut canary).await;

    for path in [
        "/metrics",
        "/api/v1/alarms",
        "/api/v1/requests?limit=500",
        "/api/v1/connection",
        "/api/v1/plugins",
        "/api/v1/connection/news/deliveries",
        "/api/v1/connection/gossip-trap-delivery/deliveries",
        "/api/v1/plus/connection/news/consent-webhook/tokens",
        "/api/v1/connection/news/test",
        "/ready",
        "/openapi.json",
    ] {
        assert_eq!(canary.get(path).await.status, 200, "{path}");
    }
    let feed = canary.bench.get(&canary.key, "/api/v1/consent-events").await;
    assert!(feed.text.contains(PERSON), "the feed must contain people: {feed:?}");
    let alarms = canary.get("/api/v1/alarms").await;
    for kind in ["request-fails-unexpectedly", "connection-parked", "deliveries-unread"] {
        assert!(alarms.text.contains(kind), "{kind}: {alarms:?}");
    }

    let copy = canary.bench.file("copy.db");
    canary.bench.parts.store.back_up(&copy).await.unwrap();
    for name in ["host.db", "host.db-wal", "copy.db"] {
        let bytes = std::fs::read(canary.bench.file(name)).unwrap();
        assert!(bytes.len() > 4_096, "{name}");
        canary.seen.bytes(name, bytes);
    }
    canary.seen.log_holds(&["attempt ended", "delivery read", "post finished", "guest: "]);
    assert_eq!(canary.seen.leaks(&marks), Vec::<String>::new());
}

/// Iterable answers with what it was sent, and fails in every way that ends a request immediately.
async fn vendors_that_fail(canary: &mut Canary, api_key: &str) {
    let mut made = canary.bench.connection("acme", "news");
    made["settings"]["webhook-id"] = json!(FIRST_WEBHOOK.to_string());
    assert_eq!(canary.ask("POST", "/api/v1/connection", Some(made)).await.status, 201);
    let echo = json!({"code": "BadParams", "msg": format!("no such user {} for {api_key}", email("echo")),
        "params": {"email": email("echo")}});
    for (at, fault) in [
        Fault::Answer(400, echo.clone()),
        Fault::Answer(500, echo.clone()),
        Fault::Answer(429, echo.clone()),
        Fault::Answer(200, echo.clone()),
        Fault::BadBody,
        Fault::Reset,
        Fault::Hang,
        Fault::Garbage,
        Fault::Redirect(format!("http://127.0.0.1:1/{}", email("echo"))),
        Fault::Answer(401, echo),
    ]
    .into_iter()
    .enumerate()
    {
        let key = format!("faulty-{at}");
        let mut made = canary.bench.connection("acme", &key);
        made["limits"] = json!({"wall_ms": 2_000});
        assert_eq!(canary.ask("POST", "/api/v1/connection", Some(made)).await.status, 201);
        for endpoint in ["POST *", "GET *"] {
            canary.bench.stand_in.fault(fault.clone(), endpoint, 1);
        }
        let _shown = canary.request(&key, "erasure", json!({"email": email("echo")})).await;
        let _shown = canary.get(&format!("/api/v1/connection/{key}/test")).await;
    }
}

/// A guest that names people wherever it can.
async fn guests_that_gossip(canary: &mut Canary) {
    for end in ["well", "rejected", "unavailable", "trap"] {
        for action in ["erasure", "reading"] {
            let connection = canary.gossip(end, action).await;
            let _shown = canary.request(&connection, action, person(end)).await;
        }
        let connection = canary.gossip(end, "consent").await;
        let _shown = canary.consent(&connection, person(end)).await;
        let connection = canary.gossip(end, "delivery").await;
        let body = json!({"event": "gossip", "who": person(end)}).to_string();
        assert_eq!(canary.deliver(&connection, SECRET, &body).await, 200);
    }
    canary.read("gossip-well-delivery", "unreadable", 1).await;
}

/// Webhooks that are read, unreadable and refused; the tokens that were issued.
async fn webhooks(canary: &mut Canary) -> Vec<String> {
    let address = "/api/v1/plus/connection/news/consent-webhook/token";
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let issued = canary.bench.get(&canary.key, address).await;
        tokens.push(issued.json["access_token"].as_str().unwrap().to_owned());
    }
    let event = |name: &str, created: &str| {
        json!({"email": email("hook"), "userId": format!("{PERSON}-hook"), "eventName": name,
            "dataFields": {"createdAt": created, "channelIds": [27447], "email": email("hook"), "phone": PHONE}})
        .to_string()
    };
    let opted_out = event("emailUnSubscribe", "2026-03-20 23:34:15 +00:00");
    assert_eq!(canary.deliver("news", &tokens[0], &opted_out).await, 200);
    assert_eq!(canary.deliver("news", &tokens[0], &event("emailUnSubscribe", &email("when"))).await, 200);
    assert_eq!(canary.deliver("news", &tokens[0], &format!("{{\"email\":\"{}\"", email("hook"))).await, 200);
    assert_eq!(canary.deliver("news", &format!("{SECRET}-wrong"), &opted_out).await, 401);
    assert_eq!(canary.deliver(&format!("{PERSON}%40nowhere"), &tokens[0], &opted_out).await, 401);
    assert_eq!(canary.deliver(&format!("{PERSON}%FF"), &tokens[0], &opted_out).await, 401);
    assert_eq!(canary.deliver("news", &tokens[0], &format!("{PERSON}{}", "x".repeat(300_000))).await, 413);
    // An opt-out whose time cannot be read is accepted anyway.
    canary.read("news", "read", 2).await;
    canary.read("news", "unreadable", 1).await;
    tokens.push(rotated(canary, &format!("{address}/rotate"), &tokens[0]).await);
    tokens
}

/// A token that the host created and sent to the vendor, which echoes the request before it accepts the token.
async fn rotated(canary: &mut Canary, address: &str, first: &str) -> String {
    canary.bench.stand_in.with_project(|project| {
        project.webhook(FIRST_WEBHOOK).auth_type = AuthType::OAuth2;
        project.webhook(FIRST_WEBHOOK).set_token(first);
    });
    canary.bench.stand_in.fault(Fault::BadBody, "* /api/webhooks", 1);
    assert_eq!(canary.ask("POST", address, None).await.problem(), (502, "vendor"));
    let requests = canary.bench.stand_in.requests();
    let sent = requests.iter().rev().find(|request| request.path == "/api/webhooks").unwrap();
    let token = sent.body.as_ref().unwrap()["authToken"].as_str().unwrap().to_owned();
    let echo =
        json!({"code": "BadParams", "msg": format!("no token {token}"), "params": {"authToken": token}});
    canary.bench.stand_in.fault(Fault::Answer(400, echo), "* /api/webhooks", 1);
    assert_eq!(canary.ask("POST", address, None).await.problem(), (502, "vendor"));
    assert_eq!(canary.ask("POST", address, None).await.json, json!({"outcome": "installed"}));
    let newest = canary
        .bench
        .stand_in
        .with_project(|project| project.webhook(FIRST_WEBHOOK).newest_token().map(str::to_owned));
    assert_eq!(newest.as_deref(), Some(&*token), "the same token is sent until it is accepted");
    let resubscribed = json!({"email": email("hook"), "eventName": "emailSubscribe",
        "dataFields": {"createdAt": "2026-03-21 23:34:15 +00:00", "channelIds": [27447], "source": token}});
    assert_eq!(canary.deliver("news", &token, &resubscribed.to_string()).await, 200);
    canary.read("news", "read", 3).await;
    token
}
