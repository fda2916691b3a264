//! The attempts of a request.

use host_model::{
    contract::{ConnectorError as HostConnectorError, ErrorKind, observed::Observed as HostObserved},
    failure::{CallFailure as HostCallFailure, FailureKind},
    requests as host,
};
use host_store::requests::attempts as stored;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{consent::ConnectorReport, erasure::Receipt, mirror::mirror, observed::Observed};

mirror! {
    /// What an attempt does.
    pub enum Step mirrors host::Step {
        /// Carries out the action.
        Act,
        /// Looks for proof of an erasure, or checks whether an unanswered one took effect.
        Confirm,
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
    /// The plugin's name; null if the history of versions does not have the digest.
    #[serde(default)]
    pub plugin: Option<String>,
    /// The connector's own version, from its manifest; null if the history of versions does not have it.
    #[serde(default)]
    pub plugin_version: Option<String>,
    /// When it began.
    pub began_at: i64,
    /// When it ended; null while it is in progress, or if the process ended first.
    pub ended_at: Option<i64>,
    /// The result; null if there is none.
    pub result: Option<AttemptResult>,
    /// What the host itself observed in its calls; null while it is in progress, and for attempts of a version that did not
    /// observe calls.
    #[serde(default)]
    pub observed: Option<Observed>,
}

impl From<stored::AttemptView> for Attempt {
    fn from(view: stored::AttemptView) -> Self {
        let stored::AttemptView {
            number,
            step,
            plugin_digest,
            version,
            began_at,
            ended_at,
            result,
            observed,
        } = view;
        let (plugin, version) = version.map(|ran| (ran.plugin, ran.version)).unzip();
        Self {
            number,
            step: step.into(),
            plugin_digest,
            plugin,
            plugin_version: version.flatten(),
            began_at,
            ended_at,
            result: result.map(AttemptResult::of_stored),
            observed: observed.and_then(of_stored),
        }
    }
}

/// Returns what is stored; `None` if this version cannot read it.
fn of_stored(stored: Value) -> Option<Observed> {
    serde_json::from_value::<HostObserved>(stored).ok().map(Into::into)
}

/// The result of an attempt: one member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttemptResult {
    /// The connector's receipt of an erasure.
    Receipt(Receipt),
    /// The connector's report on choices.
    Report(ConnectorReport),
    /// The number of choices that the vendor has for the person; null if it does not know the person.
    Read(Option<usize>),
    /// Nothing was sent to the vendor.
    NothingSent(bool),
    /// The connector's error.
    Error(ConnectorError),
    /// Why the sandbox ended the call.
    EndedBySandbox(CallFailure),
    /// A failed operation of the database.
    Store(String),
    /// Why the stored request cannot be read.
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
            Err(_) => Self::Unreadable("it is stored in a form that this version cannot read".to_owned()),
        }
    }
}

/// An error of a connector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConnectorError {
    /// The contract's kind of error, such as `rate-limited`, which determines what the host does next.
    #[schema(value_type = String)]
    pub kind: ErrorKind,
    /// A stable code for programs.
    pub code: String,
    /// Explanation for an operator.
    pub message: String,
    /// The number of milliseconds that the vendor asked to wait; null if it did not.
    pub retry_after_ms: Option<u64>,
    /// Whether the vendor may have acted anyway.
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
    /// Explanation for an operator.
    pub detail: String,
    /// Whether a request that may change something at the vendor was already sent.
    pub may_have_acted: bool,
    /// The outcome that it reported and its requests contradict, such as `erase-erased`; null if that is not the cause.
    #[serde(default)]
    pub contradicted: Option<String>,
}

impl From<HostCallFailure> for CallFailure {
    fn from(failure: HostCallFailure) -> Self {
        let HostCallFailure { kind, detail, may_have_acted, contradicted } = failure;
        Self { kind, detail, may_have_acted, contradicted: contradicted.map(|claim| claim.to_string()) }
    }
}
