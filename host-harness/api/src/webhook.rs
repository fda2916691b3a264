//! The address that vendors send to, as an axum handler.

mod body;

use std::time::Duration;

use axum::{
    Router,
    body::Body,
    extract::{Path, Request, State, rejection::PathRejection},
    response::Response,
    routing::any,
};
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, HOST, RETRY_AFTER, WWW_AUTHENTICATE},
    request::Parts,
};

use crate::state::Api;
use host_model::contract::webhook::Delivery;
use host_service::webhooks::{answer::Answer, receive::Webhooks};

/// Where vendors deliver. Some forms that an address is entered in add a slash to it.
pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/plus/connection/{key}/consent-webhook", any(with_any_key))
        .route("/api/v1/plus/connection/{key}/consent-webhook/", any(with_any_key))
}

/// [`webhook`], also for an address whose key cannot be read: no connection has it.
async fn with_any_key(
    webhooks: State<Webhooks>,
    connection: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    webhook(webhooks, connection.unwrap_or_else(|_| Path(String::new())), request).await
}

/// Any method on `/api/v1/plus/connection/{key}/consent-webhook`.
async fn webhook(
    State(webhooks): State<Webhooks>,
    Path(connection): Path<String>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = body::read(body, webhooks.clock()).await;
    let head = Delivery {
        url: address(webhooks.public_url(), &parts),
        method: parts.method.as_str().to_owned(),
        headers: parts
            .headers
            .iter()
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect(),
        body: Vec::new(),
        received_at_ms: u64::try_from(webhooks.clock().date_ms()).unwrap_or_default(),
    };
    written(webhooks.receive(&connection, head, body).await)
}

/// The whole address as the vendor knows it, which is behind a proxy at `public`.
fn address(public: Option<&str>, parts: &Parts) -> String {
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    if let Some(public) = public {
        return format!("{public}{path}");
    }
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    format!("http://{host}{path}")
}

fn written(answer: Answer) -> Response {
    match answer {
        Answer::Taken => Response::new(Body::empty()),
        Answer::Refused => {
            let mut response = problem(StatusCode::UNAUTHORIZED, "Unauthorized");
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            response
        }
        Answer::Broken => problem(StatusCode::BAD_REQUEST, "Bad Request"),
        Answer::TooSlow => problem(StatusCode::REQUEST_TIMEOUT, "Request Timeout"),
        Answer::TooLarge => problem(StatusCode::PAYLOAD_TOO_LARGE, "Payload Too Large"),
        Answer::TooMany(wait) => later(problem(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests"), wait),
        Answer::Unavailable(wait) => {
            later(problem(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"), wait)
        }
    }
}

/// With how long to wait, in whole seconds and at least one.
fn later(mut response: Response, wait: Duration) -> Response {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    response
}

/// As RFC 9457 has it.
fn problem(status: StatusCode, title: &str) -> Response {
    let body =
        format!(r#"{{"type":"about:blank","title":"{title}","status":{status}}}"#, status = status.as_u16());
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests;
