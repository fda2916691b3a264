//! Deliveries: what vendors sent, how it was read, and reading it again. Bodies are not shown: people are in them.

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::State,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};

use super::{
    Caller, Path, Query, Writer, access, found,
    problem::{Problem, kinds},
};
use crate::{
    service::Shared,
    store::deliveries::{self, DeliveryState, DeliveryView, Filter, Which},
    webhook::receive::Webhooks,
};

/// A page that is read in one go.
const USUAL_PAGE: u32 = 50;
const LARGEST_PAGE: u32 = 500;

#[derive(OpenApi)]
#[openapi(paths(list, show, replay, replay_all))]
pub(super) struct Part;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/v1/connection/{key}/deliveries", get(list))
        .route("/api/v1/connection/{key}/deliveries/replay", post(replay_all))
        .route("/api/v1/deliveries/{id}", get(show))
        .route("/api/v1/deliveries/{id}/replay", post(replay))
}

/// Which deliveries to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Page {
    /// In this state: waiting, reading, read, of-no-concern, unreadable or stuck.
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
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path(key): Path<String>,
    Query(page): Query<Page>,
) -> Result<axum::Json<Listed>, Problem> {
    let owned = found(&shared, &caller, &key).await?;
    let tenant = owned.spec.tenant.0;
    let filter = Filter {
        connection: Some(key),
        state: page.state,
        before: page.before,
        most: page.limit.unwrap_or(USUAL_PAGE).clamp(1, LARGEST_PAGE),
    };
    let listed =
        shared.store.read(move |c| Box::pin(async move { deliveries::list(c, &tenant, &filter).await }));
    Ok(axum::Json(Listed { deliveries: listed.await? }))
}

/// Shows how a delivery was read.
#[utoipa::path(get, path = "/api/v1/deliveries/{id}", tag = "deliveries", params(("id" = String, Path)),
    responses((status = 200, body = Object)))]
async fn show(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<axum::Json<DeliveryView>, Problem> {
    known(&shared, &caller, &id).await.map(axum::Json)
}

/// How many deliveries are read again.
#[derive(Serialize, ToSchema)]
struct Replayed {
    /// So many.
    deliveries: u64,
}

/// Has a delivery read again that could not be read.
#[utoipa::path(post, path = "/api/v1/deliveries/{id}/replay", tag = "deliveries", params(("id" = String, Path)),
    responses((status = 200, body = Replayed)))]
async fn replay(
    State(shared): State<Arc<Shared>>,
    Extension(webhooks): Extension<Arc<Webhooks>>,
    Writer(caller): Writer,
    Path(id): Path<String>,
) -> Result<axum::Json<Replayed>, Problem> {
    known(&shared, &caller, &id).await?;
    Ok(axum::Json(Replayed { deliveries: webhooks.replay(Which::One(id)).await? }))
}

/// Has all deliveries of a connection read again that could not be read.
#[utoipa::path(post, path = "/api/v1/connection/{key}/deliveries/replay", tag = "deliveries",
    params(("key" = String, Path)), responses((status = 200, body = Replayed)))]
async fn replay_all(
    State(shared): State<Arc<Shared>>,
    Extension(webhooks): Extension<Arc<Webhooks>>,
    Writer(caller): Writer,
    Path(key): Path<String>,
) -> Result<axum::Json<Replayed>, Problem> {
    found(&shared, &caller, &key).await?;
    Ok(axum::Json(Replayed { deliveries: webhooks.replay(Which::OfConnection(key)).await? }))
}

async fn known(shared: &Shared, caller: &Caller, id: &str) -> Result<DeliveryView, Problem> {
    let asked = id.to_owned();
    let shown = shared.store.read(|c| Box::pin(async move { deliveries::show(c, &asked).await })).await?;
    let seen = shown.filter(|delivery| caller.reaches(&delivery.tenant));
    let delivery = seen.ok_or_else(|| Problem::of(kinds::UNKNOWN, format!("there is no delivery {id}")))?;
    access::about(&delivery.tenant, &delivery.connection);
    Ok(delivery)
}
