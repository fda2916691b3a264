//! Acts on many requests at once: made, approved, withdrawn, and followed.
//! Tested in `src/tests/bulk_acts.rs`.

use std::collections::BTreeSet;

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::{Json, Path, Query},
    caller::{BulkRead, BulkWrite, Caller, RequestsWrite, ScopedCaller},
    problem::{Problem, kinds},
    refusals::{Conflict, Forbidden, NotFound},
    requests::search,
    state::Api,
    types::{
        bulk_acts::{
            BulkAct, BulkActPage, BulkActQuery, BulkFilter, BulkRequestPage, BulkRequestQuery, NewBulkAct,
        },
        requests::RequestQuery,
    },
};
use host_service::{
    bulk_acts::{Actor, BulkActs, NewAct, NotDecided, NotMade},
    requests::standing::RequestSearch,
};
use host_store::{
    Store,
    bulk_acts::{self as stored, BulkActFilter, BulkRequestFilter, MAX_REQUESTS},
    requests::matching::RequestFilter,
};

/// The maximum number of requests that are named by their ids.
const MAX_IDS: usize = 500;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(make_bulk_act))
        .routes(routes!(list_bulk_acts))
        .routes(routes!(show_bulk_act))
        .routes(routes!(list_bulk_act_requests))
        .routes(routes!(approve_bulk_act))
        .routes(routes!(withdraw_bulk_act))
}

/// Acts on many requests at once: on those that match now. Needs `requests:write` as well. With `service.two-people`, the act
/// is pending until another API key approves it; otherwise it begins at once. It is carried out request by request, and each
/// request has a result of its own.
#[utoipa::path(post, path = "/api/v1/bulk-acts", security(("key" = ["bulk:write"])), tag = "bulk acts",
    responses((status = 202, body = BulkAct), Forbidden, Conflict))]
async fn make_bulk_act(
    State(acts): State<BulkActs>,
    BulkWrite(caller): BulkWrite,
    Json(new): Json<NewBulkAct>,
) -> Result<Response, Problem> {
    caller.check(RequestsWrite::SCOPE)?;
    let (kind, expected) = (new.act.into(), new.expected);
    if !(1..=MAX_REQUESTS).contains(&expected) {
        let detail = format!("expected: a number from 1 to {MAX_REQUESTS}, found {expected}");
        return Err(Problem::of(kinds::BAD_BODY, detail));
    }
    let search = search_for(&caller, new)?;
    let act = acts.make(actor(&caller), NewAct { kind, search, expected }).await?;
    let location = HeaderValue::try_from(format!("/api/v1/bulk-acts/{}", act.id));
    let mut response = (StatusCode::ACCEPTED, axum::Json(BulkAct::from(act))).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// The requests that an act names.
fn search_for(caller: &Caller, new: NewBulkAct) -> Result<RequestSearch, Problem> {
    match (new.ids, new.filter) {
        (Some(ids), None) if (1..=MAX_IDS).contains(&ids.len()) => {
            let ids: BTreeSet<String> = ids.into_iter().collect();
            let ids = Some(ids.into_iter().collect());
            let filter = RequestFilter { reach: caller.reach().clone(), ids, ..RequestFilter::default() };
            Ok(RequestSearch { filter, ..RequestSearch::default() })
        }
        (Some(ids), None) => {
            let detail =
                format!("ids: expected 1 to {MAX_IDS} ids, found {}; use `filter` for more", ids.len());
            Err(Problem::of(kinds::BAD_BODY, detail))
        }
        (None, Some(BulkFilter { connection, tenant, state, action, waits_for, late })) => {
            let query = RequestQuery {
                connection,
                tenant,
                state,
                action,
                waits_for,
                late,
                ..RequestQuery::default()
            };
            Ok(search(caller, &query))
        }
        (Some(_), Some(_)) | (None, None) => {
            Err(Problem::of(kinds::BAD_BODY, "expected either `ids` or `filter`, to say which requests"))
        }
    }
}

fn actor(caller: &Caller) -> Actor {
    Actor { api_key: caller.key().id.clone(), who: caller.who(), reach: caller.reach().clone() }
}

/// Lists acts, newest first: those whose requests the API key can all access.
#[utoipa::path(get, path = "/api/v1/bulk-acts", security(("key" = ["bulk:read"])), tag = "bulk acts", params(BulkActQuery),
    responses((status = 200, body = BulkActPage)))]
async fn list_bulk_acts(
    State(store): State<Store>,
    BulkRead(caller): BulkRead,
    Query(BulkActQuery { state, before, limit }): Query<BulkActQuery>,
) -> Result<axum::Json<BulkActPage>, Problem> {
    let reach = caller.reach().clone();
    let filter = BulkActFilter { reach, state: state.map(Into::into), before, limit: limit.0.into() };
    let acts = store.read(move |c| Box::pin(async move { stored::list(c, &filter).await })).await?;
    Ok(axum::Json(BulkActPage { acts: acts.into_iter().map(Into::into).collect() }))
}

/// Shows an act and how far it is.
#[utoipa::path(get, path = "/api/v1/bulk-acts/{id}", security(("key" = ["bulk:read"])), tag = "bulk acts", params(("id" = String, Path)),
    responses((status = 200, body = BulkAct), NotFound))]
async fn show_bulk_act(
    State(store): State<Store>,
    BulkRead(caller): BulkRead,
    Path(id): Path<String>,
) -> Result<axum::Json<BulkAct>, Problem> {
    Ok(axum::Json(reachable_act(&store, &caller, &id).await?.into()))
}

/// Lists the requests of an act, each with its result, in the order in which they were accepted.
#[utoipa::path(get, path = "/api/v1/bulk-acts/{id}/requests", security(("key" = ["bulk:read"])), tag = "bulk acts",
    params(("id" = String, Path), BulkRequestQuery),
    responses((status = 200, body = BulkRequestPage), NotFound))]
async fn list_bulk_act_requests(
    State(store): State<Store>,
    BulkRead(caller): BulkRead,
    Path(id): Path<String>,
    Query(BulkRequestQuery { result, after, limit }): Query<BulkRequestQuery>,
) -> Result<axum::Json<BulkRequestPage>, Problem> {
    let act = reachable_act(&store, &caller, &id).await?;
    let filter = BulkRequestFilter { result: result.map(Into::into), after, limit: limit.0.into() };
    let read = store.read(move |c| Box::pin(async move { stored::requests(c, act.seq, &filter).await }));
    Ok(axum::Json(BulkRequestPage { requests: read.await?.into_iter().map(Into::into).collect() }))
}

/// Approves a pending act, which begins. Needs `requests:write` as well. With `service.two-people`, not with the API key that made it.
#[utoipa::path(post, path = "/api/v1/bulk-acts/{id}/approve", security(("key" = ["bulk:write"])), tag = "bulk acts", params(("id" = String, Path)),
    responses((status = 200, body = BulkAct), Forbidden, NotFound, Conflict))]
async fn approve_bulk_act(
    State(acts): State<BulkActs>,
    BulkWrite(caller): BulkWrite,
    Path(id): Path<String>,
) -> Result<axum::Json<BulkAct>, Problem> {
    caller.check(RequestsWrite::SCOPE)?;
    Ok(axum::Json(acts.approve(actor(&caller), &id).await?.into()))
}

/// Withdraws a pending act: nothing is done.
#[utoipa::path(post, path = "/api/v1/bulk-acts/{id}/withdraw", security(("key" = ["bulk:write"])), tag = "bulk acts", params(("id" = String, Path)),
    responses((status = 200, body = BulkAct), Forbidden, NotFound, Conflict))]
async fn withdraw_bulk_act(
    State(acts): State<BulkActs>,
    BulkWrite(caller): BulkWrite,
    Path(id): Path<String>,
) -> Result<axum::Json<BulkAct>, Problem> {
    Ok(axum::Json(acts.withdraw(actor(&caller), &id).await?.into()))
}

async fn reachable_act(store: &Store, caller: &Caller, id: &str) -> Result<stored::BulkAct, Problem> {
    let (of, reach) = (id.to_owned(), caller.reach().clone());
    let found = store.read(move |c| Box::pin(async move { stored::show(c, &of, &reach).await })).await?;
    found.ok_or_else(|| NotDecided::Unknown(id.to_owned()).into())
}

impl From<NotMade> for Problem {
    fn from(error: NotMade) -> Self {
        let detail = error.to_string();
        match error {
            NotMade::Changed { found, expected } => Self::of(kinds::MATCHES_CHANGED, detail)
                .with("found", found.into())
                .with("expected", expected.into()),
            NotMade::Store(error) => error.into(),
        }
    }
}

impl From<NotDecided> for Problem {
    fn from(error: NotDecided) -> Self {
        let detail = error.to_string();
        match error {
            NotDecided::Unknown(_) => Self::of(kinds::UNKNOWN, detail),
            NotDecided::NotPending { state, .. } => {
                Self::of(kinds::NOT_PENDING, detail).with("state", state.to_string().into())
            }
            NotDecided::SamePerson(_) => Self::of(kinds::SECOND_PERSON, detail),
            NotDecided::Store(error) => error.into(),
        }
    }
}
