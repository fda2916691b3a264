//! Requests: submitted, listed, shown, and put back in the queue.
//! Tested in `src/tests/requests.rs`.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::{Json, Path, Query},
    callback,
    caller::{AdminRead, Caller, RequestsRead, RequestsWrite, ScopedCaller},
    found::{reachable_connection, reachable_request},
    problem::{Problem, kinds},
    refusals::{Conflict, Forbidden, NotFound, Unprocessable},
    state::Api,
    submission::{SubmissionHeaders, SubmissionParams, accepted_response, replayed, report, submit},
    types::{
        people::RevealedPerson,
        requests::{AcceptedRequest, NewAction, NewRequest, RequestPage, RequestQuery, RequestReport},
    },
};
use host_service::{
    connections::Connections,
    requests::{
        Requests,
        accept::{Accepted, Submission},
        handler::PersonTask,
        standing::{MonthFilter, RequestSearch},
    },
};
use host_store::{
    Store,
    requests::matching::{ListPart, MatchCount, RequestFilter},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(submit_request))
        .routes(routes!(list_requests))
        .routes(routes!(show_request))
        .routes(routes!(replay_request))
        .routes(routes!(reveal_person))
}

/// Stores a request and answers once it is on disk. Sending it again with the same `Idempotency-Key` creates no second
/// request. With `Prefer: wait=SECONDS`, waits for its end: 200 if it was carried out, 409 if it ended otherwise, and 202 if
/// it takes longer.
#[utoipa::path(post, path = "/api/v1/connection/{key}/requests", security(("key" = ["requests:write"])), tag = "requests",
    params(("key" = String, Path), SubmissionParams),
    responses((status = 200, body = RequestReport), (status = 202, body = AcceptedRequest), Forbidden, NotFound, Conflict, Unprocessable))]
async fn submit_request(
    State(store): State<Store>,
    State(connections): State<Connections>,
    State(requests): State<Requests>,
    RequestsWrite(caller): RequestsWrite,
    Path(key): Path<String>,
    headers: SubmissionHeaders,
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
        idempotency_key: headers.idempotency_key.clone(),
        repeat: headers.repeat(caller.who()),
        callback: callback::allowed(&caller, new.callback, headers.reply_to_token.clone())?,
    };
    submit(&store, &requests, submission, &headers).await
}

/// Lists requests, newest first. They contain no personal data.
#[utoipa::path(get, path = "/api/v1/requests", security(("key" = ["requests:read"])), tag = "requests", params(RequestQuery),
    responses((status = 200, body = RequestPage)))]
async fn list_requests(
    State(requests): State<Requests>,
    RequestsRead(caller): RequestsRead,
    Query(query): Query<RequestQuery>,
) -> Result<axum::Json<RequestPage>, Problem> {
    let search = search(&caller, &query);
    let MatchCount { count, is_exact } = requests.count(search.clone()).await?;
    let part = ListPart { before: query.before, limit: query.limit.0.into() };
    let listed = requests.list(search, part).await?;
    let listed = listed.into_iter().map(Into::into).collect();
    Ok(axum::Json(RequestPage { requests: listed, count, count_is_exact: is_exact }))
}

/// Returns what `query` finds of what `caller` can access.
pub(crate) fn search(caller: &Caller, query: &RequestQuery) -> RequestSearch {
    let filter = RequestFilter {
        reach: caller.reach().clone(),
        connection: query.connection.clone(),
        tenant: query.tenant.clone(),
        state: query.state.map(Into::into),
        action: query.action.map(Into::into),
        ..RequestFilter::default()
    };
    let month = if query.late { MonthFilter::Short } else { MonthFilter::Any };
    RequestSearch { filter, month, waits_for: query.waits_for.map(Into::into) }
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
    Ok(axum::Json(report(&store, &requests, request).await?))
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
    let view = replayed(&requests, request, caller.who()).await?;
    Ok(accepted_response(Accepted { view, was_sent_before: true }, None))
}

/// Returns the person that a request is about, as long as the request's data exists: while it is open, and for 30 days after it
/// failed or expired. Needs `admin:read` as well: a key that only submits and looks does not learn whom requests are about. The
/// audit chain records who asked for it.
#[utoipa::path(post, path = "/api/v1/requests/{id}/reveal", security(("key" = ["requests:write"])), tag = "requests", params(("id" = String, Path)),
    responses((status = 200, body = RevealedPerson), Forbidden, NotFound, Conflict))]
async fn reveal_person(
    State(store): State<Store>,
    State(requests): State<Requests>,
    RequestsWrite(caller): RequestsWrite,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    caller.check(AdminRead::SCOPE)?;
    let request = reachable_request(&store, &caller, &id).await?;
    let forgotten = || {
        let detail =
            "the data of the request was destroyed: it was carried out, or failed more than 30 days ago";
        Problem::of(kinds::PERSON_FORGOTTEN, detail)
    };
    let person = requests.reveal(&request, caller.who()).await?.ok_or_else(forgotten)?;
    let mut response = axum::Json(RevealedPerson::from(&person)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
