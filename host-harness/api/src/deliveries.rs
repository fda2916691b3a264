//! Deliveries: what vendors sent, how it was read, and reading it again. Bodies are not shown: people are in them.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    routing::{get, post},
};
use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, OpenApi, ToSchema};

use super::{
    access,
    body::{Json, Path, Query},
    caller::{Caller, Writer},
    found::{calls, found},
    person::answered,
    problem::{Problem, kinds},
};
use crate::state::Api;
use host_harness::clock::Clock;
use host_model::contract::webhook::Delivery;
use host_service::connections::Connections;
use host_service::served::Served;
use host_service::webhooks::inbox::Inbox;
use host_service::webhooks::receive::Webhooks;
use host_service::webhooks::{receive::LARGEST_BODY, tried};
use host_store::Store;
use host_store::deliveries::{self, DeliveryState, DeliveryView, Filter, Which};

/// A page that is read in one go.
const USUAL_PAGE: u32 = 50;
const LARGEST_PAGE: u32 = 500;

#[derive(OpenApi)]
#[openapi(paths(list, show, replay, replay_all, verify))]
pub(super) struct Part;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/connection/{key}/deliveries", get(list))
        .route("/api/v1/connection/{key}/deliveries/replay", post(replay_all))
        .route("/api/v1/connection/{key}/verify-webhook", post(verify))
        .route("/api/v1/deliveries/{id}", get(show))
        .route("/api/v1/deliveries/{id}/replay", post(replay))
}

/// Which deliveries to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Page {
    /// In this state: waiting, read, of-no-concern, unreadable, stuck, damaged or refused.
    #[param(value_type = Option<String>)]
    state: Option<DeliveryState>,
    /// Older than the one of this `seq`: the last one of the page before.
    before: Option<i64>,
    /// So many, at most 500; 50 where nothing is said.
    limit: Option<u32>,
}

/// A page of deliveries.
#[derive(Serialize, ToSchema)]
struct Listed {
    /// Newest first.
    #[schema(value_type = Vec<Object>)]
    deliveries: Vec<DeliveryView>,
}

/// Lists a connection's deliveries, newest first.
#[utoipa::path(get, path = "/api/v1/connection/{key}/deliveries", tag = "deliveries",
    params(("key" = String, Path), Page), responses((status = 200, body = Listed)))]
async fn list(
    State(connections): State<Connections>,
    State(store): State<Store>,
    caller: Caller,
    Path(key): Path<String>,
    Query(page): Query<Page>,
) -> Result<axum::Json<Listed>, Problem> {
    let owned = found(&connections, &caller, &key).await?;
    let tenant = owned.spec.tenant.0;
    let filter = Filter {
        connection: Some(key),
        state: page.state,
        before: page.before,
        most: page.limit.unwrap_or(USUAL_PAGE).clamp(1, LARGEST_PAGE),
    };
    let listed = store.read(move |c| Box::pin(async move { deliveries::list(c, &tenant, &filter).await }));
    Ok(axum::Json(Listed { deliveries: listed.await? }))
}

/// Shows how a delivery was read.
#[utoipa::path(get, path = "/api/v1/deliveries/{id}", tag = "deliveries", params(("id" = String, Path)),
    responses((status = 200, body = Object)))]
async fn show(
    State(store): State<Store>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<axum::Json<DeliveryView>, Problem> {
    known(&store, &caller, &id).await.map(axum::Json)
}

/// How many deliveries are read again.
#[derive(Serialize, ToSchema)]
struct Replayed {
    /// So many.
    deliveries: usize,
}

/// Has a delivery read again that could not be read.
#[utoipa::path(post, path = "/api/v1/deliveries/{id}/replay", tag = "deliveries", params(("id" = String, Path)),
    responses((status = 200, body = Replayed)))]
async fn replay(
    State(inbox): State<Inbox>,
    State(store): State<Store>,
    Writer(caller): Writer,
    Path(id): Path<String>,
) -> Result<axum::Json<Replayed>, Problem> {
    let tenant = known(&store, &caller, &id).await?.tenant;
    let deliveries = inbox.replay(&tenant, Which::One(id), Some(caller.who())).await?;
    Ok(axum::Json(Replayed { deliveries }))
}

/// Has all deliveries of a connection read again that could not be read.
#[utoipa::path(post, path = "/api/v1/connection/{key}/deliveries/replay", tag = "deliveries",
    params(("key" = String, Path)), responses((status = 200, body = Replayed)))]
async fn replay_all(
    State(inbox): State<Inbox>,
    State(connections): State<Connections>,
    Writer(caller): Writer,
    Path(key): Path<String>,
) -> Result<axum::Json<Replayed>, Problem> {
    let tenant = found(&connections, &caller, &key).await?.spec.tenant.0;
    let deliveries = inbox.replay(&tenant, Which::OfConnection(key), Some(caller.who())).await?;
    Ok(axum::Json(Replayed { deliveries }))
}

/// A delivery as it came, to be tried out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Trial {
    /// `POST` where nothing is said.
    method: Option<String>,
    /// The whole address that the vendor called; the connection's own where nothing is said.
    url: Option<String>,
    /// Each header's name and value, in the order received.
    #[serde(default)]
    headers: Vec<(String, String)>,
    /// Its body, in base64.
    body: String,
}

/// Says what the connection makes of a delivery with the tokens that it accepts now, and keeps nothing of it: `verdict`
/// (`authentic`, `unauthenticated`, `unreadable`), `why`, and the `events` read. People are in those.
#[utoipa::path(post, path = "/api/v1/connection/{key}/verify-webhook", tag = "deliveries",
    params(("key" = String, Path)), request_body = Trial, responses((status = 200, body = Object)))]
async fn verify(
    State(connections): State<Connections>,
    State(served): State<Served>,
    State(clock): State<Arc<dyn Clock>>,
    State(webhooks): State<Webhooks>,
    caller: Caller,
    Path(key): Path<String>,
    Json(trial): Json<Trial>,
) -> Result<axum::Json<Value>, Problem> {
    found(&connections, &caller, &key).await?;
    let calls = calls(&served, &key)?;
    let own = || calls.connection().settings.get("webhook-url").cloned().unwrap_or_default();
    let headers = trial.headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
    let body =
        BASE64.decode(trial.body).map_err(|_| Problem::of(kinds::BAD_BODY, "body: base64 is wanted"))?;
    if body.len() > LARGEST_BODY {
        let detail = format!("body: a delivery has at most {LARGEST_BODY} bytes");
        return Err(Problem::of(kinds::TOO_LARGE, detail));
    }
    let delivery = Delivery {
        method: trial.method.unwrap_or_else(|| "POST".to_owned()),
        url: trial.url.unwrap_or_else(own),
        headers: headers.collect(),
        body,
        received_at_ms: u64::try_from(clock.date_ms()).unwrap_or_default(),
    };
    let verdict = answered(webhooks.judge(&calls, delivery).await?)?;
    Ok(axum::Json(tried::document(&key, &verdict)))
}

async fn known(store: &Store, caller: &Caller, id: &str) -> Result<DeliveryView, Problem> {
    let asked = id.to_owned();
    let shown = store.read(|c| Box::pin(async move { deliveries::show(c, &asked).await })).await?;
    let seen = shown.filter(|delivery| caller.reaches(&delivery.tenant));
    let delivery = seen.ok_or_else(|| Problem::of(kinds::UNKNOWN, format!("there is no delivery {id}")))?;
    access::about(&delivery.tenant, &delivery.connection);
    Ok(delivery)
}
