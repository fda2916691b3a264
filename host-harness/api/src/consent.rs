//! Consent: sends preferences, and re-reads people.
//! Tested in `cli/src/tests/server/consent.rs`.

use axum::{extract::State, http::StatusCode, response::Response};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::{Json, Path},
    callback,
    caller::ConsentWrite,
    found::reachable_connection,
    problem::{Problem, kinds},
    refusals::{Conflict, Forbidden, NotFound, Unprocessable},
    state::Api,
    submission::{SubmissionHeaders, SubmissionParams, submit},
    types::{
        consent::{ConsentRequest, MAX_PEOPLE_TO_READ, PeopleToRead, Reading, Readings},
        requests::{AcceptedRequest, RequestReport},
    },
};
use host_service::{
    connections::Connections,
    requests::{Requests, accept::Submission, handler::PersonTask},
};
use host_store::Store;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(submit_preferences)).routes(routes!(reconcile_people))
}

/// Stores a person's preferences and answers once they are on disk. The request's outcome reports on each notice and
/// item. With `Prefer: wait=SECONDS`, waits for it: 200 if the vendor has the choices, 409 if some were not carried out, and
/// 202 with `held_back_by` if it takes longer.
#[utoipa::path(post, path = "/api/v1/connection/{key}/consent", security(("key" = ["consent:write"])), tag = "consent",
    params(("key" = String, Path), SubmissionParams),
    responses((status = 200, body = RequestReport), (status = 202, body = AcceptedRequest), Forbidden, NotFound, Conflict, Unprocessable))]
async fn submit_preferences(
    State(store): State<Store>,
    State(connections): State<Connections>,
    State(requests): State<Requests>,
    ConsentWrite(caller): ConsentWrite,
    Path(key): Path<String>,
    headers: SubmissionHeaders,
    Json(ConsentRequest { identity, preferences, callback }): Json<ConsentRequest>,
) -> Result<Response, Problem> {
    reachable_connection(&connections, &caller, &key).await?;
    let choices = preferences.into();
    requests.check_times(&choices)?;
    let submission = Submission {
        connection: key,
        subject: identity.into(),
        asked: PersonTask::Consent(choices),
        idempotency_key: headers.idempotency_key.clone(),
        repeat: headers.repeat(caller.who()),
        callback: callback::allowed(&caller, callback, headers.reply_to_token.clone())?,
    };
    submit(&store, &requests, submission, &headers).await
}

/// Re-reads people at the vendor to pick up choices whose webhook was lost. Differences appear in the feed.
#[utoipa::path(post, path = "/api/v1/connection/{key}/reconcile", security(("key" = ["consent:write"])), tag = "consent", params(("key" = String, Path)),
    responses((status = 202, body = Readings), Forbidden, NotFound))]
async fn reconcile_people(
    State(connections): State<Connections>,
    State(requests): State<Requests>,
    ConsentWrite(caller): ConsentWrite,
    Path(key): Path<String>,
    Json(PeopleToRead { people }): Json<PeopleToRead>,
) -> Result<(StatusCode, axum::Json<Readings>), Problem> {
    reachable_connection(&connections, &caller, &key).await?;
    if people.len() > MAX_PEOPLE_TO_READ {
        return Err(Problem::of(kinds::BAD_BODY, format!("people: expected at most {MAX_PEOPLE_TO_READ}")));
    }
    let subjects = people.into_iter().map(Into::into).collect();
    let readings = requests.reconcile(&key, subjects).await.into_iter().map(|accepted| match accepted {
        Ok(accepted) => Reading { id: Some(accepted.view.id), refused: None },
        Err(error) => Reading { id: None, refused: Some(error.to_string()) },
    });
    Ok((StatusCode::ACCEPTED, axum::Json(Readings { requests: readings.collect() })))
}
