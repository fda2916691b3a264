//! Submits a request to a service, and follows it to its end.

use std::{
    fmt::{self, Display},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use clap::Args;
use http::HeaderValue;
use serde::Serialize;

use super::{
    client::{ApiCall, ApiResponse, Client},
    failure::Failure,
    output::{CommandOutput, coloured},
    reference, request,
    session::Session,
    words,
};
use host_api::types::{
    callback::{CallbackForm, NewCallback},
    requests::{AcceptedRequest, RequestReport, RequestState},
};

/// The interval between two polls of a request.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// A change of a time by less than this is not reported.
const NEWS_MS: u64 = 60_000;

/// How a request is submitted to a service.
#[derive(Debug, Args)]
pub(super) struct Submitting {
    /// With --server: wait until the request has ended, and show the result; at most this many seconds. The API key needs
    /// `requests:read` [default: without a limit].
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = UNTIL_END)]
    wait: Option<WaitLimit>,
    /// With --server: idempotency key of the request. Sending it again with the same key creates no second request.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// If the request was sent before under the idempotency key and was not carried out, carry it out again.
    #[arg(long, requires = "idempotency_key")]
    replay_failed: bool,
    /// With --server: post the end of the request to this address. The API key must have been created with its host:
    /// `api-key create --callback-host`.
    #[arg(long, value_name = "URL")]
    callback: Option<String>,
    /// File with the token of a task of Fides, which the callback completes.
    #[arg(long, value_name = "FILE", requires = "callback")]
    fides_token_file: Option<PathBuf>,
}

/// The value of `--wait` without a value.
const UNTIL_END: &str = "end";

/// How long to wait for the end of a request.
#[derive(Clone, Copy, Debug)]
enum WaitLimit {
    UntilEnd,
    Seconds(Duration),
}

impl FromStr for WaitLimit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == UNTIL_END {
            return Ok(Self::UntilEnd);
        }
        let seconds: Result<u32, _> = text.parse();
        seconds
            .map(|seconds| Self::Seconds(Duration::from_secs(seconds.into())))
            .map_err(|_| "expected whole seconds")
    }
}

impl Submitting {
    /// Without a service, there is nothing to wait for.
    pub(super) fn alone(&self) -> Result<(), Failure> {
        if self.wait.is_some() || self.idempotency_key.is_some() || self.callback.is_some() {
            return Err(Failure::misused(
                "--wait, --idempotency-key and --callback require a service: name one with --server",
            ));
        }
        Ok(())
    }

    /// Where the end is to be posted; `None` if nowhere.
    pub(super) fn callback(&self) -> Option<NewCallback> {
        let form = match self.fides_token_file {
            Some(_) => CallbackForm::Fides,
            None => CallbackForm::Standard,
        };
        self.callback.clone().map(|url| NewCallback { url, form })
    }

    /// Submits the request to `path`, and follows it with `--wait`.
    pub(super) async fn submit(
        self,
        session: &Session,
        client: &Client,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<CommandOutput, Failure> {
        let key = self.idempotency_key.unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
        let header = HeaderValue::try_from(&key)
            .map_err(|_| Failure::misused("--idempotency-key: expected visible ASCII characters"))?;
        let mut call = ApiCall::post(path).header("idempotency-key", header).json(body);
        if let Some(file) = &self.fides_token_file {
            let token = reference::from_file(file)
                .map_err(|wrong| Failure::misused(format!("--fides-token-file: {wrong}")))?;
            call = call.secret_header("fides-reply-to-token", &token)?;
        }
        if self.replay_failed {
            call = call.header("idempotency-replay", HeaderValue::from_static("failed"));
        }
        let taken = client.ask::<AcceptedRequest>(call).await.map_err(|failure| match failure {
            Failure::Unanswered(cause) => Failure::Unanswered(format!(
                "{cause}\nnext: run it again with --idempotency-key {key}, which creates no second request"
            )),
            other => other,
        })?;
        let ApiResponse { value: AcceptedRequest { id, state, was_sent_before, .. }, json } = taken;
        if let Some(limit) = self.wait {
            let report = awaited(session, client, &id, limit)
                .await
                .map_err(|failure| with_request_id(&id, failure))?;
            return Ok(request::output(session.console.width, report));
        }
        let again = if was_sent_before { " (sent before)" } else { "" };
        let exit = request::exit(state, None);
        let state = coloured(&state.to_string(), exit);
        let people = format!(
            "request {id}: {state}: accepted{again}\nnext: see it with `connector-host request show {id}`"
        );
        Ok(CommandOutput { people, json, exit })
    }
}

/// The request once it has ended, or as it is after `limit`. Ctrl-c ends the wait, but not the request.
async fn awaited(
    session: &Session,
    client: &Client,
    id: &str,
    limit: WaitLimit,
) -> Result<ApiResponse<RequestReport>, Failure> {
    let waiting = format!("request {id}: accepted");
    let ended = async {
        match limit {
            WaitLimit::Seconds(limit) => {
                tokio::time::timeout(limit, wait_for_end(session, client, id)).await.ok()
            }
            WaitLimit::UntilEnd => Some(wait_for_end(session, client, id).await),
        }
    };
    match session.unless_interrupted(&waiting, ended).await.flatten() {
        Some(ended) => ended,
        None => client.ask(ApiCall::get(&["requests", id])).await,
    }
}

/// Whatever ends the wait, the service has the request.
fn with_request_id(id: &str, failure: Failure) -> Failure {
    let has = format!("the service has request {id} anyway: see it with `connector-host request show {id}`");
    match failure {
        Failure::Misused(cause) => Failure::Misused(format!("{cause}\n{has}")),
        Failure::Unanswered(cause) => Failure::Unanswered(format!("{cause}\n{has}")),
        other => other,
    }
}

/// The request once it has ended. Prints its progress on a terminal.
async fn wait_for_end(
    session: &Session,
    client: &Client,
    id: &str,
) -> Result<ApiResponse<RequestReport>, Failure> {
    let mut told = None;
    loop {
        let answer = client.ask::<RequestReport>(ApiCall::get(&["requests", id])).await?;
        if !matches!(answer.value.request.state, RequestState::Waiting | RequestState::Running) {
            return Ok(answer);
        }
        let now = RequestProgress::of(&answer.value);
        if session.console.is_watched && told.as_ref().is_none_or(|before| now.is_news_after(before)) {
            session.console.print_error(&format!("request {id}: {now}"));
            told = Some(now);
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// A request's state, when it continues, and what holds it back.
#[derive(Debug)]
struct RequestProgress {
    state: RequestState,
    runs_at: Option<i64>,
    causes: Vec<String>,
}

impl RequestProgress {
    fn of(RequestReport { request, forecast, .. }: &RequestReport) -> Self {
        let held_back_by = forecast.held_back_by.iter().map(|by| format!("held back by {by}"));
        Self {
            state: request.state,
            runs_at: forecast.runs_at,
            causes: held_back_by.chain(request.reason.clone()).collect(),
        }
    }

    /// A request that could run now is expected now, which is a little later at each poll: that alone is no news.
    fn is_news_after(&self, before: &Self) -> bool {
        let moved = match (self.runs_at, before.runs_at) {
            (Some(now), Some(then)) => now.abs_diff(then) >= NEWS_MS,
            (now, then) => now != then,
        };
        moved || (&self.state, &self.causes) != (&before.state, &before.causes)
    }
}

impl Display for RequestProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.state)?;
        if let Some(runs_at) = self.runs_at {
            write!(f, "; to run at {}", words::timestamp(runs_at))?;
        }
        self.causes.iter().try_for_each(|cause| write!(f, "; {cause}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(more: &serde_json::Value) -> RequestReport {
        let mut report = json!({"id": "r-1", "tenant": "acme", "connection": "n", "action": "erasure", "step": "act",
            "attempt_count": 0, "received_at": 0, "attempts": []});
        report.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(report).unwrap()
    }

    fn waiting(runs_at: i64, held_back_by: Option<&str>) -> RequestProgress {
        RequestProgress::of(&report(&json!({"state": "waiting", "reason": "the vendor is failing",
            "forecast": {"runs_at": runs_at, "held_back_by": held_back_by}})))
    }

    fn running() -> RequestProgress {
        RequestProgress::of(&report(&json!({"state": "running", "forecast": {}})))
    }

    #[test]
    fn progress_says_when_and_why_not_now() {
        assert_eq!(
            waiting(1_700_000_000_000, Some("the vendor's limit")).to_string(),
            "waiting; to run at 2023-11-14T22:13:20Z; held back by the vendor's limit; the vendor is failing"
        );
        assert_eq!(running().to_string(), "running");
    }

    #[test]
    fn what_is_still_about_to_run_is_no_news() {
        let before = waiting(1_700_000_000_000, None);
        assert!(!waiting(1_700_000_001_000, None).is_news_after(&before));
        assert!(waiting(1_700_000_060_000, None).is_news_after(&before));
        assert!(waiting(1_700_000_000_000, Some("a limit")).is_news_after(&before));
        assert!(running().is_news_after(&before));
    }
}
