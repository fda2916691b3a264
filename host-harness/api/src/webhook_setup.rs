//! The setup of a connection's webhook, step by step.
//! Tested in `src/tests/webhook_setup.rs`.

use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::Path, caller::WebhookTokensRead, found::reachable_connection, problem::Problem, refusals::NotFound,
    state::Api, types::webhook_setup::WebhookSetup,
};
use host_service::{connections::Connections, webhooks::receive::Webhooks};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(show_webhook))
}

/// Shows how far the setup of the connection's webhook is: each step, with what is known of it and why. The vendor is not
/// asked: the check `webhook` of the connection's test does that.
#[utoipa::path(get, path = "/api/v1/connection/{key}/webhook", security(("key" = ["webhook-tokens:read"])), tag = "webhook tokens",
    params(("key" = String, Path)), responses((status = 200, body = WebhookSetup), NotFound))]
async fn show_webhook(
    State(connections): State<Connections>,
    State(webhooks): State<Webhooks>,
    WebhookTokensRead(caller): WebhookTokensRead,
    Path(key): Path<String>,
) -> Result<axum::Json<WebhookSetup>, Problem> {
    let owned = reachable_connection(&connections, &caller, &key).await?;
    let setup = webhooks.setup(&owned).await?;
    Ok(axum::Json(WebhookSetup::of(key, setup)))
}
