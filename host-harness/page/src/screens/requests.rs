//! The list of requests: state, connection, reason, next act and the days that are left. Some or all of them can be put
//! back in the queue.

use askama::Template;
use axum::{
    Form, Router,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use host_api::{page::ApiClient, types::requests::RequestPage};
use http::Method;

use super::{
    bulk_acts::{self, ActRow},
    chosen::{Chosen, Filter},
    shown_request::ShownRequest,
};
use crate::{
    answers::{Failed, Screen},
    frame::{Frame, NavSection},
    state::Page,
    text::Number,
    user::User,
};

/// How many requests a screen shows: with more, it would exceed 100 KB together with everything that it loads.
const PAGE: usize = 30;

pub(super) fn routes() -> Router<Page> {
    Router::new().route("/requests", get(list)).route("/requests/selected", post(ask_selected))
}

const STATES: [(&str, &str); 7] = [
    ("", "any state"),
    ("waiting", "waiting"),
    ("running", "running"),
    ("done", "done"),
    ("failed", "failed"),
    ("skipped", "nothing to do"),
    ("expired", "expired"),
];

const ACTIONS: [(&str, &str); 4] =
    [("", "any action"), ("erasure", "erasure"), ("consent", "consent"), ("reading", "reading")];

const WAITS: [(&str, &str); 10] = [
    ("", "anything or nothing"),
    ("limit", "a limit of the vendor"),
    ("retry", "its next attempt"),
    ("settling", "the last change to show"),
    ("earlier_request", "an earlier request"),
    ("vendor", "the vendor to answer"),
    ("parked", "a parked connection"),
    ("paused", "a paused connection"),
    ("connection", "a connection that is off"),
    ("another_version", "another plugin version"),
];

/// Requests, and how many there are.
pub(super) struct FoundRequests {
    pub(super) requests: Vec<ShownRequest>,
    count: i64,
    is_exact: bool,
}

impl FoundRequests {
    /// How many match: at most as many as the API counts.
    pub(super) fn number(&self) -> usize {
        usize::try_from(self.count).unwrap_or_default()
    }
}

/// The requests that match `filter`, newest first, at most `limit`.
pub(super) async fn matching(
    api: &ApiClient,
    user: &User,
    filter: &Filter,
    limit: usize,
) -> Result<FoundRequests, Failed> {
    let query = filter.query(&filter.before).append_pair("limit", &limit.to_string()).finish();
    let path = format!("/api/v1/requests?{query}");
    let page: RequestPage = api.call(&user.caller, Method::GET, &path, None).await?;
    let RequestPage { requests, count, count_is_exact } = page;
    let requests = requests.into_iter().map(Into::into).collect();
    Ok(FoundRequests { requests, count, is_exact: count_is_exact })
}

#[derive(Template)]
#[template(path = "requests.html")]
struct RequestsScreen {
    frame: Frame,
    filter: Filter,
    found: FoundRequests,
    /// Whether some of the requests can be put back in the queue, by this user.
    is_selectable: bool,
    /// Why nothing was done with a selection.
    error: Option<&'static str>,
    pending: Vec<ActRow>,
    /// The address of the next screen, if there may be one.
    older: Option<String>,
    /// The address of the first screen, if this is another.
    newest: Option<String>,
}

impl RequestsScreen {
    /// How many requests match.
    fn count(&self) -> Number {
        Number::of(self.found.count)
    }

    /// Returns whether all that match can be put back at once: there are several, and not too many.
    fn is_act_offered(&self) -> bool {
        self.is_selectable && self.found.is_exact && self.found.count > 1
    }

    /// Returns whether more match than can be put back at once.
    fn are_too_many(&self) -> bool {
        self.is_selectable && !self.found.is_exact
    }
}

async fn list(
    State(api): State<ApiClient>,
    user: User,
    Query(filter): Query<Filter>,
) -> Result<Screen<RequestsScreen>, Failed> {
    Ok(Screen(screen(&api, &user, filter).await?))
}

async fn screen(api: &ApiClient, user: &User, filter: Filter) -> Result<RequestsScreen, Failed> {
    let found = matching(api, user, &filter, PAGE).await?;
    let last = found.requests.last().filter(|_| found.requests.len() == PAGE);
    let older = last.map(|last| filter.address(&last.id));
    let newest = (!filter.before.is_empty()).then(|| filter.address(""));
    let frame = Frame::of(user, NavSection::Requests, "Requests");
    let rights = &frame.rights;
    let pending = if rights.read_bulk() { bulk_acts::pending(api, user).await? } else { Vec::new() };
    let is_selectable = rights.write_bulk()
        && rights.write_requests()
        && !found.requests.is_empty()
        && (filter.is_about_ended() || found.requests.iter().any(|request| request.may_replay));
    Ok(RequestsScreen { frame, filter, found, is_selectable, error: None, pending, older, newest })
}

/// Asks before the selected requests are put back in the queue.
async fn ask_selected(
    State(api): State<ApiClient>,
    user: User,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Failed> {
    let chosen = Chosen::of(&pairs);
    if chosen.ids.is_empty() {
        let error = Some("Select at least one request, then try again.");
        let again = RequestsScreen { error, ..screen(&api, &user, chosen.filter).await? };
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, Screen(again)).into_response());
    }
    let number = chosen.number(&api, &user).await?;
    Ok(bulk_acts::question(&user, &chosen, number, None).into_response())
}
