//! Requests: what is asked for, how it stands, and each attempt.

use host_model::{
    consent::outbound,
    contract::{ConnectorError as HostConnectorError, ErrorKind},
    failure::{CallFailure as HostCallFailure, FailureKind},
    requests as host,
};
use host_service::requests::forecast;
use host_store::requests as stored;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{
    consent::{ConnectorReport, Item},
    erasure::Receipt,
    mirror::mirror,
    page::PageLimit,
};
use crate::identity::Identity;

mirror! {
    /// What a request asks for.
    pub enum Action mirrors host::Action {
        /// Erase the person.
        Erasure,
        /// Carry out the person's choices at the vendor.
        Consent,
        /// Read what the vendor holds for the person, for choices whose webhook was lost.
        Reading,
    }
}

mirror! {
    /// How a request stands.
    pub enum RequestState mirrors host::State {
        /// It waits for its next attempt.
        Waiting,
        /// An attempt is under way.
        Running,
        /// It was carried out: see the outcome.
        Done,
        /// It cannot be carried out: see the reason.
        Failed,
        /// There was nothing to do for this person here: see the reason.
        Skipped,
        /// It was not finished within 25 days.
        Expired,
    }
}

mirror! {
    /// What an attempt does.
    pub enum Step mirrors host::Step {
        /// What was asked.
        Act,
        /// Looks for proof of an erasure, or whether one that was not answered took effect.
        Confirm,
    }
}

/// What is asked for one person.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRequest {
    /// What to do. Choices are sent to `/api/v1/connection/{key}/consent`.
    pub action: NewAction,
    /// The person.
    pub identity: Identity,
}

/// What is asked without more than the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NewAction {
    /// Erase the person.
    Erasure,
    /// Read what the vendor holds for the person, for choices whose webhook was lost.
    Reading,
}

/// A request that is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AcceptedRequest {
    /// Its id: `/api/v1/requests/{id}` shows it.
    pub id: String,
    /// How it stands.
    pub state: RequestState,
    /// Whether it was sent before, under the same idempotency key.
    pub was_sent_before: bool,
}

/// Which requests are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RequestQuery {
    /// Only those of this connection.
    pub connection: Option<String>,
    /// Only those in this state.
    pub state: Option<RequestState>,
    /// Only those that were accepted before the request of this id: the last one of the page before.
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
    pub requests: Vec<Request>,
}

/// A request. Nothing personal is in it. Times are milliseconds since 1970 in UTC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Request {
    /// Its id.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// What was asked.
    pub action: Action,
    /// How it stands.
    pub state: RequestState,
    /// What its next attempt does.
    pub step: Step,
    /// The number of attempts begun.
    pub attempt_count: i64,
    /// When it was accepted.
    pub received_at: i64,
    /// When its next attempt may begin, as far as the request itself goes; null unless it waits.
    pub next_at: Option<i64>,
    /// What came of it so far; null if nothing did, or if what is stored cannot be read.
    pub outcome: Option<Outcome>,
    /// Why it waits or how it ended; null if there is nothing to say.
    pub reason: Option<String>,
    /// When it ended; null while it has not.
    pub finished_at: Option<i64>,
}

impl From<stored::View> for Request {
    fn from(view: stored::View) -> Self {
        let outcome = view.outcome.and_then(|stored| Outcome::of_stored(&view.id, stored));
        Self {
            id: view.id,
            tenant: view.tenant,
            connection: view.connection,
            action: view.action.into(),
            state: view.state.into(),
            step: view.step.into(),
            attempt_count: view.attempts,
            received_at: view.received_at,
            next_at: view.next_at,
            outcome,
            reason: view.reason,
            finished_at: view.finished_at,
        }
    }
}

/// A request with everything that is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RequestReport {
    /// The request itself.
    #[serde(flatten)]
    pub request: Request,
    /// When it is expected to run, and what holds it back until then.
    pub forecast: Forecast,
    /// Each attempt, with the plugin that ran, oldest first.
    pub attempts: Vec<Attempt>,
}

/// When a waiting request is expected to run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Forecast {
    /// When its next attempt is expected, in milliseconds since 1970 in UTC; null if that depends on an operator, or if it does not
    /// wait.
    pub runs_at: Option<i64>,
    /// What it waits for, beyond its own time; null if nothing.
    pub held_back_by: Option<String>,
}

impl From<forecast::Forecast> for Forecast {
    fn from(forecast::Forecast { runs_at, held_back_by }: forecast::Forecast) -> Self {
        Self { runs_at, held_back_by }
    }
}

/// One attempt. Times are milliseconds since 1970 in UTC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Attempt {
    /// Its number, from 1.
    pub number: i64,
    /// What it did.
    pub step: Step,
    /// The digest of the plugin that ran.
    pub plugin_digest: String,
    /// When it began.
    pub began_at: i64,
    /// When it ended; null while it is under way, or if the process ended first.
    pub ended_at: Option<i64>,
    /// What came back; null if nothing has.
    pub result: Option<AttemptResult>,
}

impl From<stored::AttemptView> for Attempt {
    fn from(view: stored::AttemptView) -> Self {
        let stored::AttemptView { number, step, plugin_digest, began_at, ended_at, result } = view;
        Self {
            number,
            step: step.into(),
            plugin_digest,
            began_at,
            ended_at,
            result: result.map(AttemptResult::of_stored),
        }
    }
}

/// What came of a request: a member for its action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Of an erasure.
    Receipt(Receipt),
    /// Of choices: one entry for each notice and item, in the request's order.
    Report(Vec<ReportEntry>),
    /// Of a reading.
    Reading(ReadingOutcome),
}

impl Outcome {
    /// `None` if what is stored of `request` is no outcome, which the log says.
    fn of_stored(request: &str, stored: Value) -> Option<Self> {
        match serde_json::from_value(stored) {
            Ok(host::outcome::Outcome::Receipt(receipt)) => Some(Self::Receipt(receipt.into())),
            Ok(host::outcome::Outcome::Report(entries)) => {
                Some(Self::Report(entries.into_iter().map(Into::into).collect()))
            }
            Ok(host::outcome::Outcome::Reading(reading)) => Some(Self::Reading(reading.into())),
            Err(error) => {
                tracing::error!(request, %error, "the outcome of a request cannot be read and is left out");
                None
            }
        }
    }
}

/// What a reading found at the vendor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReadingOutcome {
    /// Whether the vendor knows the person.
    pub known: bool,
    /// The number of choices that were compared.
    pub compared: usize,
    /// In how many of them the vendor held another choice than was known here.
    pub changed: usize,
}

impl From<host::outcome::Reading> for ReadingOutcome {
    fn from(reading: host::outcome::Reading) -> Self {
        match reading {
            host::outcome::Reading::Found { compared, changed } => Self { known: true, compared, changed },
            host::outcome::Reading::Nobody(_) => Self::default(),
        }
    }
}

mirror! {
    /// How one notice or item of a request stands.
    pub enum ReportStatus mirrors outbound::Status {
        /// Not final: still to be applied, or accepted and not in effect yet.
        Pending,
        /// The vendor accepted it.
        Executed,
        /// It was so before.
        NoUpdateNeeded,
        /// The person came without an identifier that the vendor can act on.
        MissingIdentity,
        /// It was not carried out although it should have been: an operator has to look.
        Refused,
        /// There is nothing to carry out here.
        NotApplicable,
    }
}

/// What became of one notice or item of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReportEntry {
    /// The notice's id, or what was sent if there is no such notice; null if an item itself was asked for.
    pub notice_id: Option<String>,
    /// The item; null if the entry is about the notice as a whole.
    pub item: Option<Item>,
    /// How it stands.
    pub status: ReportStatus,
    /// Why, for an operator.
    pub why: String,
}

impl From<outbound::Entry> for ReportEntry {
    fn from(outbound::Entry { notice_id, item, status, why }: outbound::Entry) -> Self {
        Self { notice_id, item: item.map(Into::into), status: status.into(), why }
    }
}

/// What came back from an attempt: one member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttemptResult {
    /// The connector's receipt of an erasure.
    Receipt(Receipt),
    /// The connector's report on choices.
    Report(ConnectorReport),
    /// How many choices the vendor holds for the person; null if it does not know the person.
    Read(Option<usize>),
    /// Nothing was sent to the vendor.
    NothingSent(bool),
    /// The connector's error.
    Error(ConnectorError),
    /// Why the sandbox ended the call.
    EndedBySandbox(CallFailure),
    /// What the database did not do.
    Store(String),
    /// Why what is stored cannot be read.
    Unreadable(String),
}

impl AttemptResult {
    fn of_stored(stored: Value) -> Self {
        use host::outcome::AttemptResult as Host;
        match serde_json::from_value(stored) {
            Ok(Host::Receipt(receipt)) => Self::Receipt(receipt.into()),
            Ok(Host::Report(report)) => Self::Report(report.into()),
            Ok(Host::Read(choices)) => Self::Read(choices),
            Ok(Host::NothingSent(nothing)) => Self::NothingSent(nothing),
            Ok(Host::Error(error)) => Self::Error(error.into()),
            Ok(Host::EndedBySandbox(failure)) => Self::EndedBySandbox(failure.into()),
            Ok(Host::Store(why)) => Self::Store(why),
            Ok(Host::Unreadable(why)) => Self::Unreadable(why),
            Err(_) => Self::Unreadable("it is stored in a form that this version does not read".to_owned()),
        }
    }
}

/// Why a connector could not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConnectorError {
    /// What the host does next about it: a kind of error of the contract, such as `rate-limited`.
    #[schema(value_type = String)]
    pub kind: ErrorKind,
    /// A stable word for programs.
    pub code: String,
    /// For an operator.
    pub message: String,
    /// How many milliseconds the vendor asked to wait; null if it did not.
    pub retry_after_ms: Option<u64>,
    /// Whether the vendor may have acted all the same.
    pub may_have_acted: bool,
}

impl From<HostConnectorError> for ConnectorError {
    fn from(error: HostConnectorError) -> Self {
        let HostConnectorError { kind, code, message, retry_after_ms, may_have_acted } = error;
        Self { kind, code, message, retry_after_ms, may_have_acted }
    }
}

/// Why the sandbox ended a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CallFailure {
    /// What ended it, such as `deadline-passed`.
    #[schema(value_type = String)]
    pub kind: FailureKind,
    /// For an operator.
    pub detail: String,
    /// Whether a request that may change something at the vendor had left.
    pub may_have_acted: bool,
}

impl From<HostCallFailure> for CallFailure {
    fn from(HostCallFailure { kind, detail, may_have_acted }: HostCallFailure) -> Self {
        Self { kind, detail, may_have_acted }
    }
}
