//! The tokens of a connection's webhooks: issued in Fides' shape, listed, revoked, and sent to the vendor.
//! Tested in `src/tests/tokens.rs`.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use host_store::RowChange;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::Path,
    caller::{WebhookTokensRead, WebhookTokensWrite},
    found::reachable_connection,
    problem::{Problem, kinds},
    refusals::{BadGateway, Conflict, Forbidden, NotFound},
    state::Api,
    types::tokens::{IssuedToken, Rotated, Rotation, WebhookTokens},
};
use host_service::{
    connections::Connections,
    served::Served,
    tokens::{Tokens, issue::IssueError, refresh::by_connector, settle::PushOutcome},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(issue_webhook_token))
        .routes(routes!(list_webhook_tokens))
        .routes(routes!(revoke_webhook_token))
        .routes(routes!(rotate_webhook_token))
}

/// Issues a token for the vendor's webhook, in addition to earlier ones; at most five are accepted at a time. Like in
/// Fides, this is a GET although it creates something, so it requires an API key that may write.
#[utoipa::path(get, path = "/api/v1/plus/connection/{key}/consent-webhook/token", security(("key" = ["webhook-tokens:write"])), tag = "webhook tokens",
    params(("key" = String, Path)), responses((status = 200, body = IssuedToken), Forbidden, NotFound, Conflict))]
async fn issue_webhook_token(
    State(connections): State<Connections>,
    State(tokens): State<Tokens>,
    WebhookTokensWrite(caller): WebhookTokensWrite,
    Path(key): Path<String>,
) -> Result<Response, Problem> {
    let owned = reachable_connection(&connections, &caller, &key).await?;
    let issued = tokens.asked_by(caller.who()).issue(&owned.spec.tenant.0, &key).await?;
    let mut response = axum::Json(IssuedToken::from(&issued)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Lists the connection's tokens and their states.
#[utoipa::path(get, path = "/api/v1/plus/connection/{key}/consent-webhook/tokens", security(("key" = ["webhook-tokens:read"])), tag = "webhook tokens",
    params(("key" = String, Path)), responses((status = 200, body = WebhookTokens), NotFound))]
async fn list_webhook_tokens(
    State(connections): State<Connections>,
    State(tokens): State<Tokens>,
    WebhookTokensRead(caller): WebhookTokensRead,
    Path(key): Path<String>,
) -> Result<axum::Json<WebhookTokens>, Problem> {
    reachable_connection(&connections, &caller, &key).await?;
    listed(&tokens, &key).await
}

/// Revokes a token immediately. If the vendor uses it, its deliveries are refused until it has another one: within a
/// minute if the host sends it.
#[utoipa::path(delete, path = "/api/v1/plus/connection/{key}/consent-webhook/tokens/{generation}",
    security(("key" = ["webhook-tokens:write"])), tag = "webhook tokens", params(("key" = String, Path), ("generation" = i64, Path)),
    responses((status = 200, body = WebhookTokens), Forbidden, NotFound))]
async fn revoke_webhook_token(
    State(connections): State<Connections>,
    State(tokens): State<Tokens>,
    WebhookTokensWrite(caller): WebhookTokensWrite,
    Path((key, generation)): Path<(String, i64)>,
) -> Result<axum::Json<WebhookTokens>, Problem> {
    let owned = reachable_connection(&connections, &caller, &key).await?;
    let tokens = tokens.asked_by(caller.who());
    if tokens.revoke(&owned.spec.tenant.0, &key, generation).await? == RowChange::Unchanged {
        let detail = format!("connection {key} has no accepted token {generation}");
        return Err(Problem::of(kinds::UNKNOWN, detail));
    }
    listed(&tokens, &key).await
}

async fn listed(tokens: &Tokens, key: &str) -> Result<axum::Json<WebhookTokens>, Problem> {
    let tokens = tokens.list(key).await?.into_iter().map(Into::into).collect();
    Ok(axum::Json(WebhookTokens { tokens }))
}

/// Creates a new token and sends it to the vendor now. The previous one stays accepted for at least a day.
#[utoipa::path(post, path = "/api/v1/plus/connection/{key}/consent-webhook/token/rotate", security(("key" = ["webhook-tokens:write"])), tag = "webhook tokens",
    params(("key" = String, Path)),
    responses((status = 200, body = Rotated), Forbidden, NotFound, Conflict, BadGateway))]
async fn rotate_webhook_token(
    State(connections): State<Connections>,
    State(tokens): State<Tokens>,
    State(served): State<Served>,
    WebhookTokensWrite(caller): WebhookTokensWrite,
    Path(key): Path<String>,
) -> Result<axum::Json<Rotated>, Problem> {
    let owned = reachable_connection(&connections, &caller, &key).await?;
    let hand = by_connector(served);
    match tokens.asked_by(caller.who()).rotate(&owned.spec.tenant.0, &key, &*hand).await? {
        Some(PushOutcome::Taken) => Ok(axum::Json(Rotated { outcome: Rotation::Installed })),
        Some(PushOutcome::ByHand) => Ok(axum::Json(Rotated { outcome: Rotation::ByHand })),
        Some(PushOutcome::Failed { reason, .. }) => {
            let detail =
                format!("{reason}; both tokens are accepted, and the new one is sent again within the hour");
            Err(Problem::of(kinds::VENDOR, detail))
        }
        None => Err(Problem::of(
            kinds::TOO_MANY_TOKENS,
            "the maximum number of tokens is already accepted: revoke one that the vendor does not use",
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
