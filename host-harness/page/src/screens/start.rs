//! The start page: is anything late, failing, expiring or waiting for an operator?

use askama::Template;
use axum::{Router, extract::State, routing::get};
use host_api::{
    page::ApiClient,
    types::{
        bulk_acts::BulkActPage,
        connections::{Connection, Connections},
        health::HealthState,
        plugins::{Plugin, Plugins},
        versions::PluginVersions,
    },
};
use http::Method;

use super::{
    alarms::{self, AlarmRow},
    chosen::Filter,
    requests::matching,
    shown_request::ShownRequest,
    version::Approver,
};
use crate::{
    answers::{Failed, Screen},
    frame::{Frame, NavSection},
    state::Page,
    text::{Number, count, segment, short},
    user::User,
};

/// How many requests of a kind, alarms and connections the start page shows. The lists have the others.
const SHOWN: usize = 5;

/// Up to which number requests are counted: beyond it, one acts on all of them or on none.
const COUNTED: usize = 100;

pub(super) fn routes() -> Router<Page> {
    Router::new().route("/", get(show))
}

/// A number that answers whether something needs the user.
struct Tile {
    count: Number,
    /// Whether there may be more.
    is_capped: bool,
    /// What is counted.
    what: &'static str,
    address: &'static str,
    tone: &'static str,
}

impl Tile {
    /// Returns a tile that has the tone `tone` unless nothing is counted.
    fn of(count: usize, what: &'static str, address: &'static str, tone: &'static str) -> Self {
        let tone = if count == 0 { "quiet" } else { tone };
        Self { count: Number::of(count.min(COUNTED)), is_capped: count >= COUNTED, what, address, tone }
    }
}

/// Requests of one state.
struct Group {
    title: &'static str,
    state: &'static str,
    requests: Vec<ShownRequest>,
}

/// A connection that does less than it should.
struct StoppedConnection {
    key: String,
    tenant: String,
    state: &'static str,
    why: Option<String>,
}

/// Something that another person has made, and that this user may approve.
struct ToApprove {
    what: String,
    address: String,
}

#[derive(Template)]
#[template(path = "start.html")]
struct StartScreen {
    frame: Frame,
    tiles: Vec<Tile>,
    to_approve: Vec<ToApprove>,
    alarms: Vec<AlarmRow>,
    stopped: Vec<StoppedConnection>,
    groups: Vec<Group>,
}

/// The connections that do not do their work, apart from those that are disabled.
async fn stopped(api: &ApiClient, user: &User) -> Result<Vec<StoppedConnection>, Failed> {
    let path = format!("/api/v1/connection?health=unusable,parked,paused,unanswered&limit={COUNTED}");
    let Connections { connections } = api.call(&user.caller, Method::GET, &path, None).await?;
    let stopped = connections.into_iter().map(|connection| {
        let Connection { key, tenant, health, health_why: why, .. } = connection;
        let state = match health {
            HealthState::Unusable => "does not suit its plugin",
            HealthState::Parked => "parked: the vendor refuses its credential",
            HealthState::Unanswered => "the vendor does not answer",
            HealthState::Paused => "paused",
            HealthState::Disabled => "disabled",
            HealthState::Ready => "ready",
        };
        StoppedConnection { key, tenant, state, why }
    });
    Ok(stopped.collect())
}

/// The versions that are proven, which this user may approve.
async fn versions_to_approve(api: &ApiClient, user: &User) -> Result<Vec<ToApprove>, Failed> {
    let Plugins { plugins, .. } = api.call(&user.caller, Method::GET, "/api/v1/plugins", None).await?;
    let mut to_approve = Vec::new();
    for Plugin { name, .. } in plugins {
        let path = format!("/api/v1/plugins/{}/versions", segment(&name));
        let PluginVersions { versions, .. } = api.call(&user.caller, Method::GET, &path, None).await?;
        let waiting =
            versions.into_iter().filter(|version| Approver::of(version, user) == Some(Approver::User));
        to_approve.extend(waiting.map(|version| ToApprove {
            what: format!("Version {} of the plugin {name}", short(&version.digest)),
            address: format!("/plugins/{}/versions/{}", segment(&name), segment(&version.digest)),
        }));
    }
    Ok(to_approve)
}

/// The acts on many requests that this user may approve and did not make.
async fn acts_to_approve(api: &ApiClient, user: &User) -> Result<Vec<ToApprove>, Failed> {
    let path = "/api/v1/bulk-acts?state=pending";
    let BulkActPage { acts } = api.call(&user.caller, Method::GET, path, None).await?;
    let of_others = acts.into_iter().filter(|act| act.api_key != user.caller.key.id);
    let approvable = of_others.map(|act| ToApprove {
        what: format!("{} put back in the queue", count(act.total, "request", "requests")),
        address: format!("/bulk-acts/{}", segment(&act.id)),
    });
    Ok(approvable.collect())
}

async fn show(State(api): State<ApiClient>, user: User) -> Result<Screen<StartScreen>, Failed> {
    let frame = Frame::of(&user, NavSection::Start, "Overview");
    let (mut tiles, mut alarms, mut unserved) = (Vec::new(), Vec::new(), Vec::new());
    let mut to_approve = Vec::new();
    if frame.rights.write_plugins() && frame.rights.read_versions() {
        to_approve.extend(versions_to_approve(&api, &user).await?);
    }
    if frame.rights.write_bulk() && frame.rights.read_bulk() {
        to_approve.extend(acts_to_approve(&api, &user).await?);
    }
    if frame.rights.read_alarms() {
        let open = alarms::open(&api, &user).await?;
        tiles.push(Tile::of(open.len(), "open alarms", "/alarms", "bad"));
        alarms.extend(open.into_iter().take(SHOWN).map(AlarmRow::from));
    }
    let mut groups = Vec::new();
    if frame.rights.read_requests() {
        let late = matching(&api, &user, &Filter::late(), SHOWN).await?;
        tiles.push(Tile::of(late.number(), "late requests", "/requests?late=true", "bad"));
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
    if frame.rights.write_plugins() || frame.rights.write_bulk() {
        tiles.push(Tile::of(to_approve.len(), "waiting for you", "#approve", "open"));
    }
    unserved.truncate(SHOWN);
    Ok(Screen(StartScreen { frame, tiles, to_approve, alarms, stopped: unserved, groups }))
}
