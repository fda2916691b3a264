//! The start page: is anything late, failing, expiring or waiting for an operator?

use askama::Template;
use axum::{Router, extract::State, routing::get};
use host_api::page::ApiClient;

use super::{
    alarms::{self, AlarmRow},
    requests::{Filter, ShownRequest, matching},
};
use crate::{
    answers::{Failed, Screen},
    frame::{Frame, NavSection},
    state::Page,
    user::{Now, User},
};

/// How many requests of a kind the start page shows. The list has the others.
const SHOWN: usize = 5;

pub(super) fn routes() -> Router<Page> {
    Router::new().route("/", get(show))
}

/// Requests of one state.
struct Group {
    title: &'static str,
    state: &'static str,
    requests: Vec<ShownRequest>,
}

#[derive(Template)]
#[template(path = "start.html")]
struct StartScreen {
    frame: Frame,
    alarms: Vec<AlarmRow>,
    groups: Vec<Group>,
}

async fn show(
    State(api): State<ApiClient>,
    Now(now): Now,
    user: User,
) -> Result<Screen<StartScreen>, Failed> {
    let frame = Frame::of(&user, NavSection::Start, "Overview");
    let alarms = if frame.rights.read_alarms() { alarms::open(&api, &user).await? } else { Vec::new() };
    let mut groups = Vec::new();
    if frame.rights.read_requests() {
        for (state, title) in [("failed", "Failed"), ("expired", "Expired"), ("waiting", "Waiting")] {
            let requests = matching(&api, &user, &Filter::in_state(state), SHOWN, now).await?;
            groups.push(Group { title, state, requests });
        }
    }
    Ok(Screen(StartScreen { frame, alarms, groups }))
}
