//! Acts on many requests at once.

use host_model::bulk as host;
use host_store::bulk_acts as stored;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    mirror::mirror,
    page::PageLimit,
    requests::{Action, RequestState, WaitsFor},
};

mirror! {
    /// What an act does with each request.
    pub enum BulkKind mirrors host::BulkKind {
        /// Puts it back in the queue, as `/api/v1/requests/{id}/replay` does.
        Replay,
    }
}

mirror! {
    /// The state of an act.
    pub enum BulkState mirrors host::BulkState {
        /// It waits until another API key approves it. It expires after 7 days.
        Pending,
        /// It is carried out, request by request.
        Running,
        /// Each of its requests was carried out or refused.
        Done,
        /// It was withdrawn before it was approved.
        Withdrawn,
        /// It was not approved in time.
        Expired,
    }
}

mirror! {
    /// The result for one request.
    pub enum BulkResult mirrors host::BulkResult {
        /// It was carried out.
        Done,
        /// It was not possible: see `why`.
        Refused,
    }
}

/// A new act: on the requests with `ids`, or on those that match `filter`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBulkAct {
    /// What to do with each request.
    pub act: BulkKind,
    /// The requests, at most 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 500)]
    pub ids: Option<Vec<String>>,
    /// Which requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<BulkFilter>,
    /// How many requests that is, from 1 to 10000. If another number matches, nothing is done.
    #[schema(minimum = 1, maximum = 10000)]
    pub expected: i64,
}

/// Which requests an act is about: those that match every member, as in the list of requests.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkFilter {
    /// Only requests of this connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// Only requests of this tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Only requests in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<RequestState>,
    /// Only requests with this action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// Only waiting requests that wait for this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<WaitsFor>,
    /// Only requests that have not ended, of whose month less than a quarter is left.
    #[serde(default)]
    pub late: bool,
}

/// An act. Times are milliseconds since 1970 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BulkAct {
    /// The act's id.
    pub id: String,
    /// What it does with each request.
    pub act: BulkKind,
    /// Its state.
    pub state: BulkState,
    /// Who made it.
    pub made_by: String,
    /// The id of the API key that made it.
    pub api_key: String,
    /// When it was made.
    pub made_at: i64,
    /// When it expires if it is still pending.
    pub expires_at: i64,
    /// The API key that approved or withdrew it; null if none has.
    pub decided_by: Option<String>,
    /// When it was approved or withdrawn; null if it was not.
    pub decided_at: Option<i64>,
    /// When it ended; null if it has not.
    pub ended_at: Option<i64>,
    /// The number of its requests.
    pub total: i64,
    /// How many of them were carried out.
    pub done: i64,
    /// How many of them were refused.
    pub refused: i64,
}

impl From<stored::BulkAct> for BulkAct {
    fn from(act: stored::BulkAct) -> Self {
        Self {
            id: act.id,
            act: act.kind.into(),
            state: act.state.into(),
            made_by: act.made_by,
            api_key: act.api_key,
            made_at: act.made_at,
            expires_at: act.expires_at,
            decided_by: act.decided_by,
            decided_at: act.decided_at,
            ended_at: act.ended_at,
            total: act.total,
            done: act.done,
            refused: act.refused,
        }
    }
}

/// Filters of the list of acts.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BulkActQuery {
    /// Only acts in this state.
    pub state: Option<BulkState>,
    /// Only acts made before the one with this id: the last one of the previous page, even if it was deleted since.
    pub before: Option<String>,
    /// Maximum number of results.
    #[serde(default)]
    #[param(inline)]
    pub limit: PageLimit<50, 500>,
}

/// A page of acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BulkActPage {
    /// Newest first.
    pub acts: Vec<BulkAct>,
}

/// Filters of the requests of an act.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BulkRequestQuery {
    /// Only requests with this result.
    pub result: Option<BulkResult>,
    /// Only requests accepted after the one with this id: the last one of the previous page.
    pub after: Option<String>,
    /// Maximum number of results.
    #[serde(default)]
    #[param(inline)]
    pub limit: PageLimit<50, 500>,
}

/// A page of the requests of an act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BulkRequestPage {
    /// In the order of acceptance.
    pub requests: Vec<BulkRequest>,
}

/// A request of an act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BulkRequest {
    /// The request's id.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// The result; null until it is its turn.
    pub result: Option<BulkResult>,
    /// Why it was refused; null if it was not.
    pub why: Option<String>,
}

impl From<stored::BulkRequest> for BulkRequest {
    fn from(request: stored::BulkRequest) -> Self {
        let stored::BulkRequest { id, tenant, connection, result, why, .. } = request;
        Self { id, tenant, connection, result: result.map(Into::into), why }
    }
}
