//! The axum handler of webhook deliveries.

mod body;

use axum::{
    Router,
    body::Body,
    extract::{Path, Request, State, rejection::PathRejection},
    response::{IntoResponse, Response},
    routing::any,
};
use http::{
    HeaderValue,
    header::{CONNECTION, HOST},
    request::Parts,
};

use crate::{
    edge::{caller_log, request_id},
    problem::{Problem, kinds},
    state::Api,
};
use host_model::contract::webhook::Delivery;
use host_service::webhooks::{
    receive::{MAX_DELIVERY_BODY, Webhooks},
    response::WebhookResponse,
    sender::DeliverySender,
};

/// The routes of the webhooks. Some vendors' forms append a slash to the URL.
pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/plus/connection/{key}/consent-webhook", any(with_any_key))
        .route("/api/v1/plus/connection/{key}/consent-webhook/", any(with_any_key))
}

/// [`webhook`], also for a path whose key cannot be read: no connection has it.
async fn with_any_key(
    webhooks: State<Webhooks>,
    connection: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    webhook(webhooks, connection.unwrap_or_else(|_| Path(String::new())), request).await
}

/// Handles any method on `/api/v1/plus/connection/{key}/consent-webhook`.
async fn webhook(
    State(webhooks): State<Webhooks>,
    Path(connection): Path<String>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = body::read(body, webhooks.clock(), webhooks.body_timeout()).await;
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
    let sender = DeliverySender { request_id: request_id::current(), source: caller_log::source() };
    written(webhooks.receive(&connection, head, body, &sender).await)
}

/// The full URL as the vendor knows it; behind a proxy, it begins with `public`.
fn address(public: Option<&str>, parts: &Parts) -> String {
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    if let Some(public) = public {
        return format!("{public}{path}");
    }
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    format!("http://{host}{path}")
}

fn written(answer: WebhookResponse) -> Response {
    // The rest of the body would be read as the next request.
    let is_unread =
        matches!(answer, WebhookResponse::Broken | WebhookResponse::TooSlow | WebhookResponse::TooLarge);
    let problem = match answer {
        WebhookResponse::Taken => return Response::new(Body::empty()),
        // The same answer if the connection does not exist or does not accept the credential.
        WebhookResponse::Refused => {
            Problem::of(kinds::DELIVERY_REFUSED, "no connection accepts it at this URL")
        }
        WebhookResponse::Broken => {
            Problem::of(kinds::BAD_BODY, "the body's framing is invalid, or the connection was closed")
        }
        WebhookResponse::TooSlow => Problem::of(kinds::TOO_SLOW, "the whole delivery did not arrive in time"),
        WebhookResponse::TooLarge => {
            Problem::of(kinds::TOO_LARGE, format!("the maximum for a delivery is {MAX_DELIVERY_BODY} bytes"))
        }
        WebhookResponse::TooMany(wait) => {
            Problem::of(kinds::TOO_MANY, "the connection accepts no more deliveries for now")
                .retry_after(wait)
        }
        WebhookResponse::Unavailable(wait) => {
            Problem::of(kinds::UNAVAILABLE, "the delivery cannot be stored now").retry_after(wait)
        }
    };
    let mut response = problem.into_response();
    if is_unread {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

#[cfg(test)]
mod tests;
