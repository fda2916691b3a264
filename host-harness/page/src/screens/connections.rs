//! The list of connections: whether each can do its work, what prevents it, and what is used of the vendors' limits.

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    routing::get,
};
use host_api::{
    page::ApiClient,
    types::{
        connections::{Connection, Connections},
        health::{HealthState, Quota},
    },
};
use http::Method;
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::shown_request::StateTag;
use crate::{
    answers::{Failed, Screen},
    frame::{Frame, NavSection},
    state::Page,
    text::{Number, Time, segment},
    user::User,
};

/// How many connections a screen shows: what one scrolls through before one filters.
const PAGE: usize = 50;

pub(super) fn routes() -> Router<Page> {
    Router::new().route("/connections", get(list))
}

/// The filter, as the form sends it: an empty text is no filter.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ConnectionsFilter {
    tenant: String,
    plugin: String,
    health: String,
    after: String,
}

impl ConnectionsFilter {
    /// Returns the query of the connections after the one with the key `after`, or of the first if it is empty.
    fn query(&self, after: &str) -> Serializer<'static, String> {
        let mut query = Serializer::new(String::new());
        let fields = [
            ("tenant", &*self.tenant),
            ("plugin", &*self.plugin),
            ("health", &*self.health),
            ("after", after),
        ];
        for (name, value) in fields {
            if !value.trim().is_empty() {
                query.append_pair(name, value.trim());
            }
        }
        query
    }

    fn address(&self, after: &str) -> String {
        format!("/connections?{}", self.query(after).finish())
    }
}

/// A connection as the screens show it.
pub(super) struct ShownConnection {
    pub(super) key: String,
    pub(super) path: String,
    pub(super) tenant: String,
    pub(super) plugin: String,
    pub(super) health: StateTag,
    /// What prevents it from doing its work.
    pub(super) why: Option<String>,
    pub(super) quotas: Vec<QuotaRow>,
    pub(super) tested: Option<Time>,
    pub(super) test_passed: bool,
}

impl ShownConnection {
    pub(super) fn of(connection: &Connection) -> Self {
        Self {
            path: path(&connection.key),
            key: connection.key.clone(),
            tenant: connection.tenant.clone(),
            plugin: connection.plugin.clone(),
            health: tag(connection.health),
            why: why(connection),
            quotas: connection.quotas.iter().map(Into::into).collect(),
            tested: connection.tested_at.map(Time::at),
            test_passed: connection.test_passed == Some(true),
        }
    }
}

/// The address of a connection's screen.
pub(super) fn path(key: &str) -> String {
    format!("/connections/{}", segment(key))
}

/// What prevents the connection from doing its work, in words.
fn why(connection: &Connection) -> Option<String> {
    connection.health_why.clone().or_else(|| match connection.health {
        HealthState::Disabled => Some("It does nothing until it is enabled.".to_owned()),
        HealthState::Unanswered => {
            Some("The vendor does not answer; the host tries again by itself.".to_owned())
        }
        _ => None,
    })
}

fn tag(health: HealthState) -> StateTag {
    let (word, tone) = match health {
        HealthState::Unusable => ("Unusable", "bad"),
        HealthState::Disabled => ("Disabled", "quiet"),
        HealthState::Paused => ("Paused", "open"),
        HealthState::Parked => ("Parked", "bad"),
        HealthState::Unanswered => ("No answer", "open"),
        HealthState::Ready => ("Ready", "good"),
    };
    StateTag { word, tone }
}

/// What is used of a vendor's limit.
pub(super) struct QuotaRow {
    pub(super) name: String,
    pub(super) used: Number,
    pub(super) allowed: Number,
    pub(super) period: String,
    /// When there is room again, if there is none now.
    pub(super) room: Option<Time>,
    pub(super) resets: Option<Time>,
}

impl From<&Quota> for QuotaRow {
    fn from(quota: &Quota) -> Self {
        Self {
            name: quota.limit.name.clone(),
            used: Number::of(quota.used),
            allowed: Number::of(quota.limit.requests),
            period: period(quota.limit.period_ms.unwrap_or_default()),
            room: quota.room_at.map(Time::at),
            resets: quota.resets_at.map(Time::at),
        }
    }
}

fn period(ms: u64) -> String {
    const HOUR_MS: u64 = 3_600_000;
    match ms / HOUR_MS {
        24 => "a day".to_owned(),
        1 => "an hour".to_owned(),
        hours if hours % 24 == 0 => format!("{} days", hours / 24),
        hours => format!("{hours} hours"),
    }
}

#[derive(Template)]
#[template(path = "connections.html")]
struct ConnectionsScreen {
    frame: Frame,
    filter: ConnectionsFilter,
    is_filtered: bool,
    states: [(&'static str, &'static str); 7],
    connections: Vec<ShownConnection>,
    /// The address of the next screen, if there may be one.
    next: Option<String>,
    /// The address of the first screen, if this is another.
    first: Option<String>,
}

async fn list(
    State(api): State<ApiClient>,
    user: User,
    Query(filter): Query<ConnectionsFilter>,
) -> Result<Screen<ConnectionsScreen>, Failed> {
    let query = filter.query(&filter.after).append_pair("limit", &PAGE.to_string()).finish();
    let path = format!("/api/v1/connection?{query}");
    let Connections { connections } = api.call(&user.caller, Method::GET, &path, None).await?;
    let last = connections.last().filter(|_| connections.len() == PAGE);
    let next = last.map(|last| filter.address(&last.key));
    let first = (!filter.after.is_empty()).then(|| filter.address(""));
    let states = [
        ("", "any state"),
        ("ready", "ready"),
        ("paused", "paused"),
        ("parked", "parked"),
        ("unanswered", "no answer"),
        ("disabled", "disabled"),
        ("unusable", "unusable"),
    ];
    let frame = Frame::of(&user, NavSection::Connections, "Connections");
    let is_filtered = !filter.query(&filter.after).finish().is_empty();
    let connections = connections.iter().map(ShownConnection::of).collect();
    Ok(Screen(ConnectionsScreen { frame, filter, is_filtered, states, connections, next, first }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_said_as_one_says_it() {
        assert_eq!(
            [1, 5, 24, 48].map(|hours| period(hours * 3_600_000)),
            ["an hour", "5 hours", "a day", "2 days"]
        );
    }
}
