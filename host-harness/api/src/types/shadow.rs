//! What came of comparing a version with the one that serves, and of the connections' settings and tests.

use std::collections::BTreeMap;

use host_service::connections::{
    proof::SuitedConnections,
    shadow::{FoundDifference, NotCompared, ShadowReport},
    tested::TestedConnection,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What came of comparing a version with the one that served: both read the last stored deliveries, and both were asked for
/// what waiting and failed requests need, up to the first request that reads. Nothing was sent to a vendor. Contains no
/// personal data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepShadow {
    /// The digest of the version that served; null if the plugin was new.
    pub against: Option<String>,
    /// How many were compared, by kind: `delivery`, `erasure`, `confirmation`, `consent` or `reading`.
    pub compared: BTreeMap<String, u32>,
    /// The differences.
    pub differences: Vec<StepDifference>,
    /// What was not compared.
    pub not_compared: Vec<StepNotCompared>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// A difference between two versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepDifference {
    /// The key of the connection.
    pub connection: String,
    /// What was compared, such as `delivery`.
    pub what: String,
    /// The kind of the difference, such as `no-longer-readable` or `other-request`.
    pub kind: String,
    /// How often it was found.
    pub count: u32,
    /// The difference as a sentence.
    pub text: String,
}

/// What was not compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepNotCompared {
    /// The key of the connection.
    pub connection: String,
    /// What was to be compared, such as `delivery`, or `request` if it was not opened.
    pub what: String,
    /// Why it was not, such as `not-kept`.
    pub why: String,
    /// How many there are.
    pub count: u32,
    /// The same as a sentence.
    pub text: String,
}

/// Which connections have settings that suit a version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepSettings {
    /// The keys of the connections whose settings suit it.
    pub suited: Vec<String>,
    /// The settings that do not, each with its connection, such as `newsletter.region`.
    pub unsuited: Vec<String>,
}

/// What came of testing a connection on a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepConnectionTest {
    /// The key of the connection.
    pub connection: String,
    /// `succeeded`, `failed` or `skipped`.
    pub status: String,
    /// The names of the checks that failed.
    #[serde(alias = "failed-checks")]
    pub failed_checks: Vec<String>,
    /// Why it failed or was skipped; null if it succeeded, and in the history, which does not keep what vendors say.
    #[serde(default)]
    pub reason: Option<String>,
    /// How long it took, in milliseconds.
    #[serde(alias = "took-ms")]
    pub took_ms: u64,
}

impl From<ShadowReport> for StepShadow {
    fn from(ShadowReport { against, compared, differences, not_compared, took_ms }: ShadowReport) -> Self {
        Self {
            against,
            compared: compared.into_iter().map(|(what, count)| (what.to_string(), count)).collect(),
            differences: differences.into_iter().map(Into::into).collect(),
            not_compared: not_compared.into_iter().map(Into::into).collect(),
            took_ms,
        }
    }
}

impl From<FoundDifference> for StepDifference {
    fn from(found: FoundDifference) -> Self {
        let text = found.sentence();
        let FoundDifference { connection, what, kind, count, .. } = found;
        Self { connection, what: what.to_string(), kind: kind.to_string(), count, text }
    }
}

impl From<NotCompared> for StepNotCompared {
    fn from(left_out: NotCompared) -> Self {
        let text = left_out.sentence();
        let NotCompared { connection, what, why, count } = left_out;
        Self { connection, what: what.to_string(), why: why.to_string(), count, text }
    }
}

impl From<SuitedConnections> for StepSettings {
    fn from(SuitedConnections { suited, unsuited }: SuitedConnections) -> Self {
        Self { suited, unsuited }
    }
}

impl From<TestedConnection> for StepConnectionTest {
    fn from(tested: TestedConnection) -> Self {
        let TestedConnection { connection, status, failed_checks, reason, took_ms } = tested;
        Self { connection, status: status.to_string(), failed_checks, reason, took_ms }
    }
}
