//! One person at the vendor, asked about now. Nothing is changed there, and nothing is kept here.

use axum::{Router, extract::State, routing::post};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::{
    body::{Json, Path},
    caller::Caller,
    found::{calls, found},
    problem::{Problem, kinds},
};
use crate::identity::Identity;
use crate::state::Api;
use host_harness::sandbox::CallResult;
use host_model::{
    contract::{
        ErrorKind,
        consent::Held,
        erasure::{PendingErasure, Receipt},
    },
    requests::retry::Failure,
};
use host_service::connections::Connections;
use host_service::served::Served;

#[derive(OpenApi)]
#[openapi(paths(choices, confirm))]
pub(super) struct Part;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/connection/{key}/choices", post(choices))
        .route("/api/v1/connection/{key}/confirm", post(confirm))
}

/// One person. In a body, since addresses are logged on the way.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Person {
    identity: Identity,
}

/// What the vendor holds.
#[derive(Serialize, ToSchema)]
struct AtVendor {
    /// The connection's key.
    connection: String,
    /// Whether the vendor knows the person at all.
    known: bool,
    /// An `item` (its `kind` and `id`) and the `choice` about it, `opt-in` or `opt-out`, for each.
    #[schema(value_type = Vec<Object>)]
    choices: Vec<Held>,
}

/// Asks the vendor what it holds for a person. Waits where a write for the same person has not settled yet.
#[utoipa::path(post, path = "/api/v1/connection/{key}/choices", tag = "consent", params(("key" = String, Path)),
    request_body = Person, responses((status = 200, body = AtVendor)))]
async fn choices(
    State(connections): State<Connections>,
    State(served): State<Served>,
    caller: Caller,
    Path(key): Path<String>,
    Json(person): Json<Person>,
) -> Result<axum::Json<AtVendor>, Problem> {
    found(&connections, &caller, &key).await?;
    let held = answered(calls(&served, &key)?.current(&person.identity.into()).await)?;
    Ok(axum::Json(AtVendor { connection: key, known: held.is_some(), choices: held.unwrap_or_default() }))
}

/// An erasure that is no request here, or was made elsewhere.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Erasure {
    identity: Identity,
    /// What the erasure, or the last look at it, gave as its reference.
    reference: Option<String>,
}

/// Looks at the vendor whether an erasure has taken effect: `status` (`accepted`, `erased`, `not-found`), `evidence`,
/// `reference`, `confirm-after-ms`. The service does so by itself for its own requests.
#[utoipa::path(post, path = "/api/v1/connection/{key}/confirm", tag = "requests", params(("key" = String, Path)),
    request_body = Erasure, responses((status = 200, body = Object)))]
async fn confirm(
    State(connections): State<Connections>,
    State(served): State<Served>,
    caller: Caller,
    Path(key): Path<String>,
    Json(erasure): Json<Erasure>,
) -> Result<axum::Json<Receipt>, Problem> {
    found(&connections, &caller, &key).await?;
    let pending = PendingErasure { subject: erasure.identity.into(), reference: erasure.reference };
    let receipts = answered(calls(&served, &key)?.confirm(&[pending]).await)?;
    // As many receipts as erasures were asked about: the sandbox ends any other call.
    let receipt = receipts.into_iter().next();
    receipt
        .map(axum::Json)
        .ok_or_else(|| Problem::of(kinds::VENDOR, "the connector answered with no receipt"))
}

/// The answer to a call, or why there is none.
pub(super) fn answered<T>(answer: CallResult<T>) -> Result<T, Problem> {
    let failure = match answer {
        Ok(Ok(answer)) => return Ok(answer),
        // The caller named the person; the vendor was not asked.
        Ok(Err(error)) if error.kind == ErrorKind::MissingIdentity => {
            return Err(Problem::of(kinds::NO_USABLE_KIND, error.message));
        }
        Ok(Err(error)) => Failure::Connector(error),
        Err(failure) => Failure::Call(failure),
    };
    Err(Problem::of(kinds::VENDOR, failure.reason()))
}
