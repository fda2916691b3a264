//! One person at the vendor, asked about now. Nothing is changed there, and nothing is kept here.

use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::{Json, Path},
    caller::Caller,
    found::{calls, found},
    problem::{Problem, kinds},
    refusals::{BadGateway, NotFound, Unprocessable},
    state::Api,
    types::{
        consent::{HeldChoices, Person},
        erasure::{ErasureToConfirm, Receipt},
    },
};
use host_harness::sandbox::CallResult;
use host_model::{
    contract::{ErrorKind, erasure::PendingErasure},
    requests::retry::Failure,
};
use host_service::{connections::Connections, served::Served};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(read_choices)).routes(routes!(confirm_erasure))
}

/// Asks the vendor what it holds for a person. Waits while a write for the same person has not settled yet.
#[utoipa::path(post, path = "/api/v1/connection/{key}/choices", tag = "consent", params(("key" = String, Path)),
    responses((status = 200, body = HeldChoices), NotFound, Unprocessable, BadGateway))]
async fn read_choices(
    State(connections): State<Connections>,
    State(served): State<Served>,
    caller: Caller,
    Path(key): Path<String>,
    Json(Person { identity }): Json<Person>,
) -> Result<axum::Json<HeldChoices>, Problem> {
    found(&connections, &caller, &key).await?;
    let held = answered(calls(&served, &key)?.current(&identity.into()).await)?;
    let known = held.is_some();
    let choices = held.into_iter().flatten().map(Into::into).collect();
    Ok(axum::Json(HeldChoices { connection: key, known, choices }))
}

/// Looks at the vendor whether an erasure has taken effect. The service does so by itself for its own requests.
#[utoipa::path(post, path = "/api/v1/connection/{key}/confirm", tag = "requests", params(("key" = String, Path)),
    responses((status = 200, body = Receipt), NotFound, Unprocessable, BadGateway))]
async fn confirm_erasure(
    State(connections): State<Connections>,
    State(served): State<Served>,
    caller: Caller,
    Path(key): Path<String>,
    Json(ErasureToConfirm { identity, reference }): Json<ErasureToConfirm>,
) -> Result<axum::Json<Receipt>, Problem> {
    found(&connections, &caller, &key).await?;
    let pending = PendingErasure { subject: identity.into(), reference };
    let receipts = answered(calls(&served, &key)?.confirm(&[pending]).await)?;
    // As many receipts as erasures were asked about: the sandbox ends any other call.
    let receipt = receipts.into_iter().next();
    let receipt =
        receipt.ok_or_else(|| Problem::of(kinds::VENDOR, "the connector answered with no receipt"))?;
    Ok(axum::Json(receipt.into()))
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
