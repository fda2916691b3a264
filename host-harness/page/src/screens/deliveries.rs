//! The deliveries of a connection's webhook: which could not be read and why, and reading them again.

use askama::Template;
use axum::{
    Form, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use host_api::{
    page::ApiClient,
    types::deliveries::{Deliveries, Delivery, DeliveryState, Replayed},
};
use http::Method;
use jiff::{Timestamp, civil, tz::TimeZone};
use serde::Deserialize;

use super::{shown_request::StateTag, webhook};
use crate::{
    answers::{Failed, Screen},
    confirm::{ConfirmScreen, Tone},
    done::Done,
    form::FormField,
    frame::{Frame, NavSection},
    state::Page,
    text::{Time, count, segment},
    user::User,
};

/// How many deliveries a screen shows.
const PAGE: usize = 50;

pub(super) fn routes() -> Router<Page> {
    Router::new()
        .route("/connections/{key}/deliveries", get(list))
        .route("/connections/{key}/deliveries/replay", get(ask_replay).post(replay_all))
        .route("/connections/{key}/deliveries/{id}/replay", post(replay_one))
}

fn address(key: &str) -> String {
    format!("/connections/{}/deliveries", segment(key))
}

fn api_path(key: &str) -> String {
    format!("/api/v1/connection/{}/deliveries", segment(key))
}

/// A delivery as the screen shows it.
struct DeliveryRow {
    id: String,
    number: i64,
    received: Time,
    state: StateTag,
    reason: Option<String>,
    events: String,
    readings: String,
    may_replay: bool,
}

impl From<Delivery> for DeliveryRow {
    fn from(delivery: Delivery) -> Self {
        let (word, tone) = match delivery.state {
            DeliveryState::Waiting => ("Waiting", "open"),
            DeliveryState::Read => ("Read", "good"),
            DeliveryState::OfNoConcern => ("Of no concern", "quiet"),
            DeliveryState::Unreadable => ("Unreadable", "bad"),
            DeliveryState::Stuck => ("Stuck", "bad"),
            DeliveryState::Damaged => ("Damaged", "bad"),
            DeliveryState::Refused => ("Refused", "bad"),
        };
        let is_unread = matches!(
            delivery.state,
            DeliveryState::Unreadable | DeliveryState::Stuck | DeliveryState::Damaged
        );
        Self {
            number: delivery.seq,
            received: Time::at(delivery.received_at),
            state: StateTag { word, tone },
            reason: delivery.reason,
            events: count(delivery.events, "event", "events"),
            readings: count(delivery.readings, "reading", "readings"),
            may_replay: is_unread && delivery.kept,
            id: delivery.id,
        }
    }
}

/// Which deliveries are shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Shown {
    unread: bool,
    before: Option<i64>,
}

impl Shown {
    fn query(&self) -> String {
        let before = self.before.map(|before| format!("&before={before}")).unwrap_or_default();
        format!("limit={PAGE}&unread={}{before}", self.unread)
    }
}

#[derive(Template)]
#[template(path = "deliveries.html")]
struct DeliveriesScreen {
    frame: Frame,
    key: String,
    address: String,
    webhook: String,
    is_unread: bool,
    /// Whether the screen was asked for by its own address, so that it can stay current.
    is_live: bool,
    deliveries: Vec<DeliveryRow>,
    older: Option<String>,
    newest: Option<String>,
    /// The fields of the form for reading all again.
    fields: Vec<FormField>,
}

impl DeliveriesScreen {
    async fn of(api: &ApiClient, user: &User, key: String, shown: &Shown) -> Result<Self, Failed> {
        let path = format!("{}?{}", api_path(&key), shown.query());
        let Deliveries { deliveries } = api.call(&user.caller, Method::GET, &path, None).await?;
        let here = format!("{}?unread={}", address(&key), shown.unread);
        let last = deliveries.last().filter(|_| deliveries.len() == PAGE);
        Ok(Self {
            frame: Frame::of(user, NavSection::Connections, format!("Deliveries to {key}")),
            address: address(&key),
            webhook: webhook::address(&key),
            is_unread: shown.unread,
            is_live: true,
            older: last.map(|last| format!("{here}&before={}", last.seq)),
            newest: shown.before.map(|_| here),
            deliveries: deliveries.into_iter().map(Into::into).collect(),
            fields: vec![since_field("")],
            key,
        })
    }
}

fn since_field(value: &str) -> FormField {
    FormField::text("since", "Only those received since", value)
        .hint("A time in UTC, such as 2026-01-31 12:00. Leave it empty for all that are kept.")
}

async fn list(
    State(api): State<ApiClient>,
    user: User,
    Path(key): Path<String>,
    Query(shown): Query<Shown>,
) -> Result<Screen<DeliveriesScreen>, Failed> {
    Ok(Screen(DeliveriesScreen::of(&api, &user, key, &shown).await?))
}

async fn replay_one(
    State(api): State<ApiClient>,
    user: User,
    Path((key, id)): Path<(String, String)>,
) -> Result<Response, Failed> {
    let path = format!("/api/v1/deliveries/{}/replay", segment(&id));
    let Replayed { deliveries } = api.call(&user.caller, Method::POST, &path, None).await?;
    let done = if deliveries == 0 { Done::DeliveryUnchanged } else { Done::DeliveriesReplayed };
    Ok(done.at(&address(&key)))
}

/// A time as the user typed it; empty for none.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Since {
    since: String,
}

impl Since {
    /// Returns the time in milliseconds, or why it is none.
    fn read(&self) -> Result<Option<i64>, String> {
        let typed = self.since.trim().trim_end_matches("UTC").trim_end();
        if typed.is_empty() {
            return Ok(None);
        }
        let wrong = || format!("expected a time in UTC such as 2026-01-31 12:00, found {typed}");
        if let Ok(at) = typed.parse::<Timestamp>() {
            return Ok(Some(at.as_millisecond()));
        }
        let at: civil::DateTime = typed.parse().map_err(|_| wrong())?;
        let at = at.to_zoned(TimeZone::UTC).map_err(|_| wrong())?;
        Ok(Some(at.timestamp().as_millisecond()))
    }
}

fn replay_path(key: &str, since: Option<i64>) -> String {
    let since = since.map(|since| format!("&since={since}")).unwrap_or_default();
    format!("{}/replay?{}", api_path(key), since.trim_start_matches('&'))
}

/// Asks before all unread deliveries since a time are read again, with how many they are.
async fn ask_replay(
    State(api): State<ApiClient>,
    user: User,
    Path(key): Path<String>,
    Query(asked): Query<Since>,
) -> Result<Response, Failed> {
    let since = match asked.read() {
        Ok(since) => since,
        Err(why) => {
            let shown = Shown { unread: true, before: None };
            let mut screen = DeliveriesScreen::of(&api, &user, key, &shown).await?;
            screen.is_live = false;
            screen.fields = vec![since_field(&asked.since).error(Some(why))];
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, Screen(screen)).into_response());
        }
    };
    let path = format!("{}&dry_run=true", replay_path(&key, since));
    let Replayed { deliveries } = api.call(&user.caller, Method::POST, &path, None).await?;
    let counted = count(deliveries, "delivery", "deliveries");
    let received =
        since.map(|since| format!(" received since {}", Time::at(since).shown)).unwrap_or_default();
    let confirm = ConfirmScreen {
        frame: Frame::of(&user, NavSection::Connections, format!("Read {counted} to {key} again?")),
        consequences: vec![
            format!("{counted}{received} could not be read and can be read again."),
            "The connector reads each of them once more. A choice in it counts by the time at which it was made, so an old \
             one overrides nothing newer."
                .to_owned(),
        ],
        action: format!("{}/replay", address(&key)),
        kept: vec![("since".to_owned(), asked.since)],
        button: format!("Read {counted} again"),
        tone: Tone::Main,
        back: format!("{}?unread=true", address(&key)),
    };
    Ok(Screen(confirm).into_response())
}

async fn replay_all(
    State(api): State<ApiClient>,
    user: User,
    Path(key): Path<String>,
    Form(asked): Form<Since>,
) -> Result<Response, Failed> {
    // The question before has checked it; a form that was changed since is checked again.
    let Ok(since) = asked.read() else {
        return ask_replay(State(api), user, Path(key), Query(asked)).await;
    };
    let path = replay_path(&key, since);
    let _replayed: Replayed = api.call(&user.caller, Method::POST, &path, None).await?;
    Ok(Done::DeliveriesReplayed.at(&address(&key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_the_screens_write_it_and_as_programs_do() {
        let read = |typed: &str| Since { since: typed.to_owned() }.read();
        let noon = Some(1_769_860_800_000);
        for typed in
            ["2026-01-31 12:00", "2026-01-31T12:00:00Z", " 2026-01-31 12:00 UTC ", "2026-01-31T12:00"]
        {
            assert_eq!(read(typed), Ok(noon), "{typed}");
        }
        assert_eq!(read(" "), Ok(None));
        assert_eq!(read("2026-01-31"), Ok(noon.map(|noon| noon - 12 * 3_600_000)));
        for typed in ["yesterday", "12:00", "2026-02-31 12:00"] {
            assert!(read(typed).is_err(), "{typed}");
        }
    }
}
