//! Connections that are paused and resumed.
//! Tested in `src/tests/paused_connections.rs`.

use axum::extract::State;
use host_model::text;
use host_service::connections::Connections;
use host_store::RowChange;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::{Json, Path},
    caller::ConnectionsWrite,
    found::reachable_connection,
    problem::{Problem, kinds},
    refusals::{Forbidden, NotFound, Unprocessable},
    state::Api,
    types::pauses::{MAX_REASON_CHARS, Paused, Pausing, Resumed},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(pause_connection)).routes(routes!(resume_connection))
}

/// Pauses a connection: nothing more is sent for its requests, which wait until it is resumed. Deliveries are still accepted
/// and read, and webhook tokens are still renewed, so that no opt-out is lost. Attempts under way end. If it is paused
/// already, the first reason stays.
#[utoipa::path(post, path = "/api/v1/connection/{key}/pause", security(("key" = ["connections:write"])), tag = "connections", params(("key" = String, Path)),
    responses((status = 200, body = Paused), Forbidden, NotFound, Unprocessable))]
async fn pause_connection(
    State(connections): State<Connections>,
    ConnectionsWrite(caller): ConnectionsWrite,
    Path(key): Path<String>,
    Json(Pausing { reason }): Json<Pausing>,
) -> Result<axum::Json<Paused>, Problem> {
    let owned = reachable_connection(&connections, &caller, &key).await?;
    if let Err(unfit) = text::check_name(&reason, MAX_REASON_CHARS) {
        let problem = Problem::of(kinds::UNFIT_TEXT, format!("reason: {unfit}"));
        return Err(problem.about_fields([("reason".to_owned(), unfit.to_string())]));
    }
    let was_paused = connections.pause(&caller.who(), &owned, reason).await? == RowChange::Unchanged;
    Ok(axum::Json(Paused { key, was_paused }))
}

/// Resumes a connection that is paused or parked.
#[utoipa::path(post, path = "/api/v1/connection/{key}/resume", security(("key" = ["connections:write"])), tag = "connections", params(("key" = String, Path)),
    responses((status = 200, body = Resumed), Forbidden, NotFound))]
async fn resume_connection(
    State(connections): State<Connections>,
    ConnectionsWrite(caller): ConnectionsWrite,
    Path(key): Path<String>,
) -> Result<axum::Json<Resumed>, Problem> {
    let owned = reachable_connection(&connections, &caller, &key).await?;
    let from = connections.resume(&caller.who(), &owned).await?;
    let [was_paused, was_parked] = [from.pause, from.parking].map(|change| change == RowChange::Changed);
    Ok(axum::Json(Resumed { key, was_parked, was_paused }))
}
