//! Queries the vendor about one person. Changes nothing there, and stores nothing here.
//! Tested in `src/tests/person.rs`.

use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::{Json, Path, Query},
    caller::{ConsentRead, PluginsRead, PluginsWrite, RequestsRead, ScopedCaller as _},
    found::{calls_on, reachable_connection},
    problem::{Problem, kinds},
    refusals::{BadGateway, Conflict, Forbidden, NotFound, Unprocessable},
    state::Api,
    types::{
        consent::{HeldChoices, Person},
        erasure::{ErasureToConfirm, Receipt},
        pins::OnVersion,
    },
};
use host_harness::sandbox::CallResult;
use host_model::{
    contract::{ErrorKind, erasure::PendingErasure},
    requests::retry::AttemptFailure,
};
use host_service::connections::Connections;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(read_choices)).routes(routes!(confirm_erasure))
}

/// Returns the choices that the vendor has stored for a person. Waits until writes for the same person have settled. With
/// `version`, which requires the scope `plugins:read` too, that version reads them.
#[utoipa::path(post, path = "/api/v1/connection/{key}/choices", security(("key" = ["consent:read"])), tag = "consent", params(("key" = String, Path), OnVersion),
    responses((status = 200, body = HeldChoices), Forbidden, NotFound, Conflict, Unprocessable, BadGateway))]
async fn read_choices(
    State(connections): State<Connections>,
    ConsentRead(caller): ConsentRead,
    Path(key): Path<String>,
    Query(on): Query<OnVersion>,
    Json(Person { identity }): Json<Person>,
) -> Result<axum::Json<HeldChoices>, Problem> {
    reachable_connection(&connections, &caller, &key).await?;
    let calls = calls_on(&connections, &caller, &key, &on, PluginsRead::SCOPE).await?;
    let held = answered(calls.current(&identity.into()).await)?;
    let known = held.is_some();
    let choices = held.into_iter().flatten().map(Into::into).collect();
    Ok(axum::Json(HeldChoices { connection: key, known, choices }))
}

/// Checks at the vendor whether an erasure has taken effect. The service does this by itself for its own requests. With
/// `version`, that version checks it; this requires the scope `plugins:write` too, since `confirm` may take the vendor's next
/// step.
#[utoipa::path(post, path = "/api/v1/connection/{key}/confirm", security(("key" = ["requests:read"])), tag = "requests", params(("key" = String, Path), OnVersion),
    responses((status = 200, body = Receipt), Forbidden, NotFound, Conflict, Unprocessable, BadGateway))]
async fn confirm_erasure(
    State(connections): State<Connections>,
    RequestsRead(caller): RequestsRead,
    Path(key): Path<String>,
    Query(on): Query<OnVersion>,
    Json(ErasureToConfirm { identity, reference }): Json<ErasureToConfirm>,
) -> Result<axum::Json<Receipt>, Problem> {
    reachable_connection(&connections, &caller, &key).await?;
    let pending = PendingErasure { subject: identity.into(), reference };
    let calls = calls_on(&connections, &caller, &key, &on, PluginsWrite::SCOPE).await?;
    let receipts = answered(calls.confirm(&[pending]).await)?;
    // One receipt for each erasure asked about: the sandbox ends any other call.
    let receipt = receipts.into_iter().next();
    let receipt = receipt.ok_or_else(|| Problem::of(kinds::VENDOR, "the connector returned no receipt"))?;
    Ok(axum::Json(receipt.into()))
}

/// Returns the answer to a call, or the problem if there is none.
pub(super) fn answered<T>(answer: CallResult<T>) -> Result<T, Problem> {
    let failure = match answer {
        Ok(Ok(answer)) => return Ok(answer),
        // The caller named the person; the vendor was not asked.
        Ok(Err(error)) if error.kind == ErrorKind::MissingIdentity => {
            return Err(Problem::of(kinds::NO_USABLE_KIND, error.message));
        }
        Ok(Err(error)) => AttemptFailure::Connector(error),
        Err(failure) => AttemptFailure::Call(failure),
    };
    Err(Problem::of(kinds::VENDOR, failure.reason()))
}
