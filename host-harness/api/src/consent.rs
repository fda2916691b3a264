//! Consent: sends preferences, and re-reads people.
//! Tested in `cli/src/tests/server/consent.rs`.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::{Json, Path},
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
use host_harness::clock::Clock;
use host_model::consent::submitted::SubmittedChoices;
use host_service::{
    connections::Connections,
    requests::{Requests, accept::Submission, handler::PersonTask},
};
use host_store::Store;

/// The maximum difference between clocks; a choice further ahead is a mistake.
const MAX_AHEAD_MS: u64 = 5 * 60 * 1_000;

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
    State(clock): State<Arc<dyn Clock>>,
    ConsentWrite(caller): ConsentWrite,
    Path(key): Path<String>,
    headers: SubmissionHeaders,
    Json(ConsentRequest { identity, preferences }): Json<ConsentRequest>,
) -> Result<Response, Problem> {
    reachable_connection(&connections, &caller, &key).await?;
    let submitted = SubmittedChoices::from(preferences);
    let ahead = u64::try_from(clock.date_ms()).unwrap_or(0).saturating_add(MAX_AHEAD_MS);
    if submitted.times().any(|chosen_at_ms| chosen_at_ms > ahead) {
        let detail =
            "chosen_at: more than 5 minutes in the future; send the time at which the choice was made";
        return Err(Problem::of(kinds::IN_THE_FUTURE, detail));
    }
    let submission = Submission {
        connection: key,
        subject: identity.into(),
        asked: PersonTask::Consent(submitted),
        idempotency_key: headers.idempotency_key.clone(),
    };
    submit(&store, &requests, submission, headers, caller.who()).await
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
