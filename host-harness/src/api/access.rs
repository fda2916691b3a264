//! What is logged of a request: how it went and what it was about. No header, body, query or address: people and secrets
//! are in those.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
};
use tracing::{Instrument as _, Span, field::Empty};

/// Logs a request once it is answered.
pub(super) async fn log(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let span = tracing::info_span!("request", %method, route, tenant = Empty, connection = Empty);
    async move {
        let begun = Instant::now();
        let response = next.run(request).await;
        let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(status = response.status().as_u16(), ms, "answered");
        response
    }
    .instrument(span)
    .await
}

/// Notes what the request turned out to be about. Called with what is known to exist, never with what a caller wrote.
pub(crate) fn about(tenant: &str, connection: &str) {
    let span = Span::current();
    span.record("tenant", tenant);
    span.record("connection", connection);
}
