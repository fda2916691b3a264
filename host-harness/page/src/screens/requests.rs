//! The list of requests: state, connection, reason, next act and the days that are left.

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    routing::get,
};
use host_api::{
    page::ApiClient,
    types::{
        attempts::Step,
        requests::{Action, Request, RequestPage, RequestState},
    },
};
use http::Method;
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use crate::{
    answers::{Failed, Screen},
    frame::{Frame, NavSection},
    state::Page,
    text::Time,
    user::{Now, User},
};

/// How many requests a screen shows: what one scrolls through before one filters.
const PAGE: usize = 50;

/// The month in which the law expects an answer, in days: GDPR article 12(3).
const MONTH_DAYS: i64 = 30;

const DAY_MS: i64 = 86_400_000;

pub(super) fn routes() -> Router<Page> {
    Router::new().route("/requests", get(list))
}

/// The filter, as the form sends it: an empty text is no filter.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Filter {
    state: String,
    connection: String,
    before: String,
}

impl Filter {
    pub(super) fn in_state(state: &str) -> Self {
        Self { state: state.to_owned(), ..Self::default() }
    }

    /// Returns the query of the requests before the one with the id `before`, or of the newest if it is empty.
    fn query(&self, before: &str) -> Serializer<'static, String> {
        let mut query = Serializer::new(String::new());
        for (name, value) in [("state", &*self.state), ("connection", &*self.connection), ("before", before)]
        {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        query
    }

    fn address(&self, before: &str) -> String {
        format!("/requests?{}", self.query(before).finish())
    }
}

/// A request as the screens show it.
pub(super) struct ShownRequest {
    pub(super) id: String,
    pub(super) action: &'static str,
    pub(super) state: StateTag,
    pub(super) connection: String,
    pub(super) tenant: String,
    pub(super) received: Time,
    /// What happens next and when, or how it ended.
    pub(super) next: String,
    pub(super) next_at: Option<Time>,
    pub(super) reason: Option<String>,
    pub(super) days_left: Option<DaysLeft>,
    pub(super) may_replay: bool,
    /// Whether its person may still be stored.
    pub(super) has_data: bool,
}

/// A state, as a word and a colour that the style sheet knows.
pub(super) struct StateTag {
    pub(super) word: &'static str,
    pub(super) tone: &'static str,
}

/// What is left of the month.
pub(super) struct DaysLeft {
    pub(super) text: String,
    /// Under a quarter of the month, or none of it.
    pub(super) is_short: bool,
}

impl DaysLeft {
    fn of(received_at: i64, now: i64) -> Self {
        let days = MONTH_DAYS - now.saturating_sub(received_at).max(0) / DAY_MS;
        let text = match days {
            ..0 => format!("{} days overdue", -days),
            0 => "due today".to_owned(),
            1 => "1 day left".to_owned(),
            _ => format!("{days} days left"),
        };
        Self { text, is_short: days * 4 < MONTH_DAYS }
    }
}

impl ShownRequest {
    /// Returns the part of the id that distinguishes it: ids begin with the time.
    pub(super) fn short_id(&self) -> &str {
        self.id.rsplit('-').next().unwrap_or_default()
    }

    pub(super) fn of(request: Request, now: i64) -> Self {
        let state = request.state;
        let is_open = matches!(state, RequestState::Waiting | RequestState::Running);
        let (next, next_at) = next(&request);
        Self {
            action: action(request.action),
            state: tag(state),
            received: Time::at(request.received_at),
            next,
            next_at: next_at.map(Time::at),
            reason: request.reason,
            days_left: is_open.then(|| DaysLeft::of(request.received_at, now)),
            has_data: !matches!(state, RequestState::Done | RequestState::Skipped),
            may_replay: matches!(state, RequestState::Failed | RequestState::Expired),
            id: request.id,
            connection: request.connection,
            tenant: request.tenant,
        }
    }
}

fn action(action: Action) -> &'static str {
    match action {
        Action::Erasure => "Erasure",
        Action::Consent => "Consent",
        Action::Reading => "Reading",
    }
}

fn tag(state: RequestState) -> StateTag {
    let (word, tone) = match state {
        RequestState::Waiting => ("Waiting", "open"),
        RequestState::Running => ("Running", "open"),
        RequestState::Done => ("Done", "good"),
        RequestState::Failed => ("Failed", "bad"),
        RequestState::Skipped => ("Nothing to do", "quiet"),
        RequestState::Expired => ("Expired", "bad"),
    };
    StateTag { word, tone }
}

/// What happens next, in words, and when.
fn next(request: &Request) -> (String, Option<i64>) {
    let act = match (request.action, request.step) {
        (_, Step::Confirm) => "look for proof",
        (Action::Erasure, Step::Act) => "erase",
        (Action::Consent, Step::Act) => "apply the choices",
        (Action::Reading, Step::Act) => "read the choices",
    };
    match request.state {
        RequestState::Running => (format!("{act}, under way"), None),
        RequestState::Waiting if request.contradicted_by.is_some() => {
            (format!("{act}, with another version of the plugin"), None)
        }
        RequestState::Waiting => (act.to_owned(), request.next_at),
        _ => ("ended".to_owned(), request.finished_at),
    }
}

/// The requests that match `filter`, newest first, at most `limit`.
pub(super) async fn matching(
    api: &ApiClient,
    user: &User,
    filter: &Filter,
    limit: usize,
    now: i64,
) -> Result<Vec<ShownRequest>, Failed> {
    let query = filter.query(&filter.before).append_pair("limit", &limit.to_string()).finish();
    let path = format!("/api/v1/requests?{query}");
    let RequestPage { requests } = api.call(&user.caller, Method::GET, &path, None).await?;
    Ok(requests.into_iter().map(|request| ShownRequest::of(request, now)).collect())
}

#[derive(Template)]
#[template(path = "requests.html")]
struct RequestsScreen {
    frame: Frame,
    filter: Filter,
    states: [(&'static str, &'static str); 7],
    requests: Vec<ShownRequest>,
    /// The address of the next screen, if there may be one.
    older: Option<String>,
    /// The address of the first screen, if this is another.
    newest: Option<String>,
}

async fn list(
    State(api): State<ApiClient>,
    Now(now): Now,
    user: User,
    Query(filter): Query<Filter>,
) -> Result<Screen<RequestsScreen>, Failed> {
    let requests = matching(&api, &user, &filter, PAGE, now).await?;
    let last = requests.last().filter(|_| requests.len() == PAGE);
    let older = last.map(|last| filter.address(&last.id));
    let newest = (!filter.before.is_empty()).then(|| filter.address(""));
    let states = [
        ("", "any state"),
        ("waiting", "waiting"),
        ("running", "running"),
        ("done", "done"),
        ("failed", "failed"),
        ("skipped", "nothing to do"),
        ("expired", "expired"),
    ];
    let frame = Frame::of(&user, NavSection::Requests, "Requests");
    Ok(Screen(RequestsScreen { frame, filter, states, requests, older, newest }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_the_month_is_short_under_a_quarter() {
        let left = |days: i64| {
            let DaysLeft { text, is_short } = DaysLeft::of(0, days * DAY_MS);
            (text, is_short)
        };
        assert_eq!(left(0), ("30 days left".to_owned(), false));
        assert_eq!(left(22), ("8 days left".to_owned(), false));
        assert_eq!(left(23), ("7 days left".to_owned(), true));
        assert_eq!(left(29), ("1 day left".to_owned(), true));
        assert_eq!(left(30), ("due today".to_owned(), true));
        assert_eq!(left(32), ("2 days overdue".to_owned(), true));
    }
}
