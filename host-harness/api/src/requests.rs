//! Requests: sent, listed, looked at, and put back in the queue.

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};

use super::{
    access,
    body::{Json, Path, Query},
    caller::{Caller, Writer},
    found::found,
    problem::{Problem, kinds},
};
use crate::identity::Identity;
use crate::state::Api;
use host_model::requests::{Action, State as Standing};
use host_service::connections::Connections;
use host_service::requests::Requests;
use host_service::requests::{
    accept::{AcceptError, Accepted, Submission},
    forecast::Forecast,
    handler::Asked,
};
use host_store::Store;
use host_store::requests::{self, AttemptView, Filter, View};

/// A page that is read in one go.
const USUAL_PAGE: i64 = 50;
const LARGEST_PAGE: i64 = 500;
/// As Stripe and others have it: a UUID fits many times.
const LONGEST_IDEMPOTENCY_KEY: usize = 255;

#[derive(OpenApi)]
#[openapi(paths(submit, list, show, replay))]
pub(super) struct Part;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/connection/{key}/requests", post(submit))
        .route("/api/v1/requests", get(list))
        .route("/api/v1/requests/{id}", get(show))
        .route("/api/v1/requests/{id}/replay", post(replay))
}

/// What is asked for one person.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// `erasure`: erase the person. `reading`: read the person's choices anew, for webhooks that were lost.
    #[schema(value_type = String)]
    action: Action,
    identity: Identity,
}

/// A request that is stored.
#[derive(Serialize, ToSchema)]
struct Taken {
    /// Look at `/api/v1/requests/{id}`.
    id: String,
    /// Where it stands.
    #[schema(value_type = String)]
    state: Standing,
    /// Whether it was sent before, under this idempotency key.
    was_sent_before: bool,
}

/// Stores a request and answers once it is on disk. Sent again with the same `Idempotency-Key`, it is the same request.
#[utoipa::path(post, path = "/api/v1/connection/{key}/requests", tag = "requests",
    params(("key" = String, Path), ("Idempotency-Key" = Option<String>, Header)), request_body = Wanted,
    responses((status = 202, body = Taken)))]
async fn submit(
    State(connections): State<Connections>,
    State(requests): State<Requests>,
    Writer(caller): Writer,
    Path(key): Path<String>,
    headers: HeaderMap,
    Json(asked): Json<Wanted>,
) -> Result<Response, Problem> {
    found(&connections, &caller, &key).await?;
    let what = match asked.action {
        Action::Erasure => Asked::Erasure,
        Action::Reading => Asked::Reading,
        Action::Consent => {
            let detail = "action: preferences are sent to /api/v1/connection/{key}/consent";
            return Err(Problem::of(kinds::BAD_BODY, detail));
        }
    };
    let submission = Submission {
        connection: key,
        subject: asked.identity.into(),
        asked: what,
        idempotency_key: idempotency_key(&headers)?,
    };
    Ok(taken(requests.accept(submission).await?))
}

/// The answer to whoever sent a request.
pub(super) fn taken(accepted: Accepted) -> Response {
    let Accepted { view, was_sent_before } = accepted;
    let place = HeaderValue::try_from(format!("/api/v1/requests/{}", view.id));
    let body = axum::Json(Taken { id: view.id, state: view.state, was_sent_before });
    let mut response = (StatusCode::ACCEPTED, body).into_response();
    if let Ok(place) = place {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}

/// The key under which a repeated request is the same one.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| !key.is_empty() && key.len() <= LONGEST_IDEMPOTENCY_KEY);
    let wrong = || {
        let detail =
            format!("Idempotency-Key: 1 to {LONGEST_IDEMPOTENCY_KEY} visible ASCII characters are wanted");
        Problem::of(kinds::BAD_BODY, detail)
    };
    key.map(|key| Some(key.to_owned())).ok_or_else(wrong)
}

/// Which requests to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Which {
    /// Of this connection.
    connection: Option<String>,
    /// In this state: waiting, running, done, failed, skipped or expired.
    #[param(value_type = Option<String>)]
    state: Option<Standing>,
    /// Those accepted before the request of this id: the last one of the page before.
    before: Option<String>,
    /// So many, at most 500; 50 where nothing is said.
    limit: Option<i64>,
}

/// A page of requests.
#[derive(Serialize, ToSchema)]
struct Page {
    /// Newest first.
    #[schema(value_type = Vec<Object>)]
    requests: Vec<View>,
}

/// Lists requests, newest first. Nothing personal is in them.
#[utoipa::path(get, path = "/api/v1/requests", tag = "requests", params(Which), responses((status = 200, body = Page)))]
async fn list(
    State(store): State<Store>,
    caller: Caller,
    Query(which): Query<Which>,
) -> Result<axum::Json<Page>, Problem> {
    let filter = Filter {
        tenants: caller.tenants(),
        connection: which.connection,
        state: which.state,
        before: which.before,
        limit: which.limit.unwrap_or(USUAL_PAGE).clamp(1, LARGEST_PAGE),
    };
    let listed = store.read(move |c| Box::pin(async move { requests::list(c, &filter).await }));
    Ok(axum::Json(Page { requests: listed.await? }))
}

/// One request, with everything that is known of it.
#[derive(Serialize, ToSchema)]
struct Shown {
    #[serde(flatten)]
    #[schema(value_type = Object)]
    request: View,
    /// When it is expected to run, and what holds it back until then.
    #[schema(value_type = Object)]
    forecast: Forecast,
    /// Each attempt, with the plugin that ran.
    #[schema(value_type = Vec<Object>)]
    attempts: Vec<AttemptView>,
}

/// Shows a request, when it will run, and each of its attempts.
#[utoipa::path(get, path = "/api/v1/requests/{id}", tag = "requests", params(("id" = String, Path)),
    responses((status = 200, body = Shown)))]
async fn show(
    State(store): State<Store>,
    State(requests): State<Requests>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<axum::Json<Shown>, Problem> {
    let request = known(&store, &caller, &id).await?;
    let attempts = store.read(move |c| Box::pin(async move { requests::attempts(c, &id).await }));
    let attempts = attempts.await?;
    Ok(axum::Json(Shown { forecast: requests.forecast(&request).await?, request, attempts }))
}

/// Puts a request that failed or expired back in the queue.
#[utoipa::path(post, path = "/api/v1/requests/{id}/replay", tag = "requests", params(("id" = String, Path)),
    responses((status = 202, body = Taken)))]
async fn replay(
    State(store): State<Store>,
    State(requests): State<Requests>,
    Writer(caller): Writer,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let request = known(&store, &caller, &id).await?;
    let Some(view) = requests.replay(request, caller.who()).await? else {
        let detail = "only a request that failed or expired, and whose person is still known here, can be replayed; \
                      send a new one instead";
        return Err(Problem::of(kinds::NOT_REPLAYED, detail));
    };
    Ok(taken(Accepted { view, was_sent_before: true }))
}

async fn known(store: &Store, caller: &Caller, id: &str) -> Result<View, Problem> {
    let asked = id.to_owned();
    let shown = store.read(|c| Box::pin(async move { requests::show(c, &asked).await })).await?;
    let seen = shown.filter(|view| caller.reaches(&view.tenant));
    let view = seen.ok_or_else(|| Problem::of(kinds::UNKNOWN, format!("there is no request {id}")))?;
    access::about(&view.tenant, &view.connection);
    Ok(view)
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
            AcceptError::Nobody => Self::of(kinds::BAD_BODY, detail),
            AcceptError::KeyReused { id } => Self::of(kinds::KEY_REUSED, detail).with("request", id.into()),
            AcceptError::Store(error) => error.into(),
        }
    }
}
