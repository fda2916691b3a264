//! A request given to a service, and followed to its end.

use std::{
    fmt::{self, Display},
    time::Duration,
};

use clap::Args;
use http::HeaderValue;
use serde::Serialize;

use super::{
    client::{Answer, Call, Client},
    failure::Failure,
    request,
    session::Session,
    shown::{Shown, toned},
    words,
};
use host_api::types::requests::{AcceptedRequest, RequestReport, RequestState};

/// Between two looks at a request.
const PAUSE: Duration = Duration::from_secs(1);
/// A time that moved by less is the same one.
const NEWS_MS: u64 = 60_000;

/// How a request is given to a service.
#[derive(Debug, Args)]
pub(super) struct Submitting {
    /// With --server: wait until the request has ended, and show how.
    #[arg(long)]
    wait: bool,
    /// With --server: send the request under this key, under which it is the same one when it is sent again.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

impl Submitting {
    /// Without a service, there is nothing to wait for.
    pub(super) fn alone(&self) -> Result<(), Failure> {
        if self.wait || self.idempotency_key.is_some() {
            return Err(Failure::misused(
                "--wait and --idempotency-key are for a service: name it with --server",
            ));
        }
        Ok(())
    }

    /// Gives the service the request at `path`, and follows it if that is asked for.
    pub(super) async fn submit(
        self,
        session: &Session,
        client: &Client,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<Shown, Failure> {
        let key = self.idempotency_key.unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
        let header = HeaderValue::try_from(&key)
            .map_err(|_| Failure::misused("--idempotency-key: expected visible ASCII characters"))?;
        let call = Call::post(path).header("idempotency-key", header).json(body);
        let taken = client.ask::<AcceptedRequest>(call).await.map_err(|failure| match failure {
            Failure::Unanswered(cause) => Failure::Unanswered(format!(
                "{cause}\nnext: run it again with --idempotency-key {key}: that is the same request"
            )),
            other => other,
        })?;
        let Answer { value: AcceptedRequest { id, state, was_sent_before }, json } = taken;
        if self.wait {
            let report = awaited(session, client, &id).await.map_err(|failure| told(&id, failure))?;
            return Ok(request::shown(session.console.width, report));
        }
        let again = if was_sent_before { ", as it was before" } else { "" };
        let exit = request::exit(state, None);
        let state = toned(&state.to_string(), exit);
        let people = format!(
            "request {id}: {state}: the service has it{again}\nnext: see it with `connector-host request show {id}`"
        );
        Ok(Shown { people, json, exit })
    }
}

/// The request once it has ended; ctrl-c ends the wait, and the request goes on.
async fn awaited(session: &Session, client: &Client, id: &str) -> Result<Answer<RequestReport>, Failure> {
    let waiting = format!("request {id}: the service has it");
    match session.unless_interrupted(&waiting, to_the_end(session, client, id)).await {
        Some(ended) => ended,
        None => client.ask(Call::get(&["requests", id])).await,
    }
}

/// Whatever ends the wait, the service has the request.
fn told(id: &str, failure: Failure) -> Failure {
    let has =
        format!("the service has request {id} all the same: `connector-host request show {id}` shows it");
    match failure {
        Failure::Misused(cause) => Failure::Misused(format!("{cause}\n{has}")),
        Failure::Unanswered(cause) => Failure::Unanswered(format!("{cause}\n{has}")),
        other => other,
    }
}

/// The request once it has ended; shows its progress on a terminal.
async fn to_the_end(session: &Session, client: &Client, id: &str) -> Result<Answer<RequestReport>, Failure> {
    let mut told = None;
    loop {
        let answer = client.ask::<RequestReport>(Call::get(&["requests", id])).await?;
        if !matches!(answer.value.request.state, RequestState::Waiting | RequestState::Running) {
            return Ok(answer);
        }
        let now = Progress::of(&answer.value);
        if session.console.is_watched && told.as_ref().is_none_or(|before| now.is_news_after(before)) {
            session.console.complain(&format!("request {id}: {now}"));
            told = Some(now);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Where a request stands, when it goes on, and why not now.
#[derive(Debug)]
struct Progress {
    state: RequestState,
    runs_at: Option<i64>,
    causes: Vec<String>,
}

impl Progress {
    fn of(RequestReport { request, forecast, .. }: &RequestReport) -> Self {
        let held_back_by = forecast.held_back_by.iter().map(|by| format!("held back by {by}"));
        Self {
            state: request.state,
            runs_at: forecast.runs_at,
            causes: held_back_by.chain(request.reason.clone()).collect(),
        }
    }

    /// What could run now is expected now, at each look a little later: that alone is no news.
    fn is_news_after(&self, before: &Self) -> bool {
        let moved = match (self.runs_at, before.runs_at) {
            (Some(now), Some(then)) => now.abs_diff(then) >= NEWS_MS,
            (now, then) => now != then,
        };
        moved || (&self.state, &self.causes) != (&before.state, &before.causes)
    }
}

impl Display for Progress {
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

    fn waiting(runs_at: i64, held_back_by: Option<&str>) -> Progress {
        Progress::of(&report(&json!({"state": "waiting", "reason": "the vendor is failing",
            "forecast": {"runs_at": runs_at, "held_back_by": held_back_by}})))
    }

    fn running() -> Progress {
        Progress::of(&report(&json!({"state": "running", "forecast": {}})))
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
