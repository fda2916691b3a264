//! The tokens that a connection's webhooks carry: made in Fides' shape, listed, revoked, handed to the vendor.

use axum::{
    Router,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::{
    body::Path,
    caller::{Caller, Writer},
    found::found,
    problem::{Problem, kinds},
};
use crate::state::Api;
use host_model::token::TokenView;
use host_service::{
    connections::Connections,
    served::Served,
    tokens::{Tokens, issue::IssueError, refresh::by_connector, settle::Pushed},
};

#[derive(OpenApi)]
#[openapi(paths(issue, list, revoke, rotate))]
pub(super) struct Part;

pub(super) fn routes() -> Router<Api> {
    const WEBHOOK: &str = "/api/v1/plus/connection/{key}/consent-webhook";
    Router::new()
        .route(&format!("{WEBHOOK}/token"), get(issue))
        .route(&format!("{WEBHOOK}/tokens"), get(list))
        .route(&format!("{WEBHOOK}/tokens/{{generation}}"), delete(revoke))
        .route(&format!("{WEBHOOK}/token/rotate"), post(rotate))
}

/// A token, shown this once.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names are those of Fides and OAuth")]
struct Token {
    /// What the vendor's webhook is to carry.
    access_token: String,
    /// Always `bearer`.
    token_type: String,
    /// Seconds from now.
    expires_in: u64,
    /// Seconds since 1970 in UTC.
    expires_at: i64,
    /// The number to revoke it by.
    generation: i64,
}

/// Makes a token for the vendor's webhook, beside those before it; at most five are accepted at a time. A GET, as in Fides,
/// that makes something: an API key that may write is wanted.
#[utoipa::path(get, path = "/api/v1/plus/connection/{key}/consent-webhook/token", tag = "webhook tokens",
    params(("key" = String, Path)), responses((status = 200, body = Token)))]
async fn issue(
    State(connections): State<Connections>,
    State(tokens): State<Tokens>,
    Writer(caller): Writer,
    Path(key): Path<String>,
) -> Result<Response, Problem> {
    let owned = found(&connections, &caller, &key).await?;
    let issued = tokens.asked_by(caller.who()).issue(&owned.spec.tenant.0, &key).await?;
    let mut response = axum::Json(issued.body()).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The tokens of a connection.
#[derive(Serialize, ToSchema)]
struct Listed {
    /// Oldest first; no token itself is in it.
    #[schema(value_type = Vec<Object>)]
    tokens: Vec<TokenView>,
}

/// Lists the connection's tokens and how each stands.
#[utoipa::path(get, path = "/api/v1/plus/connection/{key}/consent-webhook/tokens", tag = "webhook tokens",
    params(("key" = String, Path)), responses((status = 200, body = Listed)))]
async fn list(
    State(connections): State<Connections>,
    State(tokens): State<Tokens>,
    caller: Caller,
    Path(key): Path<String>,
) -> Result<axum::Json<Listed>, Problem> {
    found(&connections, &caller, &key).await?;
    Ok(axum::Json(Listed { tokens: tokens.list(&key).await? }))
}

/// Ends a token at once. Where the vendor uses it, its deliveries are refused until it has another one: within a minute where
/// the host hands it over.
#[utoipa::path(delete, path = "/api/v1/plus/connection/{key}/consent-webhook/tokens/{generation}",
    tag = "webhook tokens", params(("key" = String, Path), ("generation" = i64, Path)),
    responses((status = 200, body = Listed)))]
async fn revoke(
    State(connections): State<Connections>,
    State(tokens): State<Tokens>,
    Writer(caller): Writer,
    Path((key, generation)): Path<(String, i64)>,
) -> Result<axum::Json<Listed>, Problem> {
    let owned = found(&connections, &caller, &key).await?;
    let tokens = tokens.asked_by(caller.who());
    if !tokens.revoke(&owned.spec.tenant.0, &key, generation).await? {
        let detail = format!("no token {generation} of connection {key} is accepted");
        return Err(Problem::of(kinds::UNKNOWN, detail));
    }
    Ok(axum::Json(Listed { tokens: tokens.list(&key).await? }))
}

/// What became of a token that was handed to the vendor.
#[derive(Serialize, ToSchema)]
struct Rotated {
    /// `installed`: the vendor has it. `by-hand`: the vendor takes none from the host, so enter one there.
    outcome: &'static str,
}

/// Makes a new token and hands it to the vendor now. The one before stays accepted for a day at least.
#[utoipa::path(post, path = "/api/v1/plus/connection/{key}/consent-webhook/token/rotate", tag = "webhook tokens",
    params(("key" = String, Path)), responses((status = 200, body = Rotated)))]
async fn rotate(
    State(connections): State<Connections>,
    State(tokens): State<Tokens>,
    State(served): State<Served>,
    Writer(caller): Writer,
    Path(key): Path<String>,
) -> Result<axum::Json<Rotated>, Problem> {
    let owned = found(&connections, &caller, &key).await?;
    let hand = by_connector(served);
    match tokens.asked_by(caller.who()).rotate(&owned.spec.tenant.0, &key, &*hand).await? {
        Some(Pushed::Taken) => Ok(axum::Json(Rotated { outcome: "installed" })),
        Some(Pushed::ByHand) => Ok(axum::Json(Rotated { outcome: "by-hand" })),
        Some(Pushed::Failed { reason, .. }) => {
            let detail = format!(
                "{reason}; both tokens are accepted, and the new one is handed over again within the hour"
            );
            Err(Problem::of(kinds::VENDOR, detail))
        }
        None => Err(Problem::of(
            kinds::TOO_MANY_TOKENS,
            "as many tokens as may be are accepted already: revoke one that the vendor does not use",
        )),
    }
}

impl From<IssueError> for Problem {
    fn from(error: IssueError) -> Self {
        let detail = error.to_string();
        match error {
            IssueError::TooMany(generations) => {
                Self::of(kinds::TOO_MANY_TOKENS, detail).with("generations", generations.into())
            }
            IssueError::Store(error) => error.into(),
        }
    }
}
