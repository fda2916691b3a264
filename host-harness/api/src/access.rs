//! The access log: the result of a request, who sent it and what it was about. Headers, bodies and queries are not
//! logged, since they contain people and secrets. The plain names of a path are logged only if there is nothing at the
//! path.
//! Tested in `src/tests/answers.rs`.

use std::{cell::RefCell, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};

use crate::{
    edge::{caller_log, request_id},
    signed_in::SignedIn,
};
use host_service::{logged_path::logged_path, telemetry::Telemetry};

/// What became known about a request while it was handled.
#[derive(Default)]
struct AccessNotes {
    key: Option<String>,
    tenant: Option<String>,
    connection: Option<String>,
}

tokio::task_local! {
    static NOTED: RefCell<AccessNotes>;
}

/// Logs a request once it has been answered, and counts it if it was refused. Lines about requests that were refused are
/// limited.
pub(super) async fn log(State(telemetry): State<Telemetry>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let address = route.is_none().then(|| logged_path(request.uri().path()));
    let operation = route.unwrap_or_else(|| "none".to_owned());
    let method = request.method().clone();
    // A screen makes several calls, and again every few seconds while it is looked at.
    let is_of_screen = request.extensions().get::<SignedIn>().is_some() && method.is_safe();
    let begun = Instant::now();
    let answering = async {
        let response = next.run(request).await;
        (response, NOTED.with(RefCell::take))
    };
    let (response, noted) = NOTED.scope(RefCell::default(), answering).await;
    let status = response.status();
    let is_refused = status.is_client_error() || status.is_server_error();
    if is_refused {
        telemetry.call_refused(status.as_str());
    }
    let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    if !is_refused && (noted.key.is_none() || is_of_screen) {
        // Health checks and the API's document too: anyone may call them, and those who watch the service do all the time.
        tracing::debug!(operation, status = status.as_str(), %method, request_id = request_id::current(), ms, "answered");
        return response;
    }
    if is_refused && !caller_log::permits(noted.key.as_deref()) {
        return response;
    }
    tracing::info!(
        tenant = noted.tenant,
        connection = noted.connection,
        operation,
        status = status.as_str(),
        %method,
        key = noted.key,
        address,
        request_id = request_id::current(),
        ms,
        "API request answered"
    );
    response
}

/// Records what the request is about. Called only with names that are known to exist, never with a caller's input.
pub(crate) fn about(tenant: &str, connection: &str) {
    note(|noted| {
        noted.tenant = Some(tenant.to_owned());
        noted.connection = Some(connection.to_owned());
    });
}

/// Records the name of the API key of the request.
pub(super) fn by(key: &str) {
    note(|noted| noted.key = Some(key.to_owned()));
}

/// Whether the current request has a valid API key, as far as is known.
pub(crate) fn has_key() -> bool {
    key().is_some()
}

/// Counts a line about the current request, as its API key's if it has a valid one. Returns whether the line may be
/// written.
pub(crate) fn permits_line() -> bool {
    caller_log::permits(key().as_deref())
}

fn key() -> Option<String> {
    NOTED.try_with(|noted| noted.borrow().key.clone()).ok().flatten()
}

/// Does nothing outside of a request.
fn note(what: impl FnOnce(&mut AccessNotes)) {
    let _outside = NOTED.try_with(|noted| what(&mut noted.borrow_mut()));
}
