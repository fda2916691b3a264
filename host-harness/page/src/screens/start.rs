//! The start page: is anything late, failing, expiring or waiting for an operator?

use askama::Template;
use axum::{Router, extract::State, routing::get};
use host_api::{
    page::ApiClient,
    types::connections::{Connection, Connections},
};
use http::Method;

use super::{
    alarms::{self, AlarmRow},
    chosen::Filter,
    requests::matching,
    shown_request::ShownRequest,
};
use crate::{
    answers::{Failed, Screen},
    frame::{Frame, NavSection},
    state::Page,
    text::Time,
    user::User,
};

/// How many requests of a kind the start page shows. The list has the others.
const SHOWN: usize = 5;

/// Up to which number requests are counted: beyond it, one acts on all of them or on none.
const COUNTED: usize = 100;

pub(super) fn routes() -> Router<Page> {
    Router::new().route("/", get(show))
}

/// A number that answers whether something needs the user.
struct Tile {
    count: String,
    /// What is counted.
    what: &'static str,
    address: &'static str,
    tone: &'static str,
}

impl Tile {
    /// Returns a tile that has the tone `tone` unless nothing is counted.
    fn of(count: usize, what: &'static str, address: &'static str, tone: &'static str) -> Self {
        let tone = if count == 0 { "quiet" } else { tone };
        let count = if count < COUNTED { count.to_string() } else { format!("{COUNTED} or more") };
        Self { count, what, address, tone }
    }
}

/// Requests of one state.
struct Group {
    title: &'static str,
    state: &'static str,
    requests: Vec<ShownRequest>,
}

/// A connection that does nothing until somebody acts.
struct StoppedConnection {
    key: String,
    tenant: String,
    why: String,
    since: Option<Time>,
}

#[derive(Template)]
#[template(path = "start.html")]
struct StartScreen {
    frame: Frame,
    tiles: Vec<Tile>,
    alarms: Vec<AlarmRow>,
    stopped: Vec<StoppedConnection>,
    groups: Vec<Group>,
}

/// The enabled connections that are parked or not served.
async fn stopped(api: &ApiClient, user: &User) -> Result<Vec<StoppedConnection>, Failed> {
    let Connections { connections } = api.call(&user.caller, Method::GET, "/api/v1/connection", None).await?;
    let stopped = |connection: Connection| {
        let Connection { key, tenant, parked_why, parked_at, problem, .. } = connection;
        let why = parked_why.or(problem.map(|problem| problem.detail))?;
        Some(StoppedConnection { key, tenant, why, since: parked_at.map(Time::at) })
    };
    Ok(connections.into_iter().filter(|connection| connection.enabled).filter_map(stopped).collect())
}

async fn show(State(api): State<ApiClient>, user: User) -> Result<Screen<StartScreen>, Failed> {
    let frame = Frame::of(&user, NavSection::Start, "Overview");
    let (mut tiles, mut alarms, mut unserved) = (Vec::new(), Vec::new(), Vec::new());
    if frame.rights.read_alarms() {
        alarms = alarms::open(&api, &user).await?;
        tiles.push(Tile::of(alarms.len(), "open alarms", "/alarms", "bad"));
    }
    let mut groups = Vec::new();
    if frame.rights.read_requests() {
        for (state, title, what, address, tone) in [
            ("failed", "Failed", "failed requests", "/requests?state=failed", "bad"),
            ("expired", "Expired", "expired requests", "/requests?state=expired", "bad"),
            ("waiting", "Waiting", "waiting requests", "/requests?state=waiting", "open"),
        ] {
            let found = matching(&api, &user, &Filter::in_state(state), SHOWN).await?;
            tiles.push(Tile::of(found.number(), what, address, tone));
            let requests = found.requests;
            groups.push(Group { title, state, requests });
        }
    }
    if frame.rights.read_connections() {
        unserved = stopped(&api, &user).await?;
        tiles.push(Tile::of(unserved.len(), "stopped connections", "#stopped", "bad"));
    }
    Ok(Screen(StartScreen { frame, tiles, alarms, stopped: unserved, groups }))
}
