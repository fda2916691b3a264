//! The tokens that a connection's webhooks carry: made in Fides' shape, listed, revoked, handed to the vendor.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::Path,
    caller::{Caller, Writer},
    found::found,
    problem::{Problem, kinds},
    refusals::{BadGateway, Conflict, Forbidden, NotFound},
    state::Api,
    types::tokens::{IssuedToken, Rotated, Rotation, WebhookTokens},
};
use host_service::{
    connections::Connections,
    served::Served,
    tokens::{Tokens, issue::IssueError, refresh::by_connector, settle::Pushed},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(issue_webhook_token))
        .routes(routes!(list_webhook_tokens))
        .routes(routes!(revoke_webhook_token))
        .routes(routes!(rotate_webhook_token))
}

/// Makes a token for the vendor's webhook, beside those before it; at most five are accepted at a time. A GET, as in Fides,
/// that makes something: an API key that may write is required.
#[utoipa::path(get, path = "/api/v1/plus/connection/{key}/consent-webhook/token", tag = "webhook tokens",
    params(("key" = String, Path)), responses((status = 200, body = IssuedToken), Forbidden, NotFound, Conflict))]
async fn issue_webhook_token(
    State(connections): State<Connections>,
    State(tokens): State<Tokens>,
    Writer(caller): Writer,
    Path(key): Path<String>,
) -> Result<Response, Problem> {
    let owned = found(&connections, &caller, &key).await?;
    let issued = tokens.asked_by(caller.who()).issue(&owned.spec.tenant.0, &key).await?;
    let mut response = axum::Json(IssuedToken::from(&issued)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Lists the connection's tokens and how each stands.
#[utoipa::path(get, path = "/api/v1/plus/connection/{key}/consent-webhook/tokens", tag = "webhook tokens",
    params(("key" = String, Path)), responses((status = 200, body = WebhookTokens), NotFound))]
async fn list_webhook_tokens(
    State(connections): State<Connections>,
    State(tokens): State<Tokens>,
    caller: Caller,
    Path(key): Path<String>,
) -> Result<axum::Json<WebhookTokens>, Problem> {
    found(&connections, &caller, &key).await?;
    listed(&tokens, &key).await
}

/// Ends a token at once. If the vendor uses it, its deliveries are refused until it has another one: within a minute if
/// the host hands it over.
#[utoipa::path(delete, path = "/api/v1/plus/connection/{key}/consent-webhook/tokens/{generation}",
    tag = "webhook tokens", params(("key" = String, Path), ("generation" = i64, Path)),
    responses((status = 200, body = WebhookTokens), Forbidden, NotFound))]
async fn revoke_webhook_token(
    State(connections): State<Connections>,
    State(tokens): State<Tokens>,
    Writer(caller): Writer,
    Path((key, generation)): Path<(String, i64)>,
) -> Result<axum::Json<WebhookTokens>, Problem> {
    let owned = found(&connections, &caller, &key).await?;
    let tokens = tokens.asked_by(caller.who());
    if !tokens.revoke(&owned.spec.tenant.0, &key, generation).await? {
        let detail = format!("no token {generation} of connection {key} is accepted");
        return Err(Problem::of(kinds::UNKNOWN, detail));
    }
    listed(&tokens, &key).await
}

async fn listed(tokens: &Tokens, key: &str) -> Result<axum::Json<WebhookTokens>, Problem> {
    let tokens = tokens.list(key).await?.into_iter().map(Into::into).collect();
    Ok(axum::Json(WebhookTokens { tokens }))
}

/// Makes a new token and hands it to the vendor now. The one before stays accepted for a day at least.
#[utoipa::path(post, path = "/api/v1/plus/connection/{key}/consent-webhook/token/rotate", tag = "webhook tokens",
    params(("key" = String, Path)),
    responses((status = 200, body = Rotated), Forbidden, NotFound, Conflict, BadGateway))]
async fn rotate_webhook_token(
    State(connections): State<Connections>,
    State(tokens): State<Tokens>,
    State(served): State<Served>,
    Writer(caller): Writer,
    Path(key): Path<String>,
) -> Result<axum::Json<Rotated>, Problem> {
    let owned = found(&connections, &caller, &key).await?;
    let hand = by_connector(served);
    match tokens.asked_by(caller.who()).rotate(&owned.spec.tenant.0, &key, &*hand).await? {
        Some(Pushed::Taken) => Ok(axum::Json(Rotated { outcome: Rotation::Installed })),
        Some(Pushed::ByHand) => Ok(axum::Json(Rotated { outcome: Rotation::ByHand })),
        Some(Pushed::Failed { reason, .. }) => {
            let detail = format!(
                "{reason}; both tokens are accepted, and the new one is handed over again within the hour"
            );
            Err(Problem::of(kinds::VENDOR, detail))
        }
        None => Err(Problem::of(
            kinds::TOO_MANY_TOKENS,
            "the maximum number of tokens is accepted already: revoke one that the vendor does not use",
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
