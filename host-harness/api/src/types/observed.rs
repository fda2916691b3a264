//! What the host observed in calls.

use host_model::contract::observed;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::manifest::Effect;

/// What the host itself observed in the calls of an attempt. Contains no personal data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Observed {
    /// The requests to the vendor, in order. In the receipt of a call for several people, those that named only other
    /// people are left out.
    pub requests: Vec<ObservedRequest>,
    /// Whether a request that was answered contained an identifier of the person, or the erasure's reference.
    pub names_person: bool,
    /// The outcomes that no request supports, and that have to be taken on trust because the connector's manifest exempts
    /// them, such as `confirm-erased`.
    #[serde(default)]
    pub exempt: Vec<String>,
}

impl From<observed::Observed> for Observed {
    fn from(observed::Observed { requests, names_person, exempt }: observed::Observed) -> Self {
        Self {
            requests: requests.into_iter().map(Into::into).collect(),
            names_person,
            exempt: exempt.iter().map(ToString::to_string).collect(),
        }
    }
}

/// A request that was sent to the vendor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ObservedRequest {
    /// The operation, as declared in the connector's manifest.
    pub operation: String,
    /// Its HTTP method; null in the record of an earlier version of the host.
    #[serde(default)]
    pub method: Option<String>,
    /// Its path as declared, with `{name}` for each blank; null in the record of an earlier version of the host.
    #[serde(default)]
    pub path: Option<String>,
    /// What the operation does at the vendor.
    pub effect: Effect,
    /// The status of the answer; null if there was no answer.
    pub status: Option<u16>,
    /// When it was sent, in milliseconds since 1970 in UTC.
    pub sent_at: i64,
    /// The time until the end of its answer, in milliseconds.
    pub took_ms: u64,
}

impl From<observed::ObservedRequest> for ObservedRequest {
    fn from(request: observed::ObservedRequest) -> Self {
        let observed::ObservedRequest { operation, target, effect, status, sent_at_ms, took_ms } = request;
        let (method, path) = target.map(|target| (target.method, target.path)).unzip();
        Self { operation, method, path, effect: effect.into(), status, sent_at: sent_at_ms, took_ms }
    }
}
