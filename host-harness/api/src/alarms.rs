//! Alarms: listed until somebody clears them by name.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{OpenApi, ToSchema};

use super::{
    body::{Json, Path},
    caller::{Caller, Writer},
    problem::{Problem, kinds},
};
use crate::state::Api;
use host_harness::clock::Clock;
use host_store::Store;
use host_store::{
    alarms::{self, Raised},
    audit::{self, Record},
};

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
async fn list(State(store): State<Store>, caller: Caller) -> Result<axum::Json<Alarms>, Problem> {
    let alarms = store.read(|connection| Box::pin(alarms::open(connection))).await?;
    let seen = alarms.into_iter().filter(|alarm| caller.reaches(&alarm.tenant)).collect();
    Ok(axum::Json(Alarms { alarms: seen }))
}

/// Clears an alarm in the name of the API key. What it was about may raise it again.
#[utoipa::path(post, path = "/api/v1/alarms/{id}/clear", tag = "alarms", params(("id" = String, Path)),
    request_body = Clearing, responses((status = 200, body = Object)))]
async fn clear(
    State(clock): State<Arc<dyn Clock>>,
    State(store): State<Store>,
    Writer(caller): Writer,
    Path(id): Path<String>,
    Json(Clearing { note }): Json<Clearing>,
) -> Result<axum::Json<Raised>, Problem> {
    if note.as_ref().is_some_and(|note| note.chars().count() > LONGEST_NOTE) {
        let detail = format!("note: at most {LONGEST_NOTE} characters");
        return Err(Problem::of(kinds::BAD_BODY, detail));
    }
    let (at, who) = (clock.date_ms(), caller.who().0);
    let by = note.map_or_else(|| who.clone(), |note| format!("{who}: {note}"));
    let asked = id.clone();
    let cleared = store.write(move |tx| {
        Box::pin(async move {
            let open = alarms::open(tx).await?;
            if !open.iter().any(|alarm| alarm.id == id && caller.reaches(&alarm.tenant)) {
                return Ok(None);
            }
            let cleared = alarms::clear(tx, at, &id, &by).await?;
            if let Some(alarm) = &cleared {
                let detail = json!({"by": who, "alarm": alarm.kind, "about": alarm.about});
                let record =
                    Record { connection: alarm.connection.clone(), detail, ..Record::of("alarm-cleared") };
                audit::append(tx, &alarm.tenant, at, &record).await?;
            }
            Ok(cleared)
        })
    });
    let unknown = || Problem::of(kinds::UNKNOWN, format!("no alarm {asked} is open"));
    cleared.await?.map(axum::Json).ok_or_else(unknown)
}
