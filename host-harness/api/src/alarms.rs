//! Alarms: listed until somebody clears them by name.

use axum::{
    Router,
    extract::State,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::{
    body::{Json, Path},
    caller::{Caller, Writer},
    problem::{Problem, kinds},
};
use crate::state::Api;
use host_service::alarms;
use host_store::alarms::Raised;

/// A note is a sentence, not a report.
const LONGEST_NOTE: usize = 500;

#[derive(OpenApi)]
#[openapi(paths(list, clear))]
pub(super) struct Part;

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/api/v1/alarms", get(list)).route("/api/v1/alarms/{id}/clear", post(clear))
}

/// The alarms that nobody has cleared.
#[derive(Serialize, ToSchema)]
struct Alarms {
    /// Oldest first.
    #[schema(value_type = Vec<Object>)]
    alarms: Vec<Raised>,
}

/// How an alarm is cleared.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct Clearing {
    /// What was done about it, free of personal data; at most 500 characters.
    note: Option<String>,
}

/// The alarms that nobody has cleared.
#[utoipa::path(get, path = "/api/v1/alarms", tag = "alarms", responses((status = 200, body = Alarms)))]
async fn list(State(alarms): State<alarms::Alarms>, caller: Caller) -> Result<axum::Json<Alarms>, Problem> {
    Ok(axum::Json(Alarms { alarms: seen(&alarms, &caller).await? }))
}

/// Clears an alarm in the name of the API key. What it was about may raise it again.
#[utoipa::path(post, path = "/api/v1/alarms/{id}/clear", tag = "alarms", params(("id" = String, Path)),
    request_body = Clearing, responses((status = 200, body = Object)))]
async fn clear(
    State(alarms): State<alarms::Alarms>,
    Writer(caller): Writer,
    Path(id): Path<String>,
    Json(Clearing { note }): Json<Clearing>,
) -> Result<axum::Json<Raised>, Problem> {
    if note.as_ref().is_some_and(|note| note.chars().count() > LONGEST_NOTE) {
        let detail = format!("note: at most {LONGEST_NOTE} characters");
        return Err(Problem::of(kinds::BAD_BODY, detail));
    }
    let unknown = || Problem::of(kinds::UNKNOWN, format!("no alarm {id} is open"));
    let alarm = seen(&alarms, &caller).await?.into_iter().find(|alarm| alarm.id == id).ok_or_else(unknown)?;
    let cleared = alarms.clear(alarm.id, caller.who(), note).await?;
    cleared.map(axum::Json).ok_or_else(unknown)
}

/// The open alarms that `caller` may see.
async fn seen(alarms: &alarms::Alarms, caller: &Caller) -> Result<Vec<Raised>, Problem> {
    let open = alarms.open().await?;
    Ok(open.into_iter().filter(|alarm| caller.reaches(&alarm.tenant)).collect())
}
