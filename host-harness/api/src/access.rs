//! What is logged of a request: how it went, who sent it and what it was about. No header, body or query: people and secrets
//! are in those. The address only if nothing is served at it, as far as it consists of plain names.

use std::{cell::RefCell, time::Instant};

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
};

use crate::edge::request_id;
use host_service::logged_path::logged_path;

/// What became known of a request while it was answered.
#[derive(Default)]
struct Noted {
    key: Option<String>,
    tenant: Option<String>,
    connection: Option<String>,
}

tokio::task_local! {
    static NOTED: RefCell<Noted>;
}

/// Logs a request once it is answered.
pub(super) async fn log(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let address = route.is_none().then(|| logged_path(request.uri().path()));
    let operation = route.unwrap_or_else(|| "none".to_owned());
    let method = request.method().clone();
    let begun = Instant::now();
    let answering = async {
        let response = next.run(request).await;
        (response, NOTED.with(RefCell::take))
    };
    let (response, noted) = NOTED.scope(RefCell::default(), answering).await;
    let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(
        tenant = noted.tenant,
        connection = noted.connection,
        operation,
        status = response.status().as_str(),
        %method,
        key = noted.key,
        address,
        request_id = request_id::current(),
        ms,
        "a request to the API was answered"
    );
    response
}

/// Notes what the request turned out to be about. Called with what is known to exist, never with what a caller wrote.
pub(crate) fn about(tenant: &str, connection: &str) {
    note(|noted| {
        noted.tenant = Some(tenant.to_owned());
        noted.connection = Some(connection.to_owned());
    });
}

/// Notes whose API key came with the request, by its name.
pub(super) fn by(key: &str) {
    note(|noted| noted.key = Some(key.to_owned()));
}

/// Outside of a request there is nothing to note.
fn note(what: impl FnOnce(&mut Noted)) {
    let _outside = NOTED.try_with(|noted| what(&mut noted.borrow_mut()));
}
