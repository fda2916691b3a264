//! Alarms: listed until an operator clears them by name.
//! Tested in `src/tests/connections.rs`.

use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::{Json, Path},
    caller::{AdminRead, AdminWrite, Caller},
    problem::{Problem, kinds},
    refusals::{Forbidden, NotFound},
    state::Api,
    types::alarms::{Alarm, Alarms, Clearing},
};
use host_service::alarms;
use host_store::alarms::StoredAlarm;

/// The maximum length of a note, which is a sentence and not a report.
const MAX_NOTE_CHARS: usize = 500;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_alarms)).routes(routes!(clear_alarm))
}

/// Lists the open alarms.
#[utoipa::path(get, path = "/api/v1/alarms", security(("key" = ["admin:read"])), tag = "alarms", responses((status = 200, body = Alarms)))]
async fn list_alarms(
    State(alarms): State<alarms::Alarms>,
    AdminRead(caller): AdminRead,
) -> Result<axum::Json<Alarms>, Problem> {
    let open = open_alarms(&alarms, &caller).await?;
    Ok(axum::Json(Alarms { alarms: open.into_iter().map(Into::into).collect() }))
}

/// Clears an alarm in the name of the API key. The same cause may raise it again.
#[utoipa::path(post, path = "/api/v1/alarms/{id}/clear", security(("key" = ["admin:write"])), tag = "alarms", params(("id" = String, Path)),
    responses((status = 200, body = Alarm), Forbidden, NotFound))]
async fn clear_alarm(
    State(alarms): State<alarms::Alarms>,
    AdminWrite(caller): AdminWrite,
    Path(id): Path<String>,
    Json(Clearing { note }): Json<Clearing>,
) -> Result<axum::Json<Alarm>, Problem> {
    if note.as_ref().is_some_and(|note| note.chars().count() > MAX_NOTE_CHARS) {
        let detail = format!("note: at most {MAX_NOTE_CHARS} characters");
        return Err(Problem::of(kinds::BAD_BODY, detail));
    }
    let unknown = || Problem::of(kinds::UNKNOWN, format!("there is no open alarm {id}"));
    let open = open_alarms(&alarms, &caller).await?;
    let alarm = open.into_iter().find(|alarm| alarm.id == id).ok_or_else(unknown)?;
    let cleared = alarms.clear(alarm.id, caller.who(), note).await?.ok_or_else(unknown)?;
    Ok(axum::Json(cleared.into()))
}

/// The open alarms that `caller` may see.
async fn open_alarms(alarms: &alarms::Alarms, caller: &Caller) -> Result<Vec<StoredAlarm>, Problem> {
    let open = alarms.open().await?;
    let is_seen = |alarm: &StoredAlarm| match &alarm.connection {
        Some(key) => caller.reach().includes(&alarm.tenant, key),
        None => caller.reach().includes_tenant(&alarm.tenant),
    };
    Ok(open.into_iter().filter(is_seen).collect())
}
