//! The status of a request, for callers that look at the status code alone.
//! Tested in `src/tests/status.rs`.

use axum::extract::State;
use host_model::requests::{RequestState, completion::Completion};
use host_store::{Store, requests::RequestView};
use serde_json::{Value, json};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::{Path, Query},
    caller::RequestsRead,
    found::reachable_request,
    problem::{Problem, kinds},
    refusals::{Conflict, NotFound},
    state::Api,
    types::status::{RequestStatus, SkippedStatus, StatusQuery},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(request_status))
}

/// Reports whether a request was carried out. While it has not ended, `complete` is false. If it ended without being
/// carried out, the status code is 409, so that a client that polls for `complete` does not wait for ever.
#[utoipa::path(get, path = "/api/v1/requests/{id}/status", security(("key" = ["requests:read"])), tag = "requests",
    params(("id" = String, Path), StatusQuery),
    responses((status = 200, body = RequestStatus), NotFound, Conflict))]
async fn request_status(
    State(store): State<Store>,
    RequestsRead(caller): RequestsRead,
    Path(id): Path<String>,
    Query(StatusQuery { skipped }): Query<StatusQuery>,
) -> Result<axum::Json<RequestStatus>, Problem> {
    let view = reachable_request(&store, &caller, &id).await?;
    let completion = match (view.state, skipped) {
        (RequestState::Skipped, SkippedStatus::Complete) => Completion::Complete,
        _ => view.completion(),
    };
    match completion {
        Completion::NotCarriedOut(why) => Err(not_carried_out(&view, &why)),
        completion => Ok(axum::Json(RequestStatus::of(&view, &completion))),
    }
}

/// The problem of a request that ended without being carried out.
pub(crate) fn not_carried_out(view: &RequestView, why: &str) -> Problem {
    let status = RequestStatus::of(view, &Completion::NotCarriedOut(why.to_owned()));
    let problem =
        Problem::of(kinds::NOT_CARRIED_OUT, format!("request {} was not carried out: {why}", view.id));
    match json!(status) {
        Value::Object(members) => {
            members.into_iter().fold(problem, |problem, (name, value)| problem.with(&name, value))
        }
        _ => problem,
    }
}
