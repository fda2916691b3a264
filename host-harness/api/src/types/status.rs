//! The status of a request, for callers that poll it or wait for its end.

use host_model::requests::completion::{Completion, proven};
use host_store::requests as stored;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::requests::RequestState;

/// Whether a request was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RequestStatus {
    /// The request's id.
    pub id: String,
    /// Whether it was carried out. While this is false, it still can be: an end without success is answered 409.
    pub complete: bool,
    /// Its state.
    pub state: RequestState,
    /// For an erasure, whether the vendor has confirmed or shown it; false if it is done without proof. Null for other
    /// requests.
    pub proven: Option<bool>,
    /// Why it is waiting or how it ended; null if there is no reason to report.
    pub reason: Option<String>,
}

impl RequestStatus {
    /// Creates the status of `view`. `completion` is its completion.
    pub(crate) fn of(view: &stored::RequestView, completion: &Completion) -> Self {
        let reason = match completion {
            Completion::NotCarriedOut(why) => Some(why.clone()),
            Completion::Open | Completion::Complete => view.reason.clone(),
        };
        Self {
            id: view.id.clone(),
            complete: *completion == Completion::Complete,
            state: view.state.into(),
            proven: proven(view.action, view.state, view.read_outcome().as_ref()),
            reason,
        }
    }
}

/// What counts as complete.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StatusQuery {
    /// How to report a request that was skipped because the person has no identifier that the vendor can act on.
    #[serde(default)]
    #[param(inline)]
    pub skipped: SkippedStatus,
}

/// How a skipped request is reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SkippedStatus {
    /// With 409, like any other end without success.
    #[default]
    Error,
    /// As complete, because the vendor has nothing that it could find under these identifiers.
    Complete,
}
