//! Consent: preferences sent, the mapping of items to notices in Fides' shape, and the feed of what vendors told.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};

use super::{
    body::{Json, Path, Query, Text},
    caller::{Caller, Writer},
    found::found,
    problem::{Problem, kinds},
    requests::{idempotency_key, taken},
};
use crate::identity::Identity;
use crate::state::Api;
use host_harness::clock::Clock;
use host_model::consent::{
    mapping::{ConsentableItem, MappingFile},
    outbound::Requested,
};
use host_service::connections::Connections;
use host_service::consent::feed::Feed;
use host_service::consent::mappings::Mappings;
use host_service::requests::Requests;
use host_service::{
    consent::{feed::Page, mappings::MappingError},
    requests::{accept::Submission, handler::Asked},
};

/// A page of the feed that is read in one go.
const USUAL_PAGE: i64 = 100;
/// Clocks differ by seconds; a choice further ahead is a slip.
const AHEAD_MS: u64 = 5 * 60 * 1_000;
/// People who are read again by one call: each becomes a request of its own.
const MOST_READ: usize = 1_000;

#[derive(OpenApi)]
#[openapi(paths(submit, reconcile, show_mapping, put_mapping, export, import, events))]
pub(super) struct Part;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/connection/{key}/consent", post(submit))
        .route("/api/v1/connection/{key}/reconcile", post(reconcile))
        .route("/api/v1/plus/connection/{key}/consentable-items", get(show_mapping).put(put_mapping))
        .route("/api/v1/connection/{key}/mapping", get(export).put(import))
        .route("/api/v1/consent-events", get(events))
}

/// One person's preferences.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Preferences {
    identity: Identity,
    /// `notices`: `notice` (its id or key), `preference` (`opt_in`, `opt_out`), `chosen_at_ms`, `source`, and the `cause` of
    /// one that was derived here. `items`: choices for items themselves.
    #[schema(value_type = Object)]
    preferences: Requested,
}

/// Stores a person's preferences, and answers once they are on disk. The request's outcome reports on each notice and item.
#[utoipa::path(post, path = "/api/v1/connection/{key}/consent", tag = "consent",
    params(("key" = String, Path), ("Idempotency-Key" = Option<String>, Header)), request_body = Preferences,
    responses((status = 202, body = Object)))]
async fn submit(
    State(connections): State<Connections>,
    State(requests): State<Requests>,
    State(clock): State<Arc<dyn Clock>>,
    Writer(caller): Writer,
    Path(key): Path<String>,
    headers: HeaderMap,
    Json(asked): Json<Preferences>,
) -> Result<Response, Problem> {
    found(&connections, &caller, &key).await?;
    let ahead = u64::try_from(clock.date_ms()).unwrap_or(0).saturating_add(AHEAD_MS);
    if asked.preferences.times().any(|chosen_at_ms| chosen_at_ms > ahead) {
        let detail = "chosen_at_ms: more than 5 minutes ahead, by a clock that is wrong; send when the choice was made";
        return Err(Problem::of(kinds::BAD_BODY, detail));
    }
    let submission = Submission {
        connection: key,
        subject: asked.identity.into(),
        asked: Asked::Consent(asked.preferences),
        idempotency_key: idempotency_key(&headers)?,
    };
    Ok(taken(requests.accept(submission).await?))
}

/// People whose webhooks may have been lost.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct People {
    /// At most 1,000.
    people: Vec<Identity>,
}

/// The requests that read people again.
#[derive(Serialize, ToSchema)]
struct Reading {
    /// One for each person, in their order: its id, or why there is none.
    requests: Vec<Begun>,
}

/// A person's reading.
#[derive(Serialize, ToSchema)]
struct Begun {
    /// The request's id.
    id: Option<String>,
    /// Why there is none.
    refused: Option<String>,
}

/// Reads what the vendor holds for people, for choices that no webhook told. What differs comes through the feed.
#[utoipa::path(post, path = "/api/v1/connection/{key}/reconcile", tag = "consent", params(("key" = String, Path)),
    request_body = People, responses((status = 202, body = Reading)))]
async fn reconcile(
    State(connections): State<Connections>,
    State(requests): State<Requests>,
    Writer(caller): Writer,
    Path(key): Path<String>,
    Json(asked): Json<People>,
) -> Result<(axum::http::StatusCode, axum::Json<Reading>), Problem> {
    found(&connections, &caller, &key).await?;
    if asked.people.len() > MOST_READ {
        return Err(Problem::of(kinds::BAD_BODY, format!("people: at most {MOST_READ} at a time")));
    }
    let subjects = asked.people.into_iter().map(Into::into).collect();
    let begun = requests.reconcile(&key, subjects).await.into_iter().map(|accepted| match accepted {
        Ok(accepted) => Begun { id: Some(accepted.view.id), refused: None },
        Err(error) => Begun { id: None, refused: Some(error.to_string()) },
    });
    Ok((axum::http::StatusCode::ACCEPTED, axum::Json(Reading { requests: begun.collect() })))
}

/// The mapping of the vendor's items to notices, in Fides' shape: what is saved over what the vendor lists now. `unmapped`
/// marks what is not saved yet, `vanished` what the vendor no longer lists.
#[utoipa::path(get, path = "/api/v1/plus/connection/{key}/consentable-items", tag = "consent",
    params(("key" = String, Path)), responses((status = 200, body = Vec<Object>)))]
async fn show_mapping(
    State(connections): State<Connections>,
    State(mappings): State<Mappings>,
    caller: Caller,
    Path(key): Path<String>,
) -> Result<axum::Json<Vec<ConsentableItem>>, Problem> {
    found(&connections, &caller, &key).await?;
    Ok(axum::Json(mappings.show(&key).await?))
}

/// Saves the mapping as a whole, or says which rules it breaks and saves nothing.
#[utoipa::path(put, path = "/api/v1/plus/connection/{key}/consentable-items", tag = "consent",
    params(("key" = String, Path)), request_body = Vec<Object>, responses((status = 200, body = Vec<Object>)))]
async fn put_mapping(
    State(connections): State<Connections>,
    State(mappings): State<Mappings>,
    Writer(caller): Writer,
    Path(key): Path<String>,
    Json(items): Json<Vec<ConsentableItem>>,
) -> Result<axum::Json<Vec<ConsentableItem>>, Problem> {
    found(&connections, &caller, &key).await?;
    Ok(axum::Json(mappings.put(&key, items, caller.who()).await?))
}

/// The saved mapping as a file, in TOML, to keep beside other configuration.
#[utoipa::path(get, path = "/api/v1/connection/{key}/mapping", tag = "consent", params(("key" = String, Path)),
    responses((status = 200, body = String, content_type = "application/toml")))]
async fn export(
    State(connections): State<Connections>,
    State(mappings): State<Mappings>,
    caller: Caller,
    Path(key): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    found(&connections, &caller, &key).await?;
    let file = mappings.export(&key).await?.to_toml();
    let file = file.map_err(|error| Problem::of(kinds::INTERNAL, error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "application/toml")], file))
}

/// Saves the mapping that a file describes, as a whole or not at all.
#[utoipa::path(put, path = "/api/v1/connection/{key}/mapping", tag = "consent", params(("key" = String, Path)),
    request_body(content = String, content_type = "application/toml"), responses((status = 200, body = Vec<Object>)))]
async fn import(
    State(connections): State<Connections>,
    State(mappings): State<Mappings>,
    Writer(caller): Writer,
    Path(key): Path<String>,
    Text(text): Text,
) -> Result<axum::Json<Vec<ConsentableItem>>, Problem> {
    found(&connections, &caller, &key).await?;
    let file =
        MappingFile::from_toml(&text).map_err(|error| Problem::of(kinds::BAD_BODY, error.to_string()))?;
    Ok(axum::Json(mappings.import(&key, file, caller.who()).await?))
}

/// Which part of the feed.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct After {
    /// The cursor of the page before; 0 begins.
    #[serde(default)]
    after: i64,
    /// So many, at most 1,000; 100 where nothing is said.
    limit: Option<i64>,
}

/// What people chose at vendors, oldest first: item choices, and the notice preferences derived from them. Personal data is
/// in it. Ask again after the `cursor` of the answer; nothing is passed over.
#[utoipa::path(get, path = "/api/v1/consent-events", tag = "consent", params(After),
    responses((status = 200, body = Object)))]
async fn events(
    State(feed): State<Feed>,
    caller: Caller,
    Query(After { after, limit }): Query<After>,
) -> Result<axum::Json<Page>, Problem> {
    let tenants = caller.tenants();
    let page = feed.events_after(tenants.as_deref(), after, limit.unwrap_or(USUAL_PAGE)).await?;
    Ok(axum::Json(page))
}

impl From<MappingError> for Problem {
    fn from(error: MappingError) -> Self {
        let detail = error.to_string();
        match error {
            MappingError::NotServed(not_served) => not_served.into(),
            MappingError::NotListed(_) => Self::of(kinds::VENDOR, detail),
            MappingError::Problems(problems) => {
                let errors = problems.iter().map(|problem| (problem.place.clone(), problem.without_place()));
                Self::of(kinds::UNSOUND_MAPPING, "nothing of it is saved").about_fields(errors)
            }
            MappingError::Store(error) => error.into(),
        }
    }
}
