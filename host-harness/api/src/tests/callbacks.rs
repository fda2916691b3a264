//! The ends of requests, posted to the addresses that their callers named.

use std::{
    collections::BTreeSet,
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, Mac as _};
use host_model::scope::Scopes;
use host_store::{api_keys, callbacks, grant::Grant};
use iterable_stand_in::Fault;
use parking_lot::Mutex;
use serde_json::{Value, json};
use sha2::Sha256;
use test_support::eventually;

use crate::testing::{Answer, ApiBench};

const CONSENT: &str = "/api/v1/connection/newsletter/consent";
const REQUESTS: &str = "/api/v1/connection/newsletter/requests";
const TOKEN: &str = "a-token-of-a-task-of-fides";

/// A receiver of callbacks on this machine.
#[derive(Clone)]
struct Receiver {
    address: SocketAddr,
    status: Arc<AtomicU16>,
    posts: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let receiver = Self { address, status: Arc::new(AtomicU16::new(200)), posts: Arc::default() };
        let routes = Router::new().route("/{*path}", post(take)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        receiver
    }

    fn url(&self) -> String {
        format!("http://{}/ends", self.address)
    }

    fn answers(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    async fn received(&self, count: usize) -> Vec<(HeaderMap, Value)> {
        eventually("posts arrive", async || self.posts.lock().clone(), |posts| posts.len() >= count).await
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    receiver.posts.lock().push((headers, serde_json::from_slice(&body).unwrap()));
    StatusCode::from_u16(receiver.status.load(Ordering::SeqCst)).unwrap()
}

struct Setup {
    bench: ApiBench,
    operator: String,
    /// A key that allows callbacks to the receiver.
    key: String,
    receiver: Receiver,
}

async fn setup() -> Setup {
    let receiver = Receiver::start().await;
    let host = receiver.address.to_string();
    allowing(host, receiver).await
}

/// With a key that allows callbacks to `host`.
async fn allowing(host: String, receiver: Receiver) -> Setup {
    let bench = ApiBench::new().await;
    let operator = bench.operator().await;
    bench.connect(&operator, "acme", "newsletter").await;
    let callback_hosts = BTreeSet::from([host]);
    let grant = Grant { callback_hosts, ..Grant::of(None, Scopes::All) };
    let key = bench.granted("platform", grant).await;
    Setup { bench, operator, key, receiver }
}

fn opt_out(callback: &Value) -> Value {
    let choice = json!({"item": "channel:6539", "choice": "opt_out", "source": "form"});
    json!({"identity": {"email": "ada@example.com"}, "preferences": {"items": [choice]}, "callback": callback})
}

async fn submit(setup: &Setup, path: &str, headers: &[&str], body: &Value) -> Answer {
    let authorization = format!("authorization: Bearer {}", setup.key);
    let all = [&[authorization.as_str(), "content-type: application/json"], headers].concat();
    let all = format!("{}\r\n", all.join("\r\n"));
    setup.bench.raw("POST", path, &all, body.to_string().as_bytes()).await
}

async fn callback_of(setup: &Setup, id: &Value) -> Value {
    let path = format!("/api/v1/requests/{}", id.as_str().unwrap());
    setup.bench.get(&setup.operator, &path).await.json["callback"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_request_is_posted_signed_once_and_repeated_until_it_is_taken() {
    let setup = setup().await;
    setup.receiver.answers(503);
    let sent = submit(&setup, CONSENT, &[], &opt_out(&json!({"url": setup.receiver.url()}))).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    let (headers, body) = setup.receiver.received(1).await.remove(0);
    let failing = async || callback_of(&setup, &sent.json["id"]).await;
    eventually("the failure is recorded", failing, |callback| callback["failures"] == 1).await;
    assert_eq!(body["type"], "request.ended");
    let data = &body["data"];
    assert_eq!(
        (&data["id"], &data["complete"], &data["state"]),
        (&sent.json["id"], &json!(true), &json!("done"))
    );
    assert_eq!((&data["connection"], &data["proven"]), (&json!("newsletter"), &Value::Null));
    assert!(!body.to_string().contains("ada"), "{body}");
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let key = setup.bench.write(|tx| Box::pin(async move { api_keys::list(tx).await })).await;
    let key = key.into_iter().find(|key| key.name == "platform").unwrap();
    let secret = setup.bench.parts.store.vault().callback_secret(&key.id).unwrap();
    let secret = BASE64_STANDARD.decode(secret.expose().strip_prefix("whsec_").unwrap()).unwrap();
    let signed = format!("{}.{}.{body}", header("webhook-id"), header("webhook-timestamp"));
    let mac = Hmac::<Sha256>::new_from_slice(&secret).unwrap().chain_update(signed).finalize().into_bytes();
    assert_eq!(header("webhook-signature"), format!("v1,{}", BASE64_STANDARD.encode(mac)));
    assert!(!headers.contains_key("authorization"));

    setup.receiver.answers(200);
    setup.bench.sql("UPDATE callbacks SET next_at = 0").await;
    let posts = setup.receiver.received(2).await;
    assert_eq!(posts[1].0["webhook-id"], headers["webhook-id"], "the same message");
    let taken = eventually("it is taken", failing, |callback| callback["ended_at"].is_number()).await;
    assert_eq!(taken["given_up"], Value::Null);
    let bench = setup.bench.restarted().await;
    assert_eq!(setup.receiver.posts.lock().len(), 2, "not again");
    drop(bench);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_failed_is_reported_and_reported_again_after_its_replay() {
    let setup = setup().await;
    let no = Fault::Answer(400, json!({"code": "BadParams", "msg": "no"}));
    setup.bench.stand_in.fault(no, "*", 1);
    let callback = json!({"url": setup.receiver.url(), "form": "standard"});
    let sent = submit(&setup, CONSENT, &[], &opt_out(&callback)).await;
    let failed = setup.receiver.received(1).await.remove(0).1;
    assert_eq!((&failed["data"]["complete"], &failed["data"]["state"]), (&json!(false), &json!("failed")));
    assert!(failed["data"]["reason"].is_string(), "{failed}");
    let taken = async || callback_of(&setup, &sent.json["id"]).await;
    eventually("it is taken", taken, |callback| callback["ended_at"].is_number()).await;
    let path = format!("/api/v1/requests/{}/replay", sent.json["id"].as_str().unwrap());
    assert_eq!(setup.bench.send(&setup.operator, "POST", &path, None).await.status, 202);
    let posts = setup.receiver.received(2).await;
    assert_eq!(posts[1].1["data"]["complete"], true);
    assert_ne!(posts[0].0["webhook-id"], posts[1].0["webhook-id"], "another end is another message");
}

#[tokio::test(flavor = "multi_thread")]
async fn fides_gets_its_own_call_with_its_token_and_only_if_the_request_was_carried_out() {
    let setup = setup().await;
    let url = format!("http://{}/api/v1/request-task/callback", setup.receiver.address);
    let callback = json!({"url": url, "form": "fides"});
    let token = format!("fides-reply-to-token: {TOKEN}");
    let erasure =
        json!({"action": "erasure", "identity": {"email": "ada@example.com"}, "callback": callback});
    let sent = submit(&setup, REQUESTS, &[&token], &erasure).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    let erased =
        json!({"receipt": {"status": "erased", "evidence": "", "reference": null, "confirm-after-ms": null}});
    let done: &str =
        format!("UPDATE requests SET state = 'done', finished_at = 1, outcome = '{erased}'").leak();
    eventually(
        "the vendor has accepted it",
        async || {
            setup.bench.get(&setup.operator, "/api/v1/requests").await.json["requests"][0]["step"].clone()
        },
        |step| step == "confirm",
    )
    .await;
    assert!(setup.receiver.posts.lock().is_empty(), "nothing is posted before the end");
    let sealed: Vec<Vec<u8>> = setup
        .bench
        .write(|tx| {
            Box::pin(async move {
                Ok(sqlx::query_scalar("SELECT sealed_token FROM callbacks").fetch_all(tx).await?)
            })
        })
        .await;
    assert!(!sealed[0].windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes()), "the token is sealed");
    setup.bench.sql("DELETE FROM open_requests").await;
    setup.bench.sql(done).await;
    let (headers, body) = setup.receiver.received(1).await.remove(0);
    assert_eq!(
        (headers["authorization"].to_str().unwrap(), body),
        (&*format!("Bearer {TOKEN}"), json!({"rows_masked": 1}))
    );

    let no = Fault::Answer(400, json!({"code": "BadParams", "msg": "no"}));
    setup.bench.stand_in.fault(no, "*", 1);
    let failing =
        json!({"action": "erasure", "identity": {"email": "bob@example.com"}, "callback": callback});
    let failing = submit(&setup, REQUESTS, &[&token], &failing).await;
    let given_up = eventually(
        "it is given up",
        async || callback_of(&setup, &failing.json["id"]).await,
        |callback| callback["given_up"].is_string(),
    )
    .await;
    assert!(given_up["given_up"].as_str().unwrap().contains("Fides has no call for that"), "{given_up}");
    assert_eq!(setup.receiver.posts.lock().len(), 1);

    let request = format!("/api/v1/requests/{}", failing.json["id"].as_str().unwrap());
    let replayed = setup.bench.send(&setup.operator, "POST", &format!("{request}/replay"), None).await;
    assert_eq!(replayed.status, 202);
    let step = async || setup.bench.get(&setup.operator, &request).await.json["step"].clone();
    eventually("the vendor has accepted it", step, |step| step == "confirm").await;
    setup.bench.sql("DELETE FROM open_requests").await;
    setup.bench.sql(done).await;
    let (headers, _) = setup.receiver.received(2).await.remove(1);
    assert_eq!(headers["authorization"].to_str().unwrap(), format!("Bearer {TOKEN}"), "after the replay");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_with_another_token_is_the_same_request_and_the_newest_token_counts() {
    let setup = setup().await;
    let callback = json!({"url": setup.receiver.url(), "form": "fides"});
    let erasure =
        json!({"action": "erasure", "identity": {"email": "ada@example.com"}, "callback": callback});
    let first =
        submit(&setup, REQUESTS, &["idempotency-key: k-1", "fides-reply-to-token: first"], &erasure).await;
    let second =
        submit(&setup, REQUESTS, &["idempotency-key: k-1", "fides-reply-to-token: second"], &erasure).await;
    assert_eq!((second.status, &second.json["id"]), (202, &first.json["id"]));
    let gone = json!({"receipt": {"status": "not-found", "evidence": "", "reference": null, "confirm-after-ms": null}});
    setup.bench.sql("DELETE FROM open_requests").await;
    let sql = format!("UPDATE requests SET state = 'done', finished_at = 1, outcome = '{gone}'");
    setup.bench.sql(sql.leak()).await;
    let (headers, body) = setup.receiver.received(1).await.remove(0);
    assert_eq!(
        (headers["authorization"].to_str().unwrap(), body),
        ("Bearer second", json!({"rows_masked": 0}))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_that_the_key_does_not_allow_is_refused_and_nothing_is_stored() {
    let setup = setup().await;
    let ok = setup.receiver.url();
    for (callback, headers, problem, why) in [
        (
            json!({"url": "https://evil.example/"}),
            &[][..],
            (403, "callback-not-allowed"),
            "--callback-host evil.example",
        ),
        (json!({"url": "http://127.0.0.1:1/"}), &[], (403, "callback-not-allowed"), "127.0.0.1:1"),
        (json!({"url": "not an address"}), &[], (400, "bad-body"), "expected an address such as"),
        (
            json!({"url": ok, "form": "fides"}),
            &[],
            (400, "bad-body"),
            "requires the header Fides-Reply-To-Token",
        ),
        (json!({"url": ok}), &["fides-reply-to-token: t"], (400, "bad-body"), "no other form has it"),
        (
            Value::Null,
            &["fides-reply-to-token: t"],
            (400, "bad-body"),
            "only with a callback whose form is fides",
        ),
        (json!({"url": ok, "form": "slack"}), &[], (400, "bad-body"), "callback.form"),
    ] {
        let refused = submit(&setup, CONSENT, headers, &opt_out(&callback)).await;
        assert_eq!(refused.problem(), problem, "{callback}");
        assert!(refused.detail().contains(why), "{callback}: {refused:?}");
    }
    let others = Setup { key: setup.operator.clone(), ..setup };
    let refused = submit(&others, CONSENT, &[], &opt_out(&json!({"url": ok}))).await;
    assert_eq!(refused.problem(), (403, "callback-not-allowed"), "a key without hosts");
    assert_eq!(others.bench.get(&others.operator, "/api/v1/requests").await.json["requests"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allowed_name_that_leads_to_this_machine_is_never_connected_to() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let host = format!("localhost:{}", listener.local_addr().unwrap().port());
    let url = format!("https://{host}/ends");
    let setup = allowing(host, Receiver::start().await).await;
    let sent = submit(&setup, CONSENT, &[], &opt_out(&json!({"url": url}))).await;
    assert_eq!(sent.status, 202, "the name is looked up when it is posted to: {sent:?}");
    let callback = async || callback_of(&setup, &sent.json["id"]).await;
    eventually("a post failed", callback, |callback| callback["failures"].as_i64() > Some(0)).await;
    setup.bench.sql("UPDATE callbacks SET next_at = 0, failing_since = 1").await;
    let given_up = eventually("it is given up", callback, |callback| callback["given_up"].is_string()).await;
    let why = given_up["given_up"].as_str().unwrap();
    assert!(why.ends_with(" is not allowed (loopback)"), "{why}");
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_posted_for_a_key_that_was_revoked_and_a_long_failure_raises_an_alarm() {
    let setup = setup().await;
    setup.receiver.answers(500);
    let sent = submit(&setup, CONSENT, &[], &opt_out(&json!({"url": setup.receiver.url()}))).await;
    let callback = async || callback_of(&setup, &sent.json["id"]).await;
    // The receiver has the post before the failure is stored.
    eventually("a post failed", callback, |callback| callback["failures"].as_i64() > Some(0)).await;
    setup.bench.sql("UPDATE callbacks SET next_at = 0, failing_since = 1, failures = 3").await;
    // Failing since 1970 is longer than 30 days.
    let given_up = eventually("it is given up", callback, |callback| callback["given_up"].is_string()).await;
    assert_eq!(given_up["given_up"], "the receiver has not taken it for 30 days: the receiver answered 500");
    let hours_ago = "UPDATE callbacks SET ended_at = NULL, given_up = NULL, next_at = 0, failing_since = \
                     (SELECT received_at - 7200000 FROM requests)";
    setup.bench.sql(hours_ago).await;
    let alarms = async || setup.bench.get(&setup.operator, "/api/v1/alarms").await.json["alarms"].clone();
    let alarms = eventually("the alarm is raised", alarms, |alarms| alarms[0].is_object()).await;
    assert_eq!((&alarms[0]["kind"], &alarms[0]["about"]), (&json!("callback-fails"), &sent.json["id"]));
    let vault = setup.bench.parts.store.vault().clone();
    setup
        .bench
        .write(move |tx| {
            Box::pin(async move { api_keys::revoke(tx, &vault, 18, "platform", "a test").await })
        })
        .await;
    let count = setup.receiver.posts.lock().len();
    setup.bench.sql("UPDATE callbacks SET next_at = 0").await;
    let given_up = eventually("it is given up", callback, |callback| callback["given_up"].is_string()).await;
    assert_eq!(given_up["given_up"], "the API key that sent the request was revoked");
    assert_eq!(setup.receiver.posts.lock().len(), count);
    assert_eq!(setup.bench.get(&setup.operator, "/api/v1/alarms").await.json["alarms"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_an_earlier_post_ends_no_later_callback() {
    let setup = setup().await;
    let sent = submit(&setup, CONSENT, &[], &opt_out(&json!({"url": setup.receiver.url()}))).await;
    let callback = async || callback_of(&setup, &sent.json["id"]).await;
    eventually("it is taken", callback, |callback| callback["ended_at"].is_number()).await;
    setup.bench.sql("UPDATE callbacks SET ended_at = NULL").await;
    setup.receiver.received(2).await;
    let (earlier, later) = setup
        .bench
        .write(|tx| {
            Box::pin(async move {
                sqlx::query("UPDATE callbacks SET ended_at = NULL, next_at = 0").execute(&mut *tx).await?;
                let mut due = callbacks::due(tx, 1, 10).await?;
                let earlier = due.remove(0).1?;
                callbacks::reopen(tx, &earlier.request).await?;
                callbacks::ended(tx, &earlier, 17, None).await?;
                callbacks::failed(tx, &earlier, 17, i64::MAX).await?;
                let later = callbacks::show(tx, &earlier.request).await?.unwrap();
                Ok((earlier.version, later))
            })
        })
        .await;
    assert_eq!((later.ended_at, later.failures), (None, 0), "version {earlier} has no say any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_callback_sent_again_is_not_posted_again_and_a_damaged_row_blocks_no_other() {
    let setup = setup().await;
    let body = opt_out(&json!({"url": setup.receiver.url()}));
    let shown = async |id: &Value| callback_of(&setup, id).await;
    let token = format!("fides-reply-to-token: {TOKEN}");
    let mut for_fides = opt_out(&json!({"url": setup.receiver.url(), "form": "fides"}));
    for_fides["identity"]["email"] = json!("carol@example.com");
    let to_fides = submit(&setup, CONSENT, &["idempotency-key: f-1", &token], &for_fides).await;
    eventually("it is taken", async || shown(&to_fides.json["id"]).await, |it| it["ended_at"].is_number())
        .await;
    let sent = submit(&setup, CONSENT, &["idempotency-key: k-1"], &body).await;
    eventually("it is taken", async || shown(&sent.json["id"]).await, |it| it["ended_at"].is_number()).await;
    submit(&setup, CONSENT, &["idempotency-key: f-1", &token], &for_fides).await;
    submit(&setup, CONSENT, &["idempotency-key: k-1"], &body).await;
    for id in [&to_fides.json["id"], &sent.json["id"]] {
        assert!(shown(id).await["ended_at"].is_number());
    }
    setup.receiver.posts.lock().retain(|(_, body)| body["type"] == "request.ended");
    setup.bench.sql("UPDATE callbacks SET ended_at = NULL, form = 'pigeon' WHERE form = 'standard'").await;
    let mut other = body.clone();
    other["identity"]["email"] = json!("bob@example.com");
    let second = submit(&setup, CONSENT, &["idempotency-key: k-2"], &other).await;
    eventually("it is taken", async || shown(&second.json["id"]).await, |it| it["ended_at"].is_number())
        .await;
    let ids: Vec<Value> =
        setup.receiver.posts.lock().iter().map(|(_, body)| body["data"]["id"].clone()).collect();
    assert_eq!(ids, [sent.json["id"].clone(), second.json["id"].clone()]);
}
