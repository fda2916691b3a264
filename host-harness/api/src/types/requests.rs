//! Requests: what is requested, the state, and each attempt.

use host_model::{consent::outbound, requests as host};
use host_service::requests::{forecast, standing::RequestStanding};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{
    attempts::{Attempt, Step},
    callback::{Callback, NewCallback},
    erasure::Receipt,
    item::Item,
    mirror::mirror,
    page::PageLimit,
};
use crate::identity::Identity;

mirror! {
    /// The action of a request.
    pub enum Action mirrors host::Action {
        /// Erase the person.
        Erasure,
        /// Apply the person's choices at the vendor.
        Consent,
        /// Read the person's choices at the vendor, to pick up those whose webhook was lost.
        Reading,
    }
}

mirror! {
    /// The state of a request.
    pub enum RequestState mirrors host::RequestState {
        /// It is waiting for its next attempt.
        Waiting,
        /// An attempt is in progress.
        Running,
        /// It was carried out: see the outcome.
        Done,
        /// It cannot be carried out: see the reason.
        Failed,
        /// There was nothing to do for this person: see the reason.
        Skipped,
        /// It was not finished within 25 days.
        Expired,
    }
}

mirror! {
    /// What a waiting request waits for.
    pub enum WaitsFor mirrors host::waits_for::WaitsFor {
        /// Another version of its plugin, because its requests contradict what the last one reported.
        AnotherVersion,
        /// Its connection, which is gone, not enabled or not served, or does not carry out such requests.
        Connection,
        /// Its connection, which is parked until an operator resumes it.
        Parked,
        /// Its connection, which an operator paused.
        Paused,
        /// The vendor, which did not answer the last attempts at the connection.
        Vendor,
        /// A limit of the vendor that is reached. A request that will only reach it later is not found by it.
        Limit,
        /// The vendor, which may not show the last change of the person yet.
        Settling,
        /// An earlier request about the same person.
        EarlierRequest,
        /// The time of its next attempt.
        Retry,
    }
}

/// A new request for one person.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRequest {
    /// What to do. Choices are sent to `/api/v1/connection/{key}/consent`.
    pub action: NewAction,
    /// The person.
    pub identity: Identity,
    /// Where its end is to be posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<NewCallback>,
}

/// An action that needs only the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NewAction {
    /// Erase the person.
    Erasure,
    /// Read the person's choices at the vendor, to pick up those whose webhook was lost.
    Reading,
}

/// A request that is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AcceptedRequest {
    /// The request's id: `/api/v1/requests/{id}` shows it.
    pub id: String,
    /// Its state.
    pub state: RequestState,
    /// Whether it was sent before with the same idempotency key.
    pub was_sent_before: bool,
    /// What holds it back for longer than the client wants to wait; null if nothing does, or if no wait was asked for.
    #[serde(default)]
    pub held_back_by: Option<String>,
}

/// Filters of the list of requests.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RequestQuery {
    /// Only requests of this connection.
    pub connection: Option<String>,
    /// Only requests of this tenant.
    pub tenant: Option<String>,
    /// Only requests in this state.
    pub state: Option<RequestState>,
    /// Only requests with this action.
    pub action: Option<Action>,
    /// Only waiting requests that wait for this, perhaps among others.
    pub waits_for: Option<WaitsFor>,
    /// Only requests that have not ended, of whose month less than a quarter is left.
    #[serde(default)]
    #[param(default = false)]
    pub late: bool,
    /// Only requests accepted before the one with this id: the last one of the previous page, even if it was deleted since.
    pub before: Option<String>,
    /// Maximum number of results.
    #[serde(default)]
    #[param(inline)]
    pub limit: PageLimit<50, 500>,
}

/// A page of requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RequestPage {
    /// Newest first.
    pub requests: Vec<ListedRequest>,
    /// How many requests match, without regard to `before` and `limit`: at most 10000.
    #[serde(default)]
    pub count: i64,
    /// Whether `count` is the exact number. False if more than 10000 match.
    #[serde(default)]
    pub count_is_exact: bool,
}

/// A request as it stands now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ListedRequest {
    /// The request itself.
    #[serde(flatten)]
    pub request: Request,
    /// When it is expected to run, and what holds it back.
    #[serde(default)]
    pub forecast: Forecast,
}

impl From<RequestStanding> for ListedRequest {
    fn from(RequestStanding { view, person, days_left, forecast }: RequestStanding) -> Self {
        let outcome = view.outcome.and_then(|stored| Outcome::of_stored(&view.id, stored));
        let request = Request {
            id: view.id,
            tenant: view.tenant,
            connection: view.connection,
            person: person.to_string(),
            action: view.action.into(),
            state: view.state.into(),
            step: view.step.into(),
            attempt_count: view.attempts,
            received_at: view.received_at,
            days_left,
            next_at: view.next_at,
            outcome,
            reason: view.reason,
            finished_at: view.finished_at,
            has_data: view.has_data,
            contradicted_by: view.contradicted_by,
        };
        Self { request, forecast: forecast.into() }
    }
}

/// A request. Contains no personal data. Times are milliseconds since 1970 in UTC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Request {
    /// The request's id.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// The person that it is about, as a short keyed hash: the same for all requests about the person at this connection.
    #[serde(default)]
    pub person: String,
    /// The action.
    pub action: Action,
    /// Its state.
    pub state: RequestState,
    /// What its next attempt does.
    pub step: Step,
    /// The number of attempts started.
    pub attempt_count: i64,
    /// When it was accepted.
    pub received_at: i64,
    /// How many days are left of the month in which the law expects an answer, negative if it is overdue; null if it was
    /// carried out or there was nothing to do.
    #[serde(default)]
    pub days_left: Option<i64>,
    /// The earliest start of its next attempt, without regard to other requests; null unless it is waiting for a time.
    pub next_at: Option<i64>,
    /// The outcome so far; null if there is none, or if the stored one cannot be read.
    pub outcome: Option<Outcome>,
    /// Why it is waiting or how it ended; null if there is no reason to report.
    pub reason: Option<String>,
    /// When it ended; null if it has not.
    pub finished_at: Option<i64>,
    /// Whether what was requested and about whom is still stored, so that it can be replayed and its person revealed.
    #[serde(default)]
    pub has_data: bool,
    /// The digest of the plugin version whose answer the host's record contradicts, if the request waits for another
    /// version; null otherwise.
    #[serde(default)]
    pub contradicted_by: Option<String>,
}

/// A request with everything that is known about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RequestReport {
    /// The request itself.
    #[serde(flatten)]
    pub request: Request,
    /// When it is expected to run, and what holds it back.
    pub forecast: Forecast,
    /// Each attempt, with the plugin that ran, oldest first.
    pub attempts: Vec<Attempt>,
    /// Where its end is posted; null if nowhere.
    #[serde(default)]
    pub callback: Option<Callback>,
}

/// When a waiting request is expected to run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Forecast {
    /// When its next attempt is expected, in milliseconds since 1970 in UTC; null if that depends on an operator, or if
    /// it is not waiting.
    pub runs_at: Option<i64>,
    /// What it waits for; null if it is due, or not waiting.
    #[serde(default)]
    pub waits_for: Option<WaitsFor>,
    /// What holds it back after `next_at`; null if nothing does.
    pub held_back_by: Option<String>,
    /// Its place among the requests that do not fit into the vendor's limit now, from 1; null if no limit holds it back.
    #[serde(default)]
    pub place: Option<i64>,
}

impl From<forecast::Forecast> for Forecast {
    fn from(forecast::Forecast { runs_at, waits_for, held_back_by, place }: forecast::Forecast) -> Self {
        Self { runs_at, waits_for: waits_for.map(Into::into), held_back_by, place }
    }
}

/// The outcome of a request: one member, for its action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The outcome of an erasure.
    Receipt(Receipt),
    /// The outcome of choices: one entry for each notice and item, in the order of the request.
    Report(Vec<ReportEntry>),
    /// The outcome of a reading.
    Reading(ReadingOutcome),
}

impl Outcome {
    /// Returns `None`, and logs an error, if `stored` is not an outcome.
    pub(crate) fn of_stored(request: &str, stored: Value) -> Option<Self> {
        match serde_json::from_value(stored) {
            Ok(host::outcome::Outcome::Receipt(receipt)) => Some(Self::Receipt(receipt.into())),
            Ok(host::outcome::Outcome::Report(entries)) => {
                Some(Self::Report(entries.into_iter().map(Into::into).collect()))
            }
            Ok(host::outcome::Outcome::Reading(reading)) => Some(Self::Reading(reading.into())),
            Err(error) => {
                tracing::error!(request, %error, "the stored outcome of a request cannot be read and is left out");
                None
            }
        }
    }
}

/// The result of a reading at the vendor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReadingOutcome {
    /// Whether the vendor knows the person.
    pub known: bool,
    /// The number of choices that were compared.
    pub compared: usize,
    /// The number of choices that differed from those known here.
    pub changed: usize,
}

impl From<host::outcome::ReadOutcome> for ReadingOutcome {
    fn from(reading: host::outcome::ReadOutcome) -> Self {
        match reading {
            host::outcome::ReadOutcome::Found { compared, changed } => {
                Self { known: true, compared, changed }
            }
            host::outcome::ReadOutcome::Nobody(_) => Self::default(),
        }
    }
}

mirror! {
    /// The state of one notice or item of a request.
    pub enum ReportStatus mirrors outbound::LineStatus {
        /// Not final: not applied yet, or accepted but not in effect yet.
        Pending,
        /// The vendor accepted it.
        Executed,
        /// The vendor already had this choice.
        NoUpdateNeeded,
        /// The request had no identifier that the vendor accepts.
        MissingIdentity,
        /// It should have been applied, but was not: an operator must look into it.
        Refused,
        /// There is nothing to apply.
        NotApplicable,
    }
}

/// The result of one notice or item of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReportEntry {
    /// The notice's id, or the value that was sent if there is no such notice; null for a choice about an individual
    /// item.
    pub notice_id: Option<String>,
    /// The item; null if the entry is about the notice as a whole.
    pub item: Option<Item>,
    /// Its state.
    pub status: ReportStatus,
    /// Why, for an operator.
    pub why: String,
}

impl From<outbound::RequestEntry> for ReportEntry {
    fn from(outbound::RequestEntry { notice_id, item, status, why }: outbound::RequestEntry) -> Self {
        Self { notice_id, item: item.map(Into::into), status: status.into(), why }
    }
}
