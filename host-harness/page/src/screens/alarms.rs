//! Alarms, each with what to do and where.

use askama::Template;
use axum::{
    Form, Router,
    extract::{Path, State},
    response::Response,
    routing::{get, post},
};
use host_api::{
    page::ApiClient,
    types::alarms::{Alarm, Alarms},
};
use http::Method;
use serde::Deserialize;
use serde_json::json;

use crate::{
    advice::{Advice, AdvicePlace, advice},
    answers::{Failed, Screen},
    done::Done,
    frame::{Frame, NavSection},
    state::Page,
    text::{Time, segment},
    user::User,
};

pub(super) fn routes() -> Router<Page> {
    Router::new().route("/alarms", get(list)).route("/alarms/{id}/clear", post(clear))
}

/// An alarm as the screen shows it.
pub(super) struct AlarmRow {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) place: String,
    pub(super) detail: String,
    pub(super) raised: Time,
    /// What to do about it, unless a later version of the service raised it.
    pub(super) todo: Option<&'static str>,
    /// The screen on which that is done: its address and its name.
    pub(super) link: Option<(String, &'static str)>,
}

impl From<Alarm> for AlarmRow {
    fn from(alarm: Alarm) -> Self {
        let Alarm { id, tenant, connection, kind, about, detail, raised_at, .. } = alarm;
        let advice = advice(&kind);
        let of_connection =
            |name, address: &dyn Fn(String) -> String| Some((address(segment(connection.as_deref()?)), name));
        let link = advice.as_ref().and_then(|Advice { place, .. }| match place {
            AdvicePlace::Request => Some((format!("/requests/{}", segment(&about)), "Show the request")),
            AdvicePlace::RequestsOfConnection => {
                of_connection("Show the requests of the connection", &|key| {
                    format!("/requests?connection={key}")
                })
            }
            AdvicePlace::Connection => {
                of_connection("Show the connection", &|key| format!("/connections/{key}"))
            }
            AdvicePlace::UnreadDeliveries => of_connection("Show the unread deliveries", &|key| {
                format!("/connections/{key}/deliveries?unread=true")
            }),
            AdvicePlace::Webhook => {
                of_connection("Show the webhook", &|key| format!("/connections/{key}/webhook"))
            }
            AdvicePlace::Plugins => Some(("/plugins".to_owned(), "Show the plugins")),
            AdvicePlace::Keys => Some(("/keys".to_owned(), "Show the API keys")),
            AdvicePlace::Elsewhere => None,
        });
        let place = connection.unwrap_or(tenant);
        let place = if place.is_empty() { "the service".to_owned() } else { place };
        let todo = advice.map(|advice| advice.todo);
        Self { id, kind: kind.replace('-', " "), place, detail, raised: Time::at(raised_at), todo, link }
    }
}

/// The open alarms, oldest first.
pub(super) async fn open(api: &ApiClient, user: &User) -> Result<Vec<AlarmRow>, Failed> {
    let Alarms { alarms } = api.call(&user.caller, Method::GET, "/api/v1/alarms", None).await?;
    Ok(alarms.into_iter().map(Into::into).collect())
}

#[derive(Template)]
#[template(path = "alarms.html")]
struct AlarmsScreen {
    frame: Frame,
    alarms: Vec<AlarmRow>,
}

async fn list(State(api): State<ApiClient>, user: User) -> Result<Screen<AlarmsScreen>, Failed> {
    let frame = Frame::of(&user, NavSection::Alarms, "Alarms");
    Ok(Screen(AlarmsScreen { frame, alarms: open(&api, &user).await? }))
}

#[derive(Deserialize)]
struct Clearing {
    note: String,
}

async fn clear(
    State(api): State<ApiClient>,
    user: User,
    Path(id): Path<String>,
    Form(Clearing { note }): Form<Clearing>,
) -> Result<Response, Failed> {
    let note = (!note.trim().is_empty()).then(|| note.trim().to_owned());
    let path = format!("/api/v1/alarms/{}/clear", segment(&id));
    let _cleared: Alarm = api.call(&user.caller, Method::POST, &path, Some(json!({"note": note}))).await?;
    Ok(Done::AlarmCleared.at("/alarms"))
}
