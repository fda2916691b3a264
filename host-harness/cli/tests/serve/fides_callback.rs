//! The running program and the callback variant of the template: the service tells Fides of the end of an erasure.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use test_support::eventually;

use super::fides::{Setup, by_email};

/// Fides' address for callbacks. It refuses one whose task does not await it yet.
#[derive(Clone, Default)]
struct Platform {
    awaits: Arc<AtomicBool>,
    /// The status of each answer, with the token and the body that it answered.
    answered: Arc<Mutex<Vec<(u16, String, Value)>>>,
}

impl Platform {
    /// Starts it. Returns its `host:port`.
    async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        // Only this path and method: anything else is answered 404 or 405, and not recorded.
        let routes = Router::new().route("/api/v1/request-task/callback", post(called_back));
        let routes = routes.with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        address
    }
}

async fn called_back(State(platform): State<Platform>, headers: HeaderMap, body: String) -> StatusCode {
    let status =
        if platform.awaits.load(Ordering::SeqCst) { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let token = headers["authorization"].to_str().unwrap().to_owned();
    platform.answered.lock().push((status.as_u16(), token, serde_json::from_str(&body).unwrap()));
    status
}

#[tokio::test(flavor = "multi_thread")]
async fn fides_is_called_back_for_a_proven_erasure_until_its_task_takes_it() {
    let platform = Platform::default();
    let setup = Setup::called_back(&platform.start().await).await;
    setup.seed("ada@example.com");
    setup.fides.erase(&by_email("pri_1", &[("email", "ada@example.com")])).await.unwrap();
    setup.vendor_is_asked(1).await;
    setup.pass(660).await;
    let call = |status| (status, "Bearer token-of-pri_1".to_owned(), json!({"rows_masked": 1}));
    let answered = async || platform.answered.lock().clone();
    eventually("it is called back", answered, |calls| *calls == [call(400)]).await;
    let failed = async || setup.count("SELECT count(*) FROM callbacks WHERE failures = 1").await;
    eventually("the refusal is stored", failed, |count| *count == 1).await;
    platform.awaits.store(true, Ordering::SeqCst);
    setup.sql("UPDATE callbacks SET next_at = 0").await;
    eventually("it is called back again", answered, |calls| *calls == [call(400), call(200)]).await;
    let taken = "SELECT count(*) FROM callbacks WHERE ended_at IS NOT NULL AND given_up IS NULL";
    let taken = async || setup.count(taken).await;
    eventually("it is taken", taken, |count| *count == 1).await;
}
