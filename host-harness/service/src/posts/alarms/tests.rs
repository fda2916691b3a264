use crate::posts::Backlog;
use std::sync::Arc;
use test_support::eventually;

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::testing::bench::Bench;
use host_store::{
    alarms::{Alarm, StoredAlarm},
    testing::write,
};

/// An operator's endpoint for alarms. Replies with each of `answers` in turn, then with 204, and records what was
/// posted.
#[derive(Default)]
struct Operator {
    answers: Mutex<Vec<StatusCode>>,
    told: Mutex<Vec<(String, Value)>>,
}

async fn receive(State(operator): State<Arc<Operator>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    assert_eq!(headers["content-type"], "application/json");
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    operator.told.lock().push((id, serde_json::from_slice(&body).unwrap()));
    let mut answers = operator.answers.lock();
    if answers.is_empty() { StatusCode::NO_CONTENT } else { answers.remove(0) }
}

/// Creates a service that posts its alarms to an endpoint with these answers.
async fn bench(answers: &[StatusCode]) -> (Bench, Arc<Operator>, String) {
    let operator = Arc::new(Operator { answers: Mutex::new(answers.to_vec()), told: Mutex::default() });
    let app = Router::new().route("/alarms", post(receive)).with_state(Arc::clone(&operator));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/alarms", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let bench = Bench::new().await;
    (bench, operator, url)
}

async fn raise(bench: &Bench, about: &'static str) {
    let at = bench.parts.clock.date_ms();
    write(&bench.parts.store, move |tx| {
        Box::pin(async move {
            let alarm = Alarm {
                tenant: "acme",
                connection: Some("newsletter"),
                kind: "request-late",
                about,
                detail: "not completed after 7 days",
            };
            alarms::raise(tx, at, &alarm).await
        })
    })
    .await;
}

async fn open(bench: &Bench) -> Vec<StoredAlarm> {
    bench.parts.store.read(|connection| Box::pin(alarms::open(connection))).await.unwrap()
}

/// Returns each open alarm as it is posted.
async fn posts(bench: &Bench) -> Vec<(String, Value)> {
    let open = open(bench).await;
    let body = |alarm: &StoredAlarm| serde_json::to_value(PostedAlarm::from(alarm)).unwrap();
    open.iter().map(|alarm| (alarm.id.clone(), body(alarm))).collect()
}

#[tokio::test]
async fn an_alarm_is_posted_until_it_is_taken_and_then_never_again() {
    let (bench, operator, url) = bench(&[StatusCode::SERVICE_UNAVAILABLE]).await;
    assert_eq!(
        bench.posts().post_one(&url).await.unwrap(),
        Backlog::Empty,
        "without an alarm, nothing is posted"
    );
    raise(&bench, "r-1").await;
    let raised_at = bench.parts.clock.date_ms();
    assert_eq!(bench.posts().post_one(&url).await.unwrap(), Backlog::More);
    let [(id, alarm)] = posts(&bench).await.try_into().unwrap();
    let body = serde_json::json!({
        "id": id, "tenant": "acme", "connection": "newsletter", "kind": "request-late", "about": "r-1",
        "detail": "not completed after 7 days", "raised_at": raised_at, "cleared_at": null, "cleared_by": null,
    });
    assert_eq!(alarm, body);
    assert_eq!(*operator.told.lock(), [(id.clone(), body.clone())]);

    bench.pass(Duration::from_millis(4_999));
    assert_eq!(
        bench.posts().post_one(&url).await.unwrap(),
        Backlog::Empty,
        "there is a pause before the next attempt"
    );
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.posts().post_one(&url).await.unwrap(), Backlog::More);
    let twice = [(id.clone(), body.clone()), (id, body)];
    assert_eq!(*operator.told.lock(), twice, "the same alarm with the same id");

    raise(&bench, "r-1").await;
    bench.pass(Duration::from_hours(30 * 24));
    assert_eq!(bench.posts().post_one(&url).await.unwrap(), Backlog::Empty);
    assert_eq!(operator.told.lock().len(), 2);
}

#[tokio::test]
async fn an_alarm_that_is_cleared_before_it_is_taken_is_posted_no_more() {
    let (bench, operator, url) = bench(&[StatusCode::SERVICE_UNAVAILABLE]).await;
    raise(&bench, "r-1").await;
    assert_eq!(bench.posts().post_one(&url).await.unwrap(), Backlog::More);
    write(&bench.parts.store, |tx| {
        Box::pin(async move { alarms::is_over(tx, 17, "request-late", "r-1").await })
    })
    .await;
    bench.pass(Duration::from_hours(24));
    assert_eq!(bench.posts().post_one(&url).await.unwrap(), Backlog::Empty);
    assert_eq!(operator.told.lock().len(), 1);
}

#[tokio::test]
async fn each_alarm_is_posted_to_the_configured_address_while_the_service_runs() {
    let (bench, operator, url) = bench(&[StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE]).await;
    let stop = CancellationToken::new();
    let running: JoinHandle<()> = tokio::spawn(bench.posts().post_alarms(Some(url), stop.clone()));
    let told_of = async |count: usize| {
        let told = async || {
            bench.pass(POLL_INTERVAL);
            operator.told.lock().len()
        };
        eventually("the alarms are posted", told, |told| *told >= count).await;
    };
    raise(&bench, "r-1").await;
    told_of(1).await;
    raise(&bench, "r-2").await;
    told_of(3).await;
    stop.cancel();
    tokio::time::timeout(Duration::from_mins(1), running).await.unwrap().unwrap();
    let posts = posts(&bench).await;
    let told = operator.told.lock();
    assert_eq!(*told, [posts[0].clone(), posts[1].clone(), posts[1].clone()]);
}
