//! Requests: submitted, listed, shown, and put back in the queue.
//! Tested in `src/tests/requests.rs`.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::{Json, Path, Query},
    caller::{RequestsRead, RequestsWrite},
    found::{reachable_connection, reachable_request},
    problem::{Problem, kinds},
    refusals::{Conflict, Forbidden, NotFound, Unprocessable},
    state::Api,
    types::requests::{AcceptedRequest, NewAction, NewRequest, RequestPage, RequestQuery, RequestReport},
};
use host_service::{
    connections::Connections,
    requests::{
        Requests,
        accept::{AcceptError, Accepted, Submission},
        handler::PersonTask,
    },
};
use host_store::{
    Store,
    requests::{self, RequestFilter},
};

/// The same maximum as Stripe's.
const MAX_IDEMPOTENCY_KEY: usize = 255;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(submit_request))
        .routes(routes!(list_requests))
        .routes(routes!(show_request))
        .routes(routes!(replay_request))
}

/// Stores a request and answers once it is on disk. Sending it again with the same `Idempotency-Key` creates no second
/// request.
#[utoipa::path(post, path = "/api/v1/connection/{key}/requests", security(("key" = ["requests:write"])), tag = "requests",
    params(("key" = String, Path), ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]([ -~]*[!-~])?$")),
    responses((status = 202, body = AcceptedRequest), Forbidden, NotFound, Conflict, Unprocessable))]
async fn submit_request(
    State(connections): State<Connections>,
    State(requests): State<Requests>,
    RequestsWrite(caller): RequestsWrite,
    Path(key): Path<String>,
    headers: HeaderMap,
    Json(new): Json<NewRequest>,
) -> Result<Response, Problem> {
    reachable_connection(&connections, &caller, &key).await?;
    let asked = match new.action {
        NewAction::Erasure => PersonTask::Erasure,
        NewAction::Reading => PersonTask::Reading,
    };
    let submission = Submission {
        connection: key,
        subject: new.identity.into(),
        asked,
        idempotency_key: idempotency_key(&headers)?,
    };
    Ok(accepted_response(requests.accept(submission).await?))
}

/// The response to a stored request.
pub(super) fn accepted_response(Accepted { view, was_sent_before }: Accepted) -> Response {
    let location = HeaderValue::try_from(format!("/api/v1/requests/{}", view.id));
    let body = AcceptedRequest { id: view.id, state: view.state.into(), was_sent_before };
    let mut response = (StatusCode::ACCEPTED, axum::Json(body)).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// The key by which a repeated request is recognised.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| !key.is_empty() && key.len() <= MAX_IDEMPOTENCY_KEY);
    let wrong = || {
        let detail = format!("Idempotency-Key: expected 1 to {MAX_IDEMPOTENCY_KEY} visible ASCII characters");
        Problem::of(kinds::BAD_BODY, detail)
    };
    key.map(|key| Some(key.to_owned())).ok_or_else(wrong)
}

/// Lists requests, newest first. They contain no personal data.
#[utoipa::path(get, path = "/api/v1/requests", security(("key" = ["requests:read"])), tag = "requests", params(RequestQuery),
    responses((status = 200, body = RequestPage)))]
async fn list_requests(
    State(store): State<Store>,
    RequestsRead(caller): RequestsRead,
    Query(query): Query<RequestQuery>,
) -> Result<axum::Json<RequestPage>, Problem> {
    let filter = RequestFilter {
        reach: caller.reach().clone(),
        connection: query.connection,
        state: query.state.map(Into::into),
        before: query.before,
        limit: query.limit.0.into(),
    };
    let listed = store.read(move |c| Box::pin(async move { requests::list(c, &filter).await })).await?;
    Ok(axum::Json(RequestPage { requests: listed.into_iter().map(Into::into).collect() }))
}

/// Shows a request, when it will run, and each of its attempts.
#[utoipa::path(get, path = "/api/v1/requests/{id}", security(("key" = ["requests:read"])), tag = "requests", params(("id" = String, Path)),
    responses((status = 200, body = RequestReport), NotFound))]
async fn show_request(
    State(store): State<Store>,
    State(requests): State<Requests>,
    RequestsRead(caller): RequestsRead,
    Path(id): Path<String>,
) -> Result<axum::Json<RequestReport>, Problem> {
    let request = reachable_request(&store, &caller, &id).await?;
    let attempts = store.read(move |c| Box::pin(async move { requests::attempts(c, &id).await })).await?;
    let forecast = requests.forecast(&request).await?.into();
    let attempts = attempts.into_iter().map(Into::into).collect();
    Ok(axum::Json(RequestReport { request: request.into(), forecast, attempts }))
}

/// Puts a request that failed or expired back in the queue.
#[utoipa::path(post, path = "/api/v1/requests/{id}/replay", security(("key" = ["requests:write"])), tag = "requests", params(("id" = String, Path)),
    responses((status = 202, body = AcceptedRequest), Forbidden, NotFound, Conflict))]
async fn replay_request(
    State(store): State<Store>,
    State(requests): State<Requests>,
    RequestsWrite(caller): RequestsWrite,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let request = reachable_request(&store, &caller, &id).await?;
    let Some(view) = requests.replay(request, caller.who()).await? else {
        let detail = "only a failed or expired request, whose person is still known here, can be replayed; \
                      send a new one instead";
        return Err(Problem::of(kinds::NOT_REPLAYED, detail));
    };
    Ok(accepted_response(Accepted { view, was_sent_before: true }))
}

impl From<AcceptError> for Problem {
    fn from(error: AcceptError) -> Self {
        let detail = error.to_string();
        match error {
            AcceptError::NotServed(not_served) => not_served.into(),
            AcceptError::NotEnabled { .. } | AcceptError::ActionNotEnabled { .. } => {
                Self::of(kinds::NOT_ENABLED, detail)
            }
            AcceptError::NotOffered { .. } => Self::of(kinds::UNSUITED, detail),
            AcceptError::NoUsableKind { accepted, .. } => {
                Self::of(kinds::NO_USABLE_KIND, detail).with("accepted", accepted.into())
            }
            AcceptError::UnknownNotices { names } => {
                Self::of(kinds::UNKNOWN_NOTICE, detail).with("notices", names.into())
            }
            AcceptError::Nobody => Self::of(kinds::BAD_BODY, detail),
            AcceptError::KeyReused { id } => Self::of(kinds::KEY_REUSED, detail).with("request", id.into()),
            AcceptError::Store(error) => error.into(),
        }
    }
}
