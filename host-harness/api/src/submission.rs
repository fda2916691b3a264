//! Submits requests, with what their headers ask for: an idempotency key, a replay, and a wait for the end.
//! Tested in `src/tests/waiting.rs`.

use std::time::Duration;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use host_model::{requests::completion::Completion, secret::Secret};
use host_service::{
    requests::{
        Requests,
        accept::{AcceptError, Accepted, Repeat, Submission},
        wait::Waited,
    },
    who::Who,
};
use host_store::{
    Store, StoreError, callbacks,
    requests::{RequestView, attempts},
};
use serde_json::json;
use utoipa::IntoParams;

use crate::{
    prefer::{PreferHeader, applied_wait},
    problem::{Problem, kinds},
    status::not_carried_out,
    types::requests::{AcceptedRequest, ListedRequest, Outcome, RequestReport},
};

/// The same maximum as Stripe's.
const MAX_IDEMPOTENCY_KEY: usize = 255;

/// Ten times as long as the tokens of Fides 2.78.
const MAX_REPLY_TO_TOKEN: usize = 4_096;

/// The headers of a submitted request.
#[derive(Clone, Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it only describes the headers that `SubmissionHeaders` reads")]
pub(crate) struct SubmissionParams {
    /// Sending the request again with the same key creates no second one.
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 255, pattern = "^[!-~]([ -~]*[!-~])?$")]
    idempotency_key: Option<String>,
    /// `failed` carries a request out again that was sent before under the key and was not carried out.
    #[param(rename = "Idempotency-Replay", pattern = "^[Ff][Aa][Ii][Ll][Ee][Dd]$")]
    idempotency_replay: Option<String>,
    /// `wait=SECONDS` waits for the end of the request, for at most 55 seconds: RFC 7240. Other preferences are ignored.
    #[param(rename = "Prefer")]
    prefer: Option<String>,
    /// The token of a task of Fides that waits for the end: only with a callback whose form is `fides`.
    #[param(rename = "Fides-Reply-To-Token")]
    fides_reply_to_token: Option<String>,
}

/// What the headers of a request ask for.
#[derive(Clone, Debug)]
pub(crate) struct SubmissionHeaders {
    /// The key by which a repeated request is recognized.
    pub(crate) idempotency_key: Option<String>,
    /// The token with which the receiver of a callback recognizes it.
    pub(crate) reply_to_token: Option<Secret>,
    /// Whether a request that was sent before and was not carried out is carried out again.
    is_replay_of_failed: bool,
    wait: Option<Duration>,
}

impl SubmissionHeaders {
    /// What to do if the request was sent before by `who` and was not carried out.
    pub(crate) fn repeat(&self, who: Who) -> Repeat {
        if self.is_replay_of_failed { Repeat::Replay(who) } else { Repeat::Keep }
    }
}

impl<S: Sync> FromRequestParts<S> for SubmissionHeaders {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let headers = &parts.headers;
        Ok(Self {
            idempotency_key: idempotency_key(headers)?,
            reply_to_token: reply_to_token(headers)?,
            is_replay_of_failed: is_replay_of_failed(headers)?,
            wait: PreferHeader::of(headers).wait,
        })
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| !key.is_empty() && key.len() <= MAX_IDEMPOTENCY_KEY);
    let wrong = || {
        let detail = format!("Idempotency-Key: expected 1 to {MAX_IDEMPOTENCY_KEY} visible ASCII characters");
        Problem::of(kinds::BAD_BODY, detail)
    };
    key.map(|key| Some(key.to_owned())).ok_or_else(wrong)
}

fn reply_to_token(headers: &HeaderMap) -> Result<Option<Secret>, Problem> {
    let Some(value) = headers.get("fides-reply-to-token") else { return Ok(None) };
    let token = value.to_str().ok().filter(|token| token.len() <= MAX_REPLY_TO_TOKEN).and_then(Secret::new);
    let wrong = || {
        let detail =
            format!("Fides-Reply-To-Token: expected 1 to {MAX_REPLY_TO_TOKEN} visible ASCII characters");
        Problem::of(kinds::BAD_BODY, detail)
    };
    token.map(Some).ok_or_else(wrong)
}

fn is_replay_of_failed(headers: &HeaderMap) -> Result<bool, Problem> {
    match headers.get("idempotency-replay") {
        None => Ok(false),
        Some(value) if value.as_bytes().eq_ignore_ascii_case(b"failed") => Ok(true),
        Some(_) => Err(Problem::of(kinds::BAD_BODY, "Idempotency-Replay: expected `failed`, its only value")),
    }
}

/// Stores a request, and waits for its end if `headers` ask for that.
pub(crate) async fn submit(
    store: &Store,
    requests: &Requests,
    submission: Submission,
    headers: &SubmissionHeaders,
) -> Result<Response, Problem> {
    let accepted = requests.accept(submission).await?;
    let Some(wait) = headers.wait else { return Ok(accepted_response(accepted, None)) };
    let Waited { view, held_back_by } = requests.wait(accepted.view.clone(), wait).await?;
    let mut response = match view.completion() {
        Completion::Open => accepted_response(Accepted { view, ..accepted }, held_back_by),
        Completion::Complete => axum::Json(report(store, requests, view).await?).into_response(),
        Completion::NotCarriedOut(why) => {
            let problem = not_carried_out(&view, &why);
            let outcome = view.outcome.and_then(|stored| Outcome::of_stored(&view.id, stored));
            problem.with("outcome", json!(outcome)).into_response()
        }
    };
    applied_wait(&mut response, wait);
    Ok(response)
}

/// Puts a request that failed or expired back in the queue. Returns its current state.
pub(crate) async fn replayed(
    requests: &Requests,
    request: RequestView,
    who: Who,
) -> Result<RequestView, Problem> {
    let not_replayed = || {
        let detail = "only a failed or expired request, whose person is still known here, can be replayed; \
                      send a new one instead";
        Problem::of(kinds::NOT_REPLAYED, detail)
    };
    requests.replay(request, who).await?.ok_or_else(not_replayed)
}

/// The response to a stored request, which `held_back_by` keeps from being carried out soon.
pub(crate) fn accepted_response(
    Accepted { view, was_sent_before }: Accepted,
    held_back_by: Option<String>,
) -> Response {
    let location = HeaderValue::try_from(format!("/api/v1/requests/{}", view.id));
    let body = AcceptedRequest { id: view.id, state: view.state.into(), was_sent_before, held_back_by };
    let mut response = (StatusCode::ACCEPTED, axum::Json(body)).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// Everything that is known about a request.
pub(crate) async fn report(
    store: &Store,
    requests: &Requests,
    request: RequestView,
) -> Result<RequestReport, StoreError> {
    let id = request.id.clone();
    let read = store.read(move |c| {
        Box::pin(async move { Ok((attempts::attempts(c, &id).await?, callbacks::show(c, &id).await?)) })
    });
    let (attempts, callback) = read.await?;
    let ListedRequest { request, forecast } = requests.standing(request).await?.into();
    let attempts = attempts.into_iter().map(Into::into).collect();
    Ok(RequestReport { request, forecast, attempts, callback: callback.map(Into::into) })
}

impl From<AcceptError> for Problem {
    fn from(error: AcceptError) -> Self {
        let detail = error.to_string();
        match error {
            AcceptError::NotServed(not_served) => not_served.into(),
            AcceptError::NotEnabled { .. } | AcceptError::ActionNotEnabled { .. } => {
                Self::of(kinds::NOT_ENABLED, detail)
            }
            AcceptError::NotOffered { .. } => Self::of(kinds::UNSUITED, detail),
            AcceptError::NoUsableKind { accepted, .. } => {
                Self::of(kinds::NO_USABLE_KIND, detail).with("accepted", accepted.into())
            }
            AcceptError::UnknownNotices { names } => {
                Self::of(kinds::UNKNOWN_NOTICE, detail).with("notices", names.into())
            }
            AcceptError::InTheFuture => Self::of(kinds::IN_THE_FUTURE, format!("chosen_at: {detail}")),
            AcceptError::Nobody => Self::of(kinds::BAD_BODY, detail),
            AcceptError::KeyReused { id } => Self::of(kinds::KEY_REUSED, detail).with("request", id.into()),
            AcceptError::Store(error) => error.into(),
        }
    }
}
