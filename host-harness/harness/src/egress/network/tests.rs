//! Tests the network transport against local vendors that send exactly the bytes of a test.

mod server;

use std::{collections::VecDeque, time::Duration};

use http::{HeaderMap, Method};

use super::*;
use crate::connection::{ConnectionSpec, Deadlines, Target};
use host_model::contract::manifest::{Manifest, Operation, SettingSpec};
use server::Server;
use test_support::Authority;

/// Answers each lookup with the next of its lists, and then always with the last one.
struct Answers(Mutex<VecDeque<Vec<IpAddr>>>);

impl Lookup for Answers {
    fn addresses(&self, _: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let mut lists = self.0.lock();
        let list = if lists.len() > 1 { lists.pop_front().unwrap() } else { lists[0].clone() };
        Box::pin(std::future::ready(Ok(list)))
    }
}

fn resolving(lists: &[&[&str]]) -> Network {
    let parsed = lists.iter().map(|list| list.iter().map(|address| address.parse().unwrap()).collect());
    Network::with_lookup(Arc::new(Answers(Mutex::new(parsed.collect()))))
}

fn connection(tenant: &str, host: &str, policy: EgressPolicy) -> Connection {
    let manifest = Manifest {
        settings: vec![SettingSpec { name: "domain".into(), ..Default::default() }],
        operations: vec![Operation { host_setting: "domain".into(), ..Default::default() }],
        ..Default::default()
    };
    let spec = ConnectionSpec {
        settings: [("domain".to_owned(), host.to_owned())].into(),
        policy: EgressPolicy { hosts: [host.to_owned()].into(), ..policy },
        ..ConnectionSpec::new(tenant, "newsletter", "example")
    };
    spec.resolve(&manifest).unwrap()
}

fn plain() -> EgressPolicy {
    EgressPolicy { reach: Reach::Loopback, ..Default::default() }
}

fn trusting(authority: &Authority) -> EgressPolicy {
    EgressPolicy {
        reach: Reach::PublicAndLoopback,
        authorities: vec![authority.certificate()],
        ..Default::default()
    }
}

async fn get(network: &Network, connection: &Connection) -> Result<VendorResponse, HttpError> {
    let target: Target = connection.targets["domain"].clone();
    let outgoing = Outgoing {
        operation: "read".into(),
        method: Method::GET,
        target,
        path_and_query: "/people/ada%40example.com".into(),
        headers: HeaderMap::new(),
        body: None,
        response_cap: connection.policy.response_cap,
        acts: false,
    };
    network.send(connection, outgoing).await
}

/// Returns the kind of failure of a request to `server`, and whether it was sent.
async fn failure(policy: EgressPolicy, server: &Server) -> (HttpErrorKind, bool) {
    let connection = connection("acme", &server.host(), policy);
    let error = get(&Network::default(), &connection).await.unwrap_err();
    assert!(!error.message.contains("ada"), "personal data in {error}");
    (error.kind, error.request_sent)
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

#[tokio::test]
async fn an_answer_comes_back_whole() {
    let server = Server::answering(&[OK]).await;
    let answer = get(&Network::default(), &connection("acme", &server.host(), plain())).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"{}"[..]));
    let received = server.received();
    assert!(received[0].starts_with("GET /people/ada%40example.com HTTP/1.1\r\n"), "{received:?}");
    assert!(!received[0].to_lowercase().contains("accept-encoding"), "{received:?}");
}

#[tokio::test]
async fn tls_is_spoken_with_an_authority_that_the_operator_names_and_with_no_other() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let server = Server::tls(&ours, "localhost", &[OK]).await;
    let trusted = connection("acme", &server.named("localhost"), trusting(&ours));
    assert_eq!(get(&Network::default(), &trusted).await.unwrap().status, 200);

    // Both authorities of the test have the same name, so theirs is found but does not match.
    for (policy, why) in [
        (trusting(&theirs), "BadSignature"),
        (EgressPolicy { authorities: vec![], ..trusting(&ours) }, "UnknownIssuer"),
    ] {
        let connection = connection("acme", &server.named("localhost"), policy);
        let error = get(&Network::default(), &connection).await.unwrap_err();
        assert_eq!((error.kind, error.request_sent), (HttpErrorKind::Unreachable, false));
        assert_eq!(error.message, format!("operation read: no connection: invalid peer certificate: {why}"));
    }
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let authority = Authority::new();
    let server = Server::tls(&authority, "other.example", &[OK]).await;
    let connection = connection("acme", &server.named("localhost"), trusting(&authority));
    let error = get(&Network::default(), &connection).await.unwrap_err();
    assert!(error.message.contains("certificate not valid for name"), "{error}");
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn a_name_that_resolves_to_loopback_is_denied_and_the_denial_shows_the_mend() {
    let server = Server::answering(&[OK]).await;
    let connection = connection("acme", &server.named("vendor.example"), EgressPolicy::default());
    let error = get(&resolving(&[&["127.0.0.1"]]), &connection).await.unwrap_err();
    assert_eq!((error.kind, error.request_sent), (HttpErrorKind::Denied, false));
    assert_eq!(
        error.message,
        "operation read: the address 127.0.0.1 is not allowed (loopback); to allow this machine, add to the \
         configuration:\n[connections.newsletter.egress]\nloopback = true"
    );
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_client_for_public_addresses_refuses_a_name_that_leads_inside() {
    for (address, why) in [
        ("10.0.0.1", "private"),
        ("127.0.0.1", "loopback"),
        ("169.254.169.254", "link-local, used for cloud metadata"),
    ] {
        let lookup = Arc::new(Answers(Mutex::new([vec![address.parse().unwrap()]].into())));
        let client = vetted(&[], Vetting { lookup, reach: Reach::Public }).unwrap().build().unwrap();
        let error = client.post("https://platform.example/ends").send().await.unwrap_err();
        let refused = format!("the address {address} is not allowed ({why})");
        assert_eq!(refused_address(&error), Some(refused));
    }
}

#[tokio::test]
async fn the_connection_goes_to_the_address_that_was_vetted() {
    let server = Server::answering(&[OK]).await;
    let connection = connection("acme", &server.named("vendor.example"), plain());
    // Only the allowed addresses of a mixed answer are used.
    let mixed = resolving(&[&["169.254.169.254", "10.0.0.1", "127.0.0.1"]]);
    assert_eq!(get(&mixed, &connection).await.unwrap().status, 200);
    // A second lookup would return another address. There is none, and the first address was used.
    let rebinding = resolving(&[&["127.0.0.1"], &["10.0.0.1"]]);
    assert_eq!(get(&rebinding, &connection).await.unwrap().status, 200);
    let private = resolving(&[&["10.0.0.1"]]);
    assert_eq!(get(&private, &connection).await.unwrap_err().kind, HttpErrorKind::Denied);
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let server = Server::answering(&[
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
    ])
    .await;
    let answer = get(&Network::default(), &connection("acme", &server.host(), plain())).await.unwrap();
    assert_eq!((answer.status, server.connections()), (302, 1));
}

#[tokio::test]
async fn nothing_is_decompressed() {
    let bomb = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x08ab";
    let server = Server::answering(&[bomb]).await;
    let answer = get(&Network::default(), &connection("acme", &server.host(), plain())).await.unwrap();
    assert_eq!(answer.body, b"\x1f\x08ab");
}

#[tokio::test]
async fn an_answer_over_the_cap_is_refused_whether_it_says_so_or_not() {
    let announced = "HTTP/1.1 200 OK\r\ncontent-length: 101\r\n\r\n".to_owned() + &"x".repeat(101);
    let streamed = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n65\r\n".to_owned()
        + &"x".repeat(101)
        + "\r\n0\r\n\r\n";
    let endless = "HTTP/1.1 200 OK\r\n\r\n".to_owned() + &"x".repeat(10_000);
    for answer in [announced, streamed, endless] {
        let server = Server::answering(&[&answer]).await;
        let policy = EgressPolicy { response_cap: 100, ..plain() };
        assert_eq!(failure(policy, &server).await, (HttpErrorKind::TooLarge, true));
    }
}

fn deadlines(change: impl FnOnce(&mut Deadlines)) -> EgressPolicy {
    let an_hour = Duration::from_hours(1);
    let mut deadlines =
        Deadlines { connect: an_hour, first_byte: an_hour, between_bytes: an_hour, total: an_hour };
    change(&mut deadlines);
    EgressPolicy { deadlines, ..plain() }
}

const SOON: Duration = Duration::from_millis(150);

#[tokio::test]
async fn each_part_of_a_request_has_its_deadline() {
    let silent = Server::answering(&[""]).await;
    assert_eq!(failure(deadlines(|d| d.first_byte = SOON), &silent).await, (HttpErrorKind::TimedOut, true));
    assert_eq!(failure(deadlines(|d| d.total = SOON), &silent).await, (HttpErrorKind::TimedOut, true));

    let stalling = Server::answering(&["HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nx"]).await;
    assert_eq!(
        failure(deadlines(|d| d.between_bytes = SOON), &stalling).await,
        (HttpErrorKind::TimedOut, true)
    );
    assert_eq!(failure(deadlines(|d| d.total = SOON), &stalling).await, (HttpErrorKind::TimedOut, true));
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_no_connection() {
    // Accepts the connection and never answers the handshake.
    let silent = Server::answering(&[""]).await;
    let policy = EgressPolicy { reach: Reach::PublicAndLoopback, ..deadlines(|d| d.connect = SOON) };
    assert_eq!(failure(policy, &silent).await, (HttpErrorKind::TimedOut, false));
}

#[tokio::test]
async fn a_dripping_answer_ends_at_the_total_deadline() {
    let server = Server::dripping().await;
    assert_eq!(failure(deadlines(|d| d.total = SOON), &server).await, (HttpErrorKind::TimedOut, true));
}

#[tokio::test]
async fn a_refused_connection_sent_nothing_and_a_broken_one_may_have() {
    let server = Server::closing().await;
    assert_eq!(failure(plain(), &server).await, (HttpErrorKind::Unreachable, true));
    // There is no automatic retry.
    assert_eq!(server.received().len(), 1);
    let gone = Server::gone().await;
    assert_eq!(failure(plain(), &gone).await, (HttpErrorKind::Unreachable, false));
}

#[tokio::test]
async fn a_tenant_never_rides_another_tenants_connection() {
    let server = Server::answering(&[OK, OK, OK]).await;
    let network = Network::default();
    let (acme, globex) =
        (connection("acme", &server.host(), plain()), connection("globex", &server.host(), plain()));
    get(&network, &acme).await.unwrap();
    get(&network, &acme).await.unwrap();
    assert_eq!(server.connections(), 1, "a tenant's own connection is reused");
    get(&network, &globex).await.unwrap();
    assert_eq!(server.connections(), 2);
}
