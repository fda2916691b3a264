//! Alarms, each with what to do and where.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    Form, Router,
    extract::{Path, Query, State},
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
use url::form_urlencoded::Serializer;

use crate::{
    advice::{Advice, AdvicePlace, advice},
    answers::{Failed, Screen},
    done::Done,
    frame::{Frame, NavSection},
    state::Page,
    text::{Number, Time, segment},
    user::User,
};

/// How many alarms a screen shows: with more, it would exceed 100 KB together with everything that it loads.
const PAGE: usize = 30;

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
        Self { id, kind: words(&kind), place, detail, raised: Time::at(raised_at), todo, link }
    }
}

/// Returns a kind of alarm in words.
fn words(kind: &str) -> String {
    kind.replace('-', " ")
}

/// The open alarms, oldest first.
pub(super) async fn open(api: &ApiClient, user: &User) -> Result<Vec<Alarm>, Failed> {
    let Alarms { alarms } = api.call(&user.caller, Method::GET, "/api/v1/alarms", None).await?;
    Ok(alarms)
}

/// Which alarms are shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AlarmFilter {
    /// Such as `request-late`; empty for all.
    kind: String,
    /// When the last alarm of the screen before was raised, and its id.
    after_at: i64,
    after: String,
}

impl AlarmFilter {
    /// Returns whether an alarm is of this kind and comes after the screen before. Alarms are sorted by time, then by id.
    fn includes(&self, alarm: &Alarm) -> bool {
        let is_of_kind = self.kind.is_empty() || alarm.kind == self.kind;
        is_of_kind && (alarm.raised_at, &alarm.id) > (self.after_at, &self.after)
    }

    /// Returns the address of the alarms after `last`.
    fn address_after(&self, last: &Alarm) -> String {
        let mut query = Serializer::new(String::new());
        query.append_pair("kind", &self.kind).append_pair("after_at", &last.raised_at.to_string());
        format!("/alarms?{}", query.append_pair("after", &last.id).finish())
    }
}

/// A kind of alarm that can be shown alone.
struct KindChoice {
    kind: String,
    name: String,
    /// How many alarms of the kind are open.
    count: Number,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "alarms.html")]
struct AlarmsScreen {
    frame: Frame,
    /// How many alarms are open.
    open: Number,
    kinds: Vec<KindChoice>,
    alarms: Vec<AlarmRow>,
    /// The address of the next screen, if there is one.
    newer: Option<String>,
}

async fn list(
    State(api): State<ApiClient>,
    user: User,
    Query(filter): Query<AlarmFilter>,
) -> Result<Screen<AlarmsScreen>, Failed> {
    let open = open(&api, &user).await?;
    let mut kinds = BTreeMap::<_, usize>::new();
    for alarm in &open {
        *kinds.entry(alarm.kind.clone()).or_default() += 1;
    }
    let count = Number::of(open.len());
    let mut rest = open.into_iter().filter(|alarm| filter.includes(alarm));
    let alarms: Vec<_> = rest.by_ref().take(PAGE).collect();
    let is_more = rest.next().is_some();
    let newer = alarms.last().filter(|_| is_more).map(|last| filter.address_after(last));
    let choice = |(kind, count): (String, usize)| {
        let is_chosen = kind == filter.kind;
        KindChoice { name: words(&kind), kind, count: Number::of(count), is_chosen }
    };
    Ok(Screen(AlarmsScreen {
        frame: Frame::of(&user, NavSection::Alarms, "Alarms"),
        open: count,
        kinds: kinds.into_iter().map(choice).collect(),
        alarms: alarms.into_iter().map(Into::into).collect(),
        newer,
    }))
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
