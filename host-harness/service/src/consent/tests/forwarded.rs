//! Tests of posting the feed to the platform.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU16, AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};
use test_support::eventually;

use axum::{
    Router,
    body::Bytes,
    extract::State as Given,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use parking_lot::Mutex;
use standardwebhooks::{Webhook, WebhookError};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    posts::{forward::Forwarding, post::SigningKey},
    settings::forward::{ForwardConfig, ForwardForm},
};
use host_model::secret::Secret;
use host_store::gauges::Gauges;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A platform that answers with a configurable status.
struct Platform {
    answer: AtomicU16,
    taken: Mutex<Vec<(String, FeedEvent)>>,
    refused: Mutex<usize>,
    /// The number of posts that the official library accepts as signed for this platform and current.
    verified: AtomicUsize,
}

async fn receive(Given(platform): Given<Arc<Platform>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    match Webhook::new(SECRET).unwrap().verify(&body, &headers) {
        Ok(()) => {
            platform.verified.fetch_add(1, Ordering::SeqCst);
        }
        // The library uses the machine's clock, and the service the test clock.
        Err(WebhookError::FutureTimestampError | WebhookError::TimestampTooOldError) => {}
        Err(error) => panic!("{error}"),
    }
    let answer = StatusCode::from_u16(platform.answer.load(Ordering::SeqCst)).unwrap();
    if answer.is_success() {
        let id = headers["webhook-id"].to_str().unwrap().to_owned();
        platform.taken.lock().push((id, serde_json::from_slice(&body).unwrap()));
    } else {
        *platform.refused.lock() += 1;
    }
    answer
}

async fn platform() -> (Arc<Platform>, ForwardConfig) {
    let platform = Arc::new(Platform {
        answer: AtomicU16::new(200),
        taken: Mutex::default(),
        refused: Mutex::default(),
        verified: AtomicUsize::default(),
    });
    let app = Router::new().route("/", post(receive)).with_state(Arc::clone(&platform));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let secret = Secret::new(SECRET).unwrap();
    (platform, ForwardConfig { url, form: ForwardForm::Standard(SigningKey::read(&secret).unwrap()) })
}

fn forwarding(bench: &Bench) -> Forwarding {
    let (feed, catalogue) = (bench.parts.feed.clone(), bench.parts.catalogue.clone());
    Forwarding { posts: bench.posts(), feed, catalogue }
}

/// Waits until `condition` returns true, advancing the clock meanwhile.
async fn until(bench: &Bench, condition: impl Fn() -> bool) {
    let look = async || {
        bench.pass(Duration::from_secs(10));
        condition()
    };
    eventually("the posts are answered", look, |is_so| *is_so).await;
}

#[tokio::test]
async fn the_official_library_verifies_what_is_posted() {
    let bench = bench().await;
    bench.pass(SystemTime::now().duration_since(bench.parts.clock.date()).unwrap());
    let (platform, to) = platform().await;
    bench.hears(ADA, "e-1", bench.chosen(MAIL, Choice::OptOut)).await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(forwarding(&bench).run([("acme".to_owned(), to)].into(), stop.clone()));
    eventually("both are posted", async || platform.taken.lock().len(), |taken| *taken == 2).await;
    stop.cancel();
    tokio::time::timeout(Duration::from_mins(1), running).await.unwrap().unwrap();
    assert_eq!(platform.verified.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn events_are_posted_in_order_until_they_are_accepted_and_continue_after_a_restart() {
    let mut bench = bench().await;
    let (platform, to) = platform().await;
    platform.answer.store(503, Ordering::SeqCst);
    bench.hears(ADA, "e-1", bench.chosen(MAIL, Choice::OptOut)).await;
    let stop = CancellationToken::new();
    let running =
        tokio::spawn(forwarding(&bench).run([("acme".to_owned(), to.clone())].into(), stop.clone()));
    until(&bench, || *platform.refused.lock() >= 12).await;
    assert_eq!(bench.alarms().await, ["forward-fails"], "an hour has passed");
    platform.answer.store(200, Ordering::SeqCst);
    until(&bench, || platform.taken.lock().len() == 2).await;
    stop.cancel();
    tokio::time::timeout(Duration::from_mins(1), running).await.unwrap().unwrap();
    assert_eq!(bench.alarms().await, Vec::<String>::new());
    let metrics = bench.parts.telemetry.rendered(&Gauges::default(), 0);
    let taken = "connector_host_posts_total{tenant=\"acme\",operation=\"consent-event\",status=\"taken\"} 2";
    assert!(metrics.lines().any(|line| line == taken), "{metrics}");

    bench.crash(&[("acme", "newsletter")]).await;
    bench.hears(ADA, "e-2", bench.chosen(PUSH, Choice::OptOut)).await;
    let stop = CancellationToken::new();
    let running =
        tokio::spawn(forwarding(&bench).run([("acme".to_owned(), to.clone())].into(), stop.clone()));
    until(&bench, || platform.taken.lock().len() >= 3).await;
    stop.cancel();
    tokio::time::timeout(Duration::from_mins(1), running).await.unwrap().unwrap();
    let feed: Vec<_> = bench.feed().await.into_iter().map(|event| (event.id.clone(), event)).collect();
    assert_eq!(*platform.taken.lock(), feed, "each once, in order");
}
