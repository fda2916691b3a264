//! Webhook deliveries: listed, shown and replayed. Bodies are not shown, since they contain personal data.
//! Tested in `src/tests/tenants.rs`.

use std::sync::Arc;

use axum::extract::State;
use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access,
    body::{Json, Path, Query},
    caller::{Caller, PluginsRead, ScopedCaller as _, WebhookTokensRead, WebhookTokensWrite},
    found::{calls_on, reachable_connection},
    person::answered,
    problem::{Problem, kinds},
    refusals::{BadGateway, Conflict, Forbidden, NotFound, Unprocessable},
    state::Api,
    types::{
        deliveries::{
            Deliveries, Delivery, DeliveryQuery, DeliveryVerdict, ReplayQuery, Replayed, TrialDelivery,
        },
        pins::OnVersion,
    },
};
use host_harness::clock::Clock;
use host_model::contract::webhook;
use host_service::{
    connections::Connections,
    webhooks::{
        inbox::Inbox,
        receive::{MAX_DELIVERY_BODY, Webhooks},
    },
};
use host_store::{
    Store,
    deliveries::{self, DeliveryFilter, DeliverySelection, DeliveryView, ReadingFilter},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_deliveries))
        .routes(routes!(show_delivery))
        .routes(routes!(replay_delivery))
        .routes(routes!(replay_deliveries))
        .routes(routes!(verify_webhook))
}

/// Lists a connection's deliveries, newest first.
#[utoipa::path(get, path = "/api/v1/connection/{key}/deliveries", security(("key" = ["webhook-tokens:read"])), tag = "deliveries",
    params(("key" = String, Path), DeliveryQuery), responses((status = 200, body = Deliveries), NotFound))]
async fn list_deliveries(
    State(connections): State<Connections>,
    State(store): State<Store>,
    WebhookTokensRead(caller): WebhookTokensRead,
    Path(key): Path<String>,
    Query(query): Query<DeliveryQuery>,
) -> Result<axum::Json<Deliveries>, Problem> {
    let owned = reachable_connection(&connections, &caller, &key).await?;
    let tenant = owned.spec.tenant.0;
    let filter = DeliveryFilter {
        connection: Some(key),
        state: query.state.map(Into::into),
        readings: if query.unread { ReadingFilter::Unread } else { ReadingFilter::Any },
        before: query.before,
        most: query.limit.0,
    };
    let listed =
        store.read(move |c| Box::pin(async move { deliveries::list(c, &tenant, &filter).await })).await?;
    Ok(axum::Json(Deliveries { deliveries: listed.into_iter().map(Into::into).collect() }))
}

/// Shows how a delivery was read.
#[utoipa::path(get, path = "/api/v1/deliveries/{id}", security(("key" = ["webhook-tokens:read"])), tag = "deliveries", params(("id" = String, Path)),
    responses((status = 200, body = Delivery), NotFound))]
async fn show_delivery(
    State(store): State<Store>,
    WebhookTokensRead(caller): WebhookTokensRead,
    Path(id): Path<String>,
) -> Result<axum::Json<Delivery>, Problem> {
    Ok(axum::Json(find(&store, &caller, &id).await?.into()))
}

/// Re-reads a delivery that could not be read.
#[utoipa::path(post, path = "/api/v1/deliveries/{id}/replay", security(("key" = ["webhook-tokens:write"])), tag = "deliveries", params(("id" = String, Path)),
    responses((status = 200, body = Replayed), Forbidden, NotFound))]
async fn replay_delivery(
    State(inbox): State<Inbox>,
    State(store): State<Store>,
    WebhookTokensWrite(caller): WebhookTokensWrite,
    Path(id): Path<String>,
) -> Result<axum::Json<Replayed>, Problem> {
    let tenant = find(&store, &caller, &id).await?.tenant;
    let deliveries = inbox.replay(&tenant, DeliverySelection::One(id), Some(caller.who())).await?;
    Ok(axum::Json(Replayed { deliveries }))
}

/// Re-reads all deliveries of a connection that could not be read, or those of them that were received since a time.
#[utoipa::path(post, path = "/api/v1/connection/{key}/deliveries/replay", security(("key" = ["webhook-tokens:write"])), tag = "deliveries",
    params(("key" = String, Path), ReplayQuery), responses((status = 200, body = Replayed), Forbidden, NotFound))]
async fn replay_deliveries(
    State(inbox): State<Inbox>,
    State(connections): State<Connections>,
    WebhookTokensWrite(caller): WebhookTokensWrite,
    Path(key): Path<String>,
    Query(query): Query<ReplayQuery>,
) -> Result<axum::Json<Replayed>, Problem> {
    let tenant = reachable_connection(&connections, &caller, &key).await?.spec.tenant.0;
    let which = query.selection(key);
    let deliveries = if query.dry_run {
        inbox.replayable(which).await?
    } else {
        inbox.replay(&tenant, which, Some(caller.who())).await?
    };
    Ok(axum::Json(Replayed { deliveries }))
}

/// Verifies and reads a delivery with the tokens that the connection accepts now, without storing it. The events
/// contain personal data. With `version`, which requires the scope `plugins:read` too, that version reads it.
#[utoipa::path(post, path = "/api/v1/connection/{key}/verify-webhook", security(("key" = ["webhook-tokens:read"])), tag = "deliveries",
    params(("key" = String, Path), OnVersion),
    responses((status = 200, body = DeliveryVerdict), Forbidden, NotFound, Conflict, Unprocessable, BadGateway))]
async fn verify_webhook(
    State(connections): State<Connections>,
    State(clock): State<Arc<dyn Clock>>,
    State(webhooks): State<Webhooks>,
    WebhookTokensRead(caller): WebhookTokensRead,
    Path(key): Path<String>,
    Query(on): Query<OnVersion>,
    Json(trial): Json<TrialDelivery>,
) -> Result<axum::Json<DeliveryVerdict>, Problem> {
    reachable_connection(&connections, &caller, &key).await?;
    let calls = calls_on(&connections, &caller, &key, &on, PluginsRead::SCOPE).await?;
    let own = || calls.connection().settings.get("webhook-url").cloned().unwrap_or_default();
    let headers = trial.headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
    let body =
        BASE64.decode(trial.body).map_err(|_| Problem::of(kinds::BAD_BODY, "body: expected base64"))?;
    if body.len() > MAX_DELIVERY_BODY {
        let detail = format!("body: the maximum for a delivery is {MAX_DELIVERY_BODY} bytes");
        return Err(Problem::of(kinds::TOO_LARGE, detail));
    }
    let delivery = webhook::Delivery {
        method: trial.method.unwrap_or_else(|| "POST".to_owned()),
        url: trial.url.unwrap_or_else(own),
        headers: headers.collect(),
        body,
        received_at_ms: u64::try_from(clock.date_ms()).unwrap_or_default(),
    };
    let verdict = answered(webhooks.judge(&calls, delivery).await?)?;
    Ok(axum::Json(DeliveryVerdict::of(key, verdict)))
}

async fn find(store: &Store, caller: &Caller, id: &str) -> Result<DeliveryView, Problem> {
    let asked = id.to_owned();
    let shown = store.read(|c| Box::pin(async move { deliveries::show(c, &asked).await })).await?;
    let seen = shown.filter(|delivery| caller.reach().includes(&delivery.tenant, &delivery.connection));
    let delivery = seen.ok_or_else(|| Problem::of(kinds::UNKNOWN, format!("there is no delivery {id}")))?;
    access::about(&delivery.tenant, &delivery.connection);
    Ok(delivery)
}
