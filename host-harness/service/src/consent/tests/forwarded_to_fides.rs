//! Tests of storing the feed in Fides.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::{Path, Request, State as Given},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, patch, post},
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use test_support::eventually;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    posts::forward::Forwarding,
    settings::forward::{ForwardConfig, ForwardForm},
};

/// A Fides that answers as 2.78.2 does.
#[derive(Default)]
struct Fides {
    asks_for_codes: AtomicBool,
    /// The setting `disable_consent_identity_verification`.
    disables_codes: Mutex<Option<bool>>,
    refuses: AtomicBool,
    is_down: AtomicBool,
    begun: Mutex<Vec<Value>>,
    stored: Mutex<Vec<Value>>,
}

async fn config(Given(fides): Given<Arc<Fides>>) -> axum::Json<Value> {
    let asks = fides.asks_for_codes.load(Ordering::SeqCst);
    axum::Json(json!({
        "identity_verification_required": asks,
        "disable_consent_identity_verification": *fides.disables_codes.lock(),
        "valid_email_config_exists": false,
    }))
}

async fn begin(Given(fides): Given<Arc<Fides>>, axum::Json(body): axum::Json<Value>) -> Response {
    let is_no_address = body["identity"]["email"].as_str().is_some_and(|email| !email.contains('.'));
    if fides.refuses.load(Ordering::SeqCst) || is_no_address {
        return (StatusCode::UNPROCESSABLE_ENTITY, axum::Json(json!({"detail": []}))).into_response();
    }
    fides.begun.lock().push(body);
    axum::Json(json!({"consent_request_id": "con_1"})).into_response()
}

async fn store(
    Given(fides): Given<Arc<Fides>>,
    Path(id): Path<String>,
    axum::Json(body): axum::Json<Value>,
) -> Response {
    assert_eq!(id, "con_1");
    if *fides.disables_codes.lock() == Some(false) {
        let expired = json!({"detail": "Identification code expired."});
        return (StatusCode::BAD_REQUEST, axum::Json(expired)).into_response();
    }
    fides.stored.lock().push(body.clone());
    axum::Json(json!({"consent": body["consent"]})).into_response()
}

async fn unless_down(Given(fides): Given<Arc<Fides>>, request: Request, next: Next) -> Response {
    if fides.is_down.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    next.run(request).await
}

async fn fides() -> (Arc<Fides>, ForwardConfig) {
    let fides = Arc::new(Fides::default());
    let app = Router::new()
        .route("/api/v1/id-verification/config", get(config))
        .route("/api/v1/consent-request", post(begin))
        .route("/api/v1/consent-request/{id}/preferences", patch(store))
        .layer(middleware::from_fn_with_state(Arc::clone(&fides), unless_down))
        .with_state(Arc::clone(&fides));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (fides, ForwardConfig { url, form: ForwardForm::Fides })
}

/// Forwards until `condition` returns true, advancing the clock meanwhile.
async fn forward_until(bench: &Bench, to: &ForwardConfig, condition: impl Fn() -> bool) {
    let stop = CancellationToken::new();
    let forwarding = Forwarding {
        posts: bench.posts(),
        feed: bench.parts.feed.clone(),
        catalogue: bench.parts.catalogue.clone(),
    };
    let running = tokio::spawn(forwarding.run([("acme".to_owned(), to.clone())].into(), stop.clone()));
    let look = async || {
        bench.pass(Duration::from_secs(10));
        condition()
    };
    eventually("the events are forwarded", look, |is_so| *is_so).await;
    stop.cancel();
    tokio::time::timeout(Duration::from_mins(1), running).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_choice_at_the_vendor_is_stored_in_fides_under_the_data_uses_of_its_notice() {
    let bench = bench().await;
    let (fides, to) = fides().await;
    fides.is_down.store(true, Ordering::SeqCst);
    bench.hears(ADA, "e-1", bench.chosen(MAIL, Choice::OptOut)).await;
    let begun = bench.parts.clock.now();
    forward_until(&bench, &to, || bench.parts.clock.now() > begun + Duration::from_hours(8)).await;
    assert_eq!(bench.alarms().await, ["forward-fails"], "Fides is down");
    fides.is_down.store(false, Ordering::SeqCst);
    forward_until(&bench, &to, || !fides.stored.lock().is_empty()).await;
    let stored = json!({"identity": {"email": ADA}, "consent": [{"data_use": "marketing", "opt_in": false}]});
    assert_eq!(*fides.stored.lock(), [stored], "the event of the item alone is skipped");
    assert_eq!(*fides.begun.lock(), [json!({"identity": {"email": ADA}})]);
    bench.pass(Duration::from_secs(1));
    bench.hears(ADA, "e-2", bench.chosen(MAIL, Choice::OptIn)).await;
    bench.hears(ADA, "e-3", bench.chosen(PUSH, Choice::OptIn)).await;
    forward_until(&bench, &to, || fides.stored.lock().len() == 2).await;
    assert_eq!(fides.stored.lock()[1]["consent"][0]["opt_in"], true);
}

#[tokio::test]
async fn no_person_is_sent_a_code_by_a_fides_that_asks_for_one() {
    let bench = bench().await;
    let (fides, to) = fides().await;
    fides.asks_for_codes.store(true, Ordering::SeqCst);
    bench.hears(ADA, "e-1", bench.chosen(MAIL, Choice::OptOut)).await;
    let begun = bench.parts.clock.now();
    forward_until(&bench, &to, || bench.parts.clock.now() > begun + Duration::from_hours(8)).await;
    assert_eq!((fides.begun.lock().len(), fides.stored.lock().len()), (0, 0));
    let open = bench.parts.store.read(|c| Box::pin(alarms::open(c))).await.unwrap();
    assert!(open[0].detail.contains("DISABLE_CONSENT_IDENTITY_VERIFICATION=true"), "{open:?}");
    fides.asks_for_codes.store(false, Ordering::SeqCst);
    forward_until(&bench, &to, || fides.stored.lock().len() == 1).await;
}

#[tokio::test]
async fn events_wait_for_a_fides_that_verifies_people_for_consent_only() {
    let bench = bench().await;
    let (fides, to) = fides().await;
    *fides.disables_codes.lock() = Some(false);
    bench.hears(ADA, "e-1", bench.chosen(MAIL, Choice::OptOut)).await;
    let begun = bench.parts.clock.now();
    forward_until(&bench, &to, || bench.parts.clock.now() > begun + Duration::from_hours(8)).await;
    assert_eq!(bench.alarms().await, ["forward-fails"]);
    assert_eq!(fides.begun.lock().len(), 0, "no person is sent a code");
    *fides.disables_codes.lock() = Some(true);
    forward_until(&bench, &to, || fides.stored.lock().len() == 1).await;
}

#[tokio::test]
async fn a_choice_is_stored_under_the_first_identifier_that_fides_accepts() {
    let bench = bench().await;
    let (fides, to) = fides().await;
    let ada = Subject::email(ADA).and("user-id", "u-1").and("phone", "+15551234567");
    bench.hears_as(ada, "e-1", bench.chosen(MAIL, Choice::OptOut)).await;
    let bob = Subject::email("bob@localhost").and("user-id", "u-2");
    bench.hears_as(bob, "e-2", bench.chosen(MAIL, Choice::OptOut)).await;
    forward_until(&bench, &to, || fides.stored.lock().len() == 2).await;
    let identities: Vec<Value> =
        fides.stored.lock().iter().map(|stored| stored["identity"].clone()).collect();
    assert_eq!(identities, [json!({"email": ADA}), json!({"external_id": "u-2"})]);
}

#[tokio::test]
async fn an_event_that_fides_refuses_is_skipped_with_an_alarm_and_blocks_no_other() {
    let bench = bench().await;
    let (fides, to) = fides().await;
    fides.refuses.store(true, Ordering::SeqCst);
    bench.hears(ADA, "e-1", bench.chosen(MAIL, Choice::OptOut)).await;
    let begun = bench.parts.clock.now();
    forward_until(&bench, &to, || bench.parts.clock.now() > begun + Duration::from_mins(5)).await;
    assert_eq!(bench.alarms().await, ["forward-skips"]);
    fides.refuses.store(false, Ordering::SeqCst);
    bench.hears("bob@example.com", "e-2", bench.chosen(MAIL, Choice::OptOut)).await;
    forward_until(&bench, &to, || fides.stored.lock().len() == 1).await;
    assert_eq!(fides.begun.lock()[0]["identity"]["email"], "bob@example.com");
}

#[tokio::test]
async fn an_opt_in_for_a_data_use_that_another_notice_shares_is_not_stored_and_an_opt_out_is() {
    let bench = bench().await;
    let (fides, to) = fides().await;
    write(&bench.parts.store, |tx| {
        Box::pin(async move {
            let other = Notice {
                id: "n-2".into(),
                key: None,
                name: "Other".into(),
                data_uses: ["marketing".to_owned()].into(),
                enforcement: Enforcement::SystemWide,
            };
            notices::put(tx, "acme", &other).await
        })
    })
    .await;
    bench.hears(ADA, "e-1", bench.chosen(MAIL, Choice::OptOut)).await;
    forward_until(&bench, &to, || fides.stored.lock().len() == 1).await;
    bench.pass(Duration::from_secs(1));
    bench.hears(ADA, "e-2", bench.chosen(MAIL, Choice::OptIn)).await;
    bench.hears(ADA, "e-3", bench.chosen(PUSH, Choice::OptIn)).await;
    bench.hears("bob@example.com", "e-4", bench.chosen(MAIL, Choice::OptOut)).await;
    forward_until(&bench, &to, || fides.stored.lock().len() == 2).await;
    let opted_in = fides.stored.lock().iter().any(|stored| stored["consent"][0]["opt_in"] == true);
    assert!(!opted_in, "the person may be out of the other notice");
}
