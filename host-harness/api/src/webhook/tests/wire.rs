//! Webhooks through a real listener, with logs and metrics.

use std::{net::SocketAddr, time::Duration};
use test_support::eventually;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use host_service::{
    testing::inbox::{InboxBench, OPT_OUT, bearer},
    webhooks::receive::MAX_DELIVERY_BODY,
};
use host_store::{deliveries::DeliveryState, gauges::Gauges};
use test_support::Logged;

const NEWSLETTER: &str = "/api/v1/plus/connection/newsletter/consent-webhook";
const UNIDENTIFIED: &str = "/api/v1/plus/connection/nobody/consent-webhook";

/// An inbox behind a listener of its own.
struct Door {
    inbox: InboxBench,
    address: SocketAddr,
    logged: Logged,
}

impl Door {
    async fn open() -> Self {
        let logged = Logged::begin();
        let inbox = InboxBench::new().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = crate::routes::webhooks(inbox.bench.parts.clone().into());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { inbox, address, logged }
    }

    /// The status of the answer to a raw request.
    async fn send(&self, request: &[u8]) -> u16 {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let _refused = stream.write_all(request).await;
        status(&mut stream).await
    }

    async fn post(&self, path: &str, authorization: &str, body: &str) -> u16 {
        self.send(request(path, authorization, &format!("content-length: {}", body.len()), body).as_bytes())
            .await
    }

    /// Waits for the log line of a delivery that was answered with `status`.
    async fn logged(&self, status: &str) -> serde_json::Value {
        self.logged.once(|line| line["status"] == status && line["operation"] == "delivery").await
    }

    fn counts(&self, line: &str) -> bool {
        let gauges = Gauges::default();
        let text = self.inbox.bench.parts.telemetry.rendered(&gauges, 0);
        text.lines().any(|counted| counted == format!("connector_host_deliveries_total{line}"))
    }
}

fn request(path: &str, authorization: &str, framing: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: door\r\nconnection: close\r\nauthorization: {authorization}\r\n{framing}\r\n\r\n{body}"
    )
}

async fn status(stream: &mut TcpStream) -> u16 {
    let mut answer = Vec::new();
    let _cut = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    answer.split(' ').nth(1).unwrap_or_else(|| panic!("{answer}")).parse().unwrap()
}

#[tokio::test]
async fn an_accepted_delivery_that_is_too_large_is_logged_counted_and_raises_an_alarm() {
    let door = Door::open().await;
    let token = door.inbox.token("newsletter").await;
    let body = "x".repeat(MAX_DELIVERY_BODY + 1);
    assert_eq!(door.post(NEWSLETTER, "Bearer wrong", &body).await, 413);
    assert_eq!(door.inbox.alarms().await, Vec::<String>::new(), "anyone can send this");
    assert_eq!(door.post(NEWSLETTER, &bearer(&token), &body).await, 413);
    let logged = door.logged("413").await;
    assert_eq!((&logged["tenant"], &logged["connection"]), (&"acme".into(), &"newsletter".into()));
    assert!(door.counts(r#"{tenant="acme",connection="newsletter",status="413"} 2"#));
    assert_eq!(door.inbox.alarms().await, ["delivery-too-large newsletter"]);
    assert_eq!(door.inbox.list().await, []);
}

#[tokio::test]
async fn an_accepted_delivery_that_is_too_large_raises_an_alarm_while_its_connection_is_not_carried() {
    let door = Door::open().await;
    let token = door.inbox.token("newsletter").await;
    door.inbox.bench.parts.served.host().remove_connection("newsletter");
    assert_eq!(door.post(NEWSLETTER, &bearer(&token), &"x".repeat(MAX_DELIVERY_BODY + 1)).await, 413);
    assert_eq!(door.inbox.alarms().await, ["delivery-too-large newsletter"]);
    assert!(door.counts(r#"{tenant="acme",connection="newsletter",status="413"} 1"#));
}

#[tokio::test]
async fn a_delivery_that_does_not_arrive_in_time_is_answered_408_logged_and_counted() {
    let door = Door::open().await;
    let token = door.inbox.token("newsletter").await;
    let mut stream = TcpStream::connect(door.address).await.unwrap();
    let begun = request(NEWSLETTER, &bearer(&token), "content-length: 100", "{");
    stream.write_all(begun.as_bytes()).await.unwrap();
    eventually("a delivery waits", async || door.inbox.bench.clock.is_slept_on(), |waits| *waits).await;
    door.inbox.bench.pass(Duration::from_secs(15));
    assert_eq!(status(&mut stream).await, 408);
    assert_eq!(door.logged("408").await["connection"], "newsletter");
    assert!(door.counts(r#"{tenant="acme",connection="newsletter",status="408"} 1"#));
}

#[tokio::test]
async fn a_broken_chunk_is_a_bad_request_and_not_one_that_is_too_large() {
    let door = Door::open().await;
    let token = door.inbox.token("newsletter").await;
    let broken = request(NEWSLETTER, &bearer(&token), "transfer-encoding: chunked", "ZZ\r\n{}\r\n");
    assert_eq!(door.send(broken.as_bytes()).await, 400);
    assert_eq!(door.logged("400").await["connection"], "newsletter");
    assert!(door.counts(r#"{tenant="acme",connection="newsletter",status="400"} 1"#));
    assert_eq!((door.inbox.alarms().await, door.inbox.list().await), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn a_connection_that_is_cut_is_recorded_as_a_bad_request() {
    let door = Door::open().await;
    let token = door.inbox.token("newsletter").await;
    let mut stream = TcpStream::connect(door.address).await.unwrap();
    let cut = request(NEWSLETTER, &bearer(&token), "content-length: 100", "{");
    stream.write_all(cut.as_bytes()).await.unwrap();
    drop(stream);
    assert_eq!(door.logged("400").await["connection"], "newsletter");
    assert!(door.counts(r#"{tenant="acme",connection="newsletter",status="400"} 1"#));
}

#[tokio::test]
async fn a_delivery_to_an_unknown_connection_is_logged_with_its_address_and_counted() {
    let door = Door::open().await;
    assert_eq!(door.post(UNIDENTIFIED, "Bearer wrong", OPT_OUT).await, 401);
    let logged = door.logged("401").await;
    assert_eq!((&logged["address"], &logged["connection"]), (&UNIDENTIFIED.into(), &serde_json::Value::Null));
    assert!(door.counts(r#"{status="401"} 1"#));
}

#[tokio::test]
async fn a_connection_that_is_not_carried_is_named_for_what_it_is_answered() {
    let door = Door::open().await;
    door.inbox.bench.parts.served.host().remove_connection("newsletter");
    assert_eq!(door.post(NEWSLETTER, "Bearer wrong", OPT_OUT).await, 401);
    assert_eq!(door.logged("401").await["connection"], "newsletter");
    assert!(door.counts(r#"{tenant="acme",connection="newsletter",status="401"} 1"#));
}

#[tokio::test]
async fn a_trailing_slash_reaches_the_webhook() {
    let door = Door::open().await;
    let token = door.inbox.token("newsletter").await;
    assert_eq!(door.post(&format!("{NEWSLETTER}/"), &bearer(&token), OPT_OUT).await, 200);
    assert_eq!(door.inbox.list().await.len(), 1);
}

#[tokio::test]
async fn whatever_stands_before_an_accepted_token_its_delivery_is_read() {
    let mut door = Door::open().await;
    let token = door.inbox.token("newsletter").await;
    for (at, before) in
        ["OAuth2 Bearer ", "Basic ", "Bearer\u{a0}", "Bearer\t", "Token token=1, ", ""].iter().enumerate()
    {
        let body = OPT_OUT.replace("23:34:15", &format!("23:34:1{at}"));
        assert_eq!(
            door.post(NEWSLETTER, &format!("{before}{}", token.expose()), &body).await,
            200,
            "{before}"
        );
    }
    door.inbox.read();
    assert_eq!(door.inbox.once_all_are(DeliveryState::Read).await.len(), 6);
}

#[tokio::test]
async fn who_only_looks_is_answered_and_a_body_is_a_delivery_by_whatever_method() {
    let door = Door::open().await;
    let token = door.inbox.token("newsletter").await;
    let looks = format!("GET {NEWSLETTER} HTTP/1.1\r\nhost: door\r\nconnection: close\r\n\r\n");
    assert_eq!(door.send(looks.as_bytes()).await, 200);
    assert_eq!(door.logged("200").await["connection"], "newsletter");
    assert_eq!(door.inbox.list().await, []);
    let sent = request(NEWSLETTER, &bearer(&token), &format!("content-length: {}", OPT_OUT.len()), OPT_OUT);
    assert_eq!(door.send(sent.replacen("POST", "GET", 1).as_bytes()).await, 200);
    assert_eq!(door.inbox.list().await.len(), 1);
}
