//! A request as the screens show it.

use host_api::types::{
    attempts::Step,
    requests::{Action, Forecast, ListedRequest, Request, RequestState, WaitsFor},
};
use host_model::requests::deadline;

use crate::text::Time;

/// A request as the screens show it.
pub(super) struct ShownRequest {
    pub(super) id: String,
    pub(super) action: &'static str,
    pub(super) state: StateTag,
    pub(super) connection: String,
    pub(super) tenant: String,
    /// The person, as a short keyed hash.
    pub(super) person: String,
    pub(super) received: Time,
    /// What happens next and when, or how it ended.
    pub(super) next: String,
    pub(super) next_at: Option<Time>,
    /// What holds it back, with its place if a limit does.
    pub(super) waits_for: Option<String>,
    /// Whether its connection is parked or paused.
    pub(super) is_stopped: bool,
    pub(super) reason: Option<String>,
    pub(super) days_left: Option<DaysLeft>,
    /// Whether its person may still be stored.
    pub(super) has_data: bool,
    pub(super) may_replay: bool,
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

impl From<i64> for DaysLeft {
    fn from(days: i64) -> Self {
        let text = match days {
            -1 => "1 day overdue".to_owned(),
            ..0 => format!("{} days overdue", -days),
            0 => "due today".to_owned(),
            1 => "1 day left".to_owned(),
            _ => format!("{days} days left"),
        };
        Self { text, is_short: deadline::is_short(days) }
    }
}

impl ShownRequest {
    /// Returns the part of the id that distinguishes it: ids begin with the time.
    pub(super) fn short_id(&self) -> &str {
        self.id.rsplit('-').next().unwrap_or_default()
    }
}

impl From<ListedRequest> for ShownRequest {
    fn from(ListedRequest { request, forecast }: ListedRequest) -> Self {
        let state = request.state;
        let (next, next_at) = next(&request, &forecast);
        let is_stopped = matches!(forecast.waits_for, Some(WaitsFor::Parked | WaitsFor::Paused));
        let waits_for = held_back(forecast);
        // The last attempt may have parked the connection, which says the same.
        let is_said = |reason: &String| waits_for.as_ref().is_some_and(|why| why.contains(reason));
        Self {
            action: action(request.action),
            state: tag(state),
            received: Time::at(request.received_at),
            next,
            next_at: next_at.map(Time::at),
            is_stopped,
            reason: request.reason.filter(|reason| !is_said(reason)),
            waits_for,
            days_left: request.days_left.map(Into::into),
            has_data: request.has_data,
            may_replay: request.has_data && matches!(state, RequestState::Failed | RequestState::Expired),
            id: request.id,
            connection: request.connection,
            tenant: request.tenant,
            person: request.person,
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
fn next(request: &Request, forecast: &Forecast) -> (String, Option<i64>) {
    let act = match (request.action, request.step) {
        (_, Step::Confirm) => "look for proof",
        (Action::Erasure, Step::Act) => "erase",
        (Action::Consent, Step::Act) => "apply the choices",
        (Action::Reading, Step::Act) => "read the choices",
    };
    match request.state {
        RequestState::Running => (format!("{act}, under way"), None),
        RequestState::Waiting => (act.to_owned(), forecast.runs_at),
        _ => ("ended".to_owned(), request.finished_at),
    }
}

/// What holds a request back, with its place if a limit does.
fn held_back(Forecast { held_back_by, place, .. }: Forecast) -> Option<String> {
    let place = place.map(|place| format!(": place {place}")).unwrap_or_default();
    held_back_by.map(|why| format!("{why}{place}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_the_month_is_short_under_a_quarter() {
        let left = |days: i64| {
            let DaysLeft { text, is_short } = days.into();
            (text, is_short)
        };
        assert_eq!(left(30), ("30 days left".to_owned(), false));
        assert_eq!(left(8), ("8 days left".to_owned(), false));
        assert_eq!(left(7), ("7 days left".to_owned(), true));
        assert_eq!(left(1), ("1 day left".to_owned(), true));
        assert_eq!(left(0), ("due today".to_owned(), true));
        assert_eq!(left(-1), ("1 day overdue".to_owned(), true));
        assert_eq!(left(-2), ("2 days overdue".to_owned(), true));
    }

    #[test]
    fn a_request_that_a_limit_holds_back_has_a_place() {
        let held = |place| {
            let why = "the vendor's limit daily of 1000 requests";
            held_back(Forecast { held_back_by: Some(why.to_owned()), place, ..Forecast::default() }).unwrap()
        };
        assert_eq!(held(Some(214)), "the vendor's limit daily of 1000 requests: place 214");
        assert_eq!(held(None), "the vendor's limit daily of 1000 requests");
    }
}
