//! The processes that serve the database.

use std::collections::BTreeSet;

use askama::Template;
use axum::{
    Router,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::get,
};
use host_api::{
    page::ApiClient,
    types::replicas::{Replica, ReplicaList},
};
use http::Method;

use crate::{
    answers::{Failed, Screen},
    frame::{Frame, NavSection},
    state::Page,
    text::{Number, Time},
    user::User,
};

pub(super) fn routes() -> Router<Page> {
    Router::new().route("/replicas", get(list))
}

/// A replica as the screen shows it.
struct ReplicaRow {
    id: String,
    name: String,
    version: String,
    started: Time,
    seen: Time,
    leads_since: Option<Time>,
    answers: bool,
    behind: Number,
    is_behind: bool,
    plugins: Vec<(String, String)>,
}

impl From<Replica> for ReplicaRow {
    fn from(replica: Replica) -> Self {
        let Replica { id, name, version, started_at, seen_at, behind, plugins, leads_since, answers } =
            replica;
        Self {
            id,
            name,
            version,
            started: Time::at(started_at),
            seen: Time::at(seen_at),
            leads_since: leads_since.map(Time::at),
            answers,
            behind: Number::of(behind),
            is_behind: behind > 0,
            plugins: plugins.into_iter().collect(),
        }
    }
}

#[derive(Template)]
#[template(path = "replicas.html")]
struct ReplicasScreen {
    frame: Frame,
    replicas: Vec<ReplicaRow>,
    /// The plugins of which replicas serve different versions.
    differing: Vec<String>,
}

/// Returns the plugins of which replicas serve different versions.
fn differing(replicas: &[Replica]) -> Vec<String> {
    let names: BTreeSet<&String> = replicas.iter().flat_map(|replica| replica.plugins.keys()).collect();
    let differs = |name: &&&String| {
        let mut versions = replicas.iter().map(|replica| replica.plugins.get(**name));
        let first = versions.next();
        versions.any(|version| Some(version) != first)
    };
    names.iter().filter(differs).map(|name| (*name).clone()).collect()
}

async fn list(State(api): State<ApiClient>, user: User) -> Result<Response, Failed> {
    let ReplicaList { replicas } = api.call(&user.caller, Method::GET, "/api/v1/replicas", None).await?;
    let screen = ReplicasScreen {
        frame: Frame::of(&user, NavSection::Replicas, "Replicas"),
        differing: differing(&replicas),
        replicas: replicas.into_iter().map(Into::into).collect(),
    };
    Ok(Screen(screen).into_response())
}
