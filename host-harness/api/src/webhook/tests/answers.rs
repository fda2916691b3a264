//! The answers to vendors.

use std::time::Duration;

use axum::{
    body::{Body, to_bytes},
    extract::{Path, State},
};
use host_service::{
    testing::inbox::{InboxBench, OPT_OUT, bearer},
    webhooks::{receive::MAX_DELIVERY_BODY, response::WebhookResponse},
};
use host_store::deliveries::DeliveryState;
use http::{Request, Response};

use crate::webhook::webhook;

/// The status, headers and body of the answer to a delivery.
async fn post(
    inbox: &InboxBench,
    connection: &str,
    authorization: &str,
    body: Vec<u8>,
) -> (u16, String, Vec<u8>) {
    let request = Request::post("/hook").header("authorization", authorization).body(Body::from(body));
    let state = State(inbox.webhooks.clone());
    let answer: Response<Body> = webhook(state, Path(connection.to_owned()), request.unwrap()).await;
    let (parts, body) = answer.into_parts();
    let body = to_bytes(body, 10_000).await.unwrap().to_vec();
    (parts.status.as_u16(), format!("{:?}", parts.headers), body)
}

#[tokio::test]
async fn a_wrong_token_and_an_unknown_connection_get_the_same_answer_to_the_byte_and_store_nothing() {
    let inbox = InboxBench::new().await;
    let (own, others) = (inbox.token("newsletter").await, inbox.token("other").await);
    let refused = post(&inbox, "nobody", &bearer(&own), OPT_OUT.into()).await;
    assert_eq!(refused.0, 401);
    assert!(String::from_utf8(refused.2.clone()).unwrap().contains(r#""status":401"#));
    let overlong = format!("Bearer {} {}", "x".repeat(2_048), own.expose());
    for header in ["Bearer wrong", "", "Bearer ", &bearer(&others), &overlong] {
        assert_eq!(post(&inbox, "newsletter", header, OPT_OUT.into()).await, refused, "{header}");
    }
    let twice = [bearer(&own), bearer(&own)];
    let twice = inbox.deliver("newsletter", &[&twice[0], &twice[1]], OPT_OUT).await;
    assert_eq!(twice, WebhookResponse::Refused, "exactly one credential");
    assert_eq!(inbox.list().await, []);
    assert_eq!(post(&inbox, "newsletter", &bearer(&own), OPT_OUT.into()).await.0, 200);
}

#[tokio::test]
async fn what_is_too_large_is_refused_and_who_only_looks_is_answered() {
    let inbox = InboxBench::new().await;
    let token = inbox.token("newsletter").await;
    assert_eq!(post(&inbox, "newsletter", &bearer(&token), vec![b' '; MAX_DELIVERY_BODY + 1]).await.0, 413);
    assert_eq!(post(&inbox, "nobody", "Bearer x", vec![b' '; MAX_DELIVERY_BODY + 1]).await.0, 413);
    assert_eq!(post(&inbox, "newsletter", &bearer(&token), vec![b' '; MAX_DELIVERY_BODY]).await.0, 200);
    let look = Request::head("/hook").body(Body::empty()).unwrap();
    let looked = webhook(State(inbox.webhooks.clone()), Path("nobody".to_owned()), look).await;
    assert_eq!(looked.status(), 200);
}

#[tokio::test]
async fn more_than_a_connection_may_bring_comes_again_later_and_a_wrong_token_uses_up_none_of_it() {
    let inbox = InboxBench::new().await;
    let (own, others) = (inbox.token("newsletter").await, inbox.token("other").await);
    inbox.use_up("newsletter");
    // Until there is room for another delivery.
    inbox.bench.pass(Duration::from_millis(1));
    for _ in 0..3 {
        assert_eq!(post(&inbox, "newsletter", "Bearer wrong", OPT_OUT.into()).await.0, 401);
    }
    assert_eq!(post(&inbox, "newsletter", &bearer(&own), OPT_OUT.into()).await.0, 200);
    let later = OPT_OUT.replace("23:34:15", "23:34:16");
    let (status, headers, _) = post(&inbox, "newsletter", &bearer(&own), later.clone().into()).await;
    assert_eq!(status, 429);
    assert!(headers.contains(r#""retry-after": "1""#), "{headers}");
    assert_eq!(inbox.list().await.len(), 1, "refused deliveries are not stored");
    assert_eq!(
        post(&inbox, "newsletter", "Bearer wrong", OPT_OUT.into()).await.0,
        401,
        "the answer does not reveal it"
    );
    assert_eq!(post(&inbox, "other", &bearer(&others), OPT_OUT.into()).await.0, 200);
    inbox.bench.pass(Duration::from_secs(1));
    assert_eq!(post(&inbox, "newsletter", &bearer(&own), later.into()).await.0, 200);
    assert_eq!(inbox.list().await.len(), 3);
}

#[tokio::test]
async fn without_a_store_the_vendor_is_asked_to_come_again() {
    let inbox = InboxBench::new().await;
    let token = inbox.token("newsletter").await;
    inbox.bench.parts.store.close().await;
    let (status, headers, _) = post(&inbox, "newsletter", &bearer(&token), OPT_OUT.into()).await;
    assert_eq!(status, 503);
    assert!(headers.contains(r#""retry-after": "10""#), "{headers}");
}

#[tokio::test]
async fn what_comes_while_the_host_does_not_carry_its_connection_is_kept_and_read_once_it_does() {
    let mut inbox = InboxBench::new().await;
    let token = inbox.token("newsletter").await;
    inbox.read();
    inbox.bench.parts.served.host().remove_connection("newsletter");
    let refused = post(&inbox, "nobody", "Bearer wrong", OPT_OUT.into()).await;
    assert_eq!(post(&inbox, "newsletter", "Bearer wrong", OPT_OUT.into()).await, refused);
    let body = OPT_OUT.replace("EmailLink", token.expose());
    assert_eq!(post(&inbox, "newsletter", &bearer(&token), body.into()).await.0, 200);
    let waiting = inbox.once(|list| list[0].readings > 8).await;
    assert_eq!((waiting[0].state, waiting[0].proven), (DeliveryState::Waiting, true));
    inbox.put(|_| {});
    inbox.once_all_are(DeliveryState::Read).await;
    let told = serde_json::to_value(&inbox.feed().await[0]).unwrap();
    assert_eq!(told["identity_map"], serde_json::json!({"email": "ada@example.com"}));
    assert!(!told.to_string().contains(token.expose()) && !inbox.holds(token.expose()));
}
