//! What the operator's page needs of the API: calls in this process in the name of a user who is signed in, and the
//! layers around its own routes. The page has no other way to the service, so that it can do exactly what its user's API
//! key can do.
//! Tested in the crate `host-page`.

use std::{fmt::Display, net::IpAddr};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Request, State},
    http::{self, Method, StatusCode, header, request},
    middleware::{self, Next},
    response::Response,
};
use host_service::{api_keys::ApiKeys, parts::Parts, telemetry::Telemetry};
use host_store::{ApiKey, StoreError};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::{
    caller,
    edge::{body_timeout, caller_log, panics, request_id},
    problem::{self, kinds},
    routes::router,
    signed_in::SignedIn,
    state::Api,
    types::{plugin_operations::PluginOperation, problem::Problem},
};

pub use crate::{edge::caller_log::ClientAddress, sent_version::MAX_COMPONENT};

/// Maximum size of a form. The longest contains a mapping of notices, which has a few hundred lines.
const MAX_FORM: usize = 1 << 20;

/// Calls the API in this process. Clones share it.
#[derive(Clone)]
pub struct ApiClient {
    routes: Router,
    keys: ApiKeys,
    telemetry: Telemetry,
}

/// A user of the page.
#[derive(Clone, Debug)]
pub struct PageUser {
    /// The API key that signed in.
    pub key: ApiKey,
    /// The address of the browser, for the log.
    pub address: Option<IpAddr>,
}

impl ApiClient {
    /// Creates a client of the API that `parts` serve.
    pub fn of(parts: &Parts) -> Self {
        Self {
            routes: router(Api::from(parts.clone())),
            keys: parts.api_keys.clone(),
            telemetry: parts.telemetry.clone(),
        }
    }

    /// Returns the API key in use with this text; `None` if there is none.
    pub async fn holder(&self, presented: &[u8]) -> Result<Option<ApiKey>, StoreError> {
        caller::holder(&self.keys, presented.to_vec()).await
    }

    /// Logs and counts a sign-in with a key that is unknown or revoked.
    pub fn note_refused_sign_in(&self, address: Option<IpAddr>) {
        self.telemetry.call_refused(StatusCode::UNAUTHORIZED.as_str());
        if caller_log::permits(None) {
            tracing::info!(?address, "sign-in refused: the API key is unknown or revoked");
        }
    }

    /// Calls an operation of the API in the name of `user`.
    pub async fn call<T: DeserializeOwned>(
        &self,
        user: &PageUser,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, Problem> {
        document(self.answer(user, method, path, body).await?).await
    }

    /// Calls an operation of the API in the name of `user`. Returns the answer itself if it is a success, for answers of any
    /// length.
    pub async fn answer(
        &self,
        user: &PageUser,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Response, Problem> {
        let request = in_the_name_of(user, method, path);
        self.send(match body {
            Some(body) => sending(request, "application/json", body.to_string()),
            None => request.body(Body::empty()),
        })
        .await
    }

    /// Calls an operation that takes a file in TOML.
    pub async fn send_toml<T: DeserializeOwned>(
        &self,
        user: &PageUser,
        method: Method,
        path: &str,
        text: String,
    ) -> Result<T, Problem> {
        let request = sending(in_the_name_of(user, method, path), "application/toml", text);
        document(self.send(request).await?).await
    }

    /// Reads a text.
    pub async fn text(&self, user: &PageUser, path: &str) -> Result<String, Problem> {
        let text = whole(self.answer(user, Method::GET, path, None).await?).await?;
        String::from_utf8(text.into()).map_err(internal)
    }

    /// Begins an operation on a plugin in the name of `user`, with a component if the operation needs one.
    pub async fn begin(
        &self,
        user: &PageUser,
        path: &str,
        component: Option<Vec<u8>>,
    ) -> Result<PluginOperation, Problem> {
        let request = in_the_name_of(user, Method::POST, path).header("prefer", "respond-async");
        let request = match component {
            Some(component) => sending(request, "application/wasm", component),
            None => request.body(Body::empty()),
        };
        document(self.send(request).await?).await
    }

    /// Sends a request. Returns its answer if it is a success.
    async fn send(&self, request: Result<Request, http::Error>) -> Result<Response, Problem> {
        let response = match self.routes.clone().oneshot(request.map_err(internal)?).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        if response.status().is_success() {
            return Ok(response);
        }
        Err(serde_json::from_slice(&whole(response).await?).unwrap_or_else(internal))
    }
}

fn in_the_name_of(user: &PageUser, method: Method, path: &str) -> request::Builder {
    let request = Request::builder().method(method).uri(path);
    request.extension(SignedIn(user.key.clone())).extension(ClientAddress(user.address))
}

fn sending(
    request: request::Builder,
    content_type: &str,
    body: impl Into<Body>,
) -> Result<Request, http::Error> {
    request.header(header::CONTENT_TYPE, content_type).body(body.into())
}

/// Returns the body of an answer.
async fn whole(response: Response) -> Result<Bytes, Problem> {
    Ok(response.into_body().collect().await.map_err(internal)?.to_bytes())
}

/// Returns the document in an answer. An answer without one, such as to a deletion, counts as `null`.
async fn document<T: DeserializeOwned>(response: Response) -> Result<T, Problem> {
    let body = whole(response).await?;
    serde_json::from_slice(if body.is_empty() { b"null" } else { &body }).map_err(internal)
}

/// A problem of this program itself.
fn internal(error: impl Display) -> Problem {
    problem::Problem::of(kinds::INTERNAL, error.to_string()).document()
}

/// The operator's page.
pub struct Pages {
    /// The screens and their files.
    pub screens: Router,
    /// The answer to a browser at an address at which there is neither a screen nor an operation of the API.
    pub not_found: fn() -> Response,
}

impl Pages {
    /// Returns the screens with the layers that the API has too, in front of the API, which answers everything else.
    pub fn in_front_of(self, api: ApiClient, parts: &Parts) -> Router {
        let Self { screens, not_found } = self;
        let limited = middleware::from_fn_with_state(parts.refused.clone(), caller_log::limit);
        let timed = middleware::from_fn_with_state(parts.webhooks.body_timeout(), body_timeout::limit);
        let api = api.routes.layer(middleware::from_fn_with_state(not_found, missing_in_browser));
        panics::caught(screens.layer(DefaultBodyLimit::max(MAX_FORM)).layer(timed))
            .layer(limited)
            .layer(middleware::from_fn(request_id::assign))
            .fallback_service(api)
    }
}

/// Answers a browser that asks for something unknown with a screen in place of a problem document.
async fn missing_in_browser(
    State(not_found): State<fn() -> Response>,
    request: Request,
    next: Next,
) -> Response {
    let accepted = request.headers().get(header::ACCEPT).and_then(|accepted| accepted.to_str().ok());
    let is_browser = accepted.is_some_and(|accepted| accepted.contains("text/html"));
    let is_screen = is_browser && !request.uri().path().starts_with("/api/");
    let response = next.run(request).await;
    if is_screen && response.status() == StatusCode::NOT_FOUND { not_found() } else { response }
}
