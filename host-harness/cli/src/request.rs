//! `request`: lists and shows the requests of a service, and puts them back in the queue.

use clap::{Args, Subcommand};

use serde_json::json;

use super::{
    bulk_act,
    client::{ApiCall, ApiResponse},
    exit::Exit,
    failure::Failure,
    observed,
    output::{CommandOutput, ID, TIME, coloured, fact_lines, table},
    request_filter::{RequestFilterArgs, count_words},
    reveal::revealed,
    session::Session,
    words::{date, list, optional, time, timestamp, with_reason},
};
use host_api::types::{
    attempts::{Attempt, AttemptResult, Step},
    callback::Callback,
    erasure::Receipt,
    requests::{
        AcceptedRequest, Forecast, ListedRequest, Outcome, ReadingOutcome, ReportEntry, ReportStatus,
        RequestPage, RequestReport, RequestState,
    },
    status::RequestStatus,
};

/// The characters of a digest that a table shows: `sha256:` and 12 digits.
const SHORT_DIGEST: usize = 19;

#[derive(Debug, Subcommand)]
pub(super) enum RequestCommand {
    /// List requests, newest first.
    List(ListRequestsArgs),
    /// Show a request, when it will run, and each of its attempts.
    Show {
        /// The request's id.
        id: String,
    },
    /// Report whether a request was carried out. Exits with 0 if it was, with 4 while it has not ended, and with 1 if it
    /// ended otherwise. Done without proof is exit code 4 too.
    Status {
        /// The request's id.
        id: String,
        /// How to report a request that was skipped because the person has no usable identifier: error or complete
        /// [default: error].
        #[arg(long, value_name = "AS")]
        skipped: Option<String>,
    },
    /// Show the person that a request is about, while its data exists. The audit chain records who asked.
    Reveal {
        /// The request's id.
        id: String,
    },
    /// Put a request that failed or expired back in the queue, or all that match.
    Replay(ReplayArgs),
}

#[derive(Debug, Args)]
pub(super) struct ListRequestsArgs {
    #[command(flatten)]
    filter: RequestFilterArgs,
    /// List requests older than this id, such as the last id of the previous page.
    #[arg(long, value_name = "ID")]
    before: Option<String>,
    /// Maximum number of requests, 1 to 500 [default: 50].
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u32>,
}

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// The request's id.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    id: Option<String>,
    /// Replay all requests that match the other options, as one act. Without --expect, only counts them.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    filter: RequestFilterArgs,
    /// How many requests are to be replayed, from 1 to 10000. If another number matches, nothing is done.
    #[arg(long, value_name = "NUMBER", requires = "all")]
    expect: Option<i64>,
}

impl RequestCommand {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        let client = session.client()?;
        match self {
            Self::List(which) => {
                let call = which
                    .filter
                    .add_to(ApiCall::get(&["requests"]))
                    .with("before", which.before)
                    .with("limit", which.limit);
                Ok(listed(session.console.width, client.ask(call).await?))
            }
            Self::Show { id } => {
                let answer = client.ask(ApiCall::get(&["requests", &id])).await?;
                Ok(CommandOutput { exit: Exit::Done, ..output(session.console.width, answer) })
            }
            Self::Status { id, skipped } => {
                let call = ApiCall::get(&["requests", &id, "status"]).with("skipped", skipped);
                Ok(status(client.ask(call).await?))
            }
            Self::Reveal { id } => revealed(&client, &id).await,
            Self::Replay(ReplayArgs { id: Some(id), filter, .. }) => {
                if filter != RequestFilterArgs::default() {
                    return Err(Failure::misused(
                        "options that select requests require --all in place of an id",
                    ));
                }
                let ApiResponse { value, json } =
                    client.ask::<AcceptedRequest>(ApiCall::post(&["requests", &id, "replay"])).await?;
                let people = format!("request {id}: {}: it will be carried out again", value.state);
                Ok(CommandOutput { people, json, exit: Exit::Done })
            }
            Self::Replay(ReplayArgs { filter, expect: Some(expected), .. }) => {
                let act = json!({"act": "replay", "filter": filter.document(), "expected": expected});
                Ok(bulk_act::summary(client.ask(ApiCall::post(&["bulk-acts"]).json(&act)).await?))
            }
            Self::Replay(ReplayArgs { filter, .. }) => {
                let call = filter.add_to(ApiCall::get(&["requests"])).with("limit", Some(1));
                let ApiResponse { value, json } = client.ask::<RequestPage>(call).await?;
                let people = format!(
                    "{}; nothing was done\nnext: repeat the command with --expect {} to replay them",
                    count_words(&value),
                    value.count
                );
                Ok(CommandOutput { people, json, exit: Exit::Unproven })
            }
        }
    }
}

/// The address of a callback, and how it stands.
fn callback_words(Callback { url, failures, ended_at, given_up, .. }: &Callback) -> String {
    let standing = match (ended_at, given_up, failures) {
        (Some(_), Some(why), _) => format!("given up: {why}"),
        (Some(at), None, _) => format!("taken at {}", timestamp(*at)),
        (None, _, 0) => "to be posted at the end".to_owned(),
        (None, _, failures) => format!("not taken yet, {failures} attempts failed"),
    };
    format!("{url}: {standing}")
}

fn status(ApiResponse { value, json }: ApiResponse<RequestStatus>) -> CommandOutput {
    let RequestStatus { id, complete, state, proven, reason } = value;
    let (meaning, exit) = match (complete, proven) {
        (true, Some(false)) => ("complete, without proof", Exit::Unproven),
        (true, Some(true)) => ("complete and proven", Exit::Done),
        (true, None) => ("complete", Exit::Done),
        (false, _) => ("not complete yet", Exit::Unproven),
    };
    let why = reason.map_or_else(String::new, |reason| format!(": {reason}"));
    let people = format!("request {id}: {}: {state}{why}", coloured(meaning, exit));
    CommandOutput { people, json, exit }
}

fn listed(width: u16, ApiResponse { value, json }: ApiResponse<RequestPage>) -> CommandOutput {
    let columns = [
        ("id", ID),
        ("connection, person", None),
        ("action", None),
        ("received, days left", None),
        ("next", None),
        ("state, and why", None),
    ];
    let rows = value.requests.iter().map(|ListedRequest { request, forecast }| {
        let left = request.days_left.map(|days| format!("{days} left"));
        vec![
            request.id.clone(),
            with_reason(&request.connection, Some(&request.person)),
            request.action.to_string(),
            with_reason(&date(request.received_at), left.as_deref()),
            next(request.step, forecast),
            with_reason(&request.state, request.reason.as_deref()),
        ]
    });
    let people = format!("{}\n{}", table(width, &columns, rows), count_words(&value));
    CommandOutput { people, json, exit: Exit::Done }
}

/// What is expected next, when, and what holds it back; empty if nothing is.
fn next(step: Step, forecast: &Forecast) -> String {
    let Forecast { runs_at, held_back_by, place, .. } = forecast;
    let what = runs_at.map(|at| format!("{step} at {}", date(at)));
    let place = place.map(|place| format!(", place {place}")).unwrap_or_default();
    let why = held_back_by.as_ref().map(|why| format!("on hold: {why}{place}"));
    what.into_iter().chain(why).collect::<Vec<_>>().join("\n")
}

/// Everything known about a request. The exit code is that of the request.
pub(super) fn output(width: u16, ApiResponse { value, json }: ApiResponse<RequestReport>) -> CommandOutput {
    let RequestReport { request, forecast, attempts, callback } = &value;
    let exit = exit(request.state, request.outcome.as_ref());
    let (mut read, mut receipt, mut report) = (String::new(), None, [].as_slice());
    match &request.outcome {
        Some(Outcome::Receipt(of)) => receipt = Some(of),
        Some(Outcome::Report(entries)) => report = entries,
        Some(Outcome::Reading(found)) => read = reading(*found),
        None => {}
    }
    let mut parts = vec![fact_lines(&[
        ("request", request.id.clone()),
        ("connection", request.connection.clone()),
        ("person", request.person.clone()),
        ("action", request.action.to_string()),
        ("state", coloured(&request.state.to_string(), exit)),
        ("reason", optional(request.reason.as_ref())),
        ("received", timestamp(request.received_at)),
        ("runs", time(forecast.runs_at)),
        ("held back by", optional(forecast.held_back_by.as_ref())),
        ("place", optional(forecast.place.as_ref())),
        ("days left", optional(request.days_left.as_ref())),
        ("ended", time(request.finished_at)),
        ("callback", optional(callback.as_ref().map(callback_words).as_ref())),
        ("read", read),
        ("receipt", optional(receipt.map(|receipt| receipt.status).as_ref())),
        ("evidence", optional(receipt.map(|receipt| &receipt.evidence))),
        ("observed", receipt.and_then(|of| of.observed.as_ref()).map(observed::words).unwrap_or_default()),
    ])];
    if !report.is_empty() {
        let columns = [("notice", None), ("item", None), ("status", None), ("why", None)];
        parts.push(table(width, &columns, report.iter().map(entry)).to_string());
    }
    if !attempts.is_empty() {
        let columns = [
            ("attempt", None),
            ("step", None),
            ("version", None),
            ("began", TIME),
            ("ended", TIME),
            ("requests", None),
            ("result", None),
        ];
        parts.push(table(width, &columns, attempts.iter().map(attempt)).to_string());
    }
    CommandOutput { people: parts.join("\n"), exit, json }
}

fn reading(ReadingOutcome { known, compared, changed }: ReadingOutcome) -> String {
    if known {
        format!("{compared} choices compared, {changed} changed")
    } else {
        "the vendor does not know this person".to_owned()
    }
}

fn entry(entry: &ReportEntry) -> Vec<String> {
    let (notice, item) = (optional(entry.notice_id.as_ref()), optional(entry.item.as_ref()));
    vec![notice, item, entry.status.to_string(), entry.why.clone()]
}

fn attempt(attempt: &Attempt) -> Vec<String> {
    let (began, ended) = (timestamp(attempt.began_at), time(attempt.ended_at));
    let result_text = attempt.result.as_ref().map(result_text).unwrap_or_default();
    let requests = attempt.observed.as_ref().map(observed::words).unwrap_or_default();
    vec![
        attempt.number.to_string(),
        attempt.step.to_string(),
        version(attempt),
        began,
        ended,
        requests,
        result_text,
    ]
}

/// The version that ran: its plugin and number, or its digest if the service does not know them, with the digest's first
/// digits.
fn version(attempt: &Attempt) -> String {
    let digest = attempt.plugin_digest.chars().take(SHORT_DIGEST).collect::<String>();
    match (&attempt.plugin, &attempt.plugin_version) {
        (Some(plugin), Some(version)) => format!("{plugin} {version}\n{digest}"),
        (Some(plugin), None) => format!("{plugin}\n{digest}"),
        (None, _) => digest,
    }
}

/// The result of an attempt, in brief.
fn result_text(result: &AttemptResult) -> String {
    match result {
        AttemptResult::Receipt(Receipt { status, evidence, .. }) => format!("{status}: {evidence}"),
        AttemptResult::Report(report) => {
            list(report.items.iter().map(|of| format!("{} {}", of.change, of.item)))
        }
        AttemptResult::Read(Some(choices)) => format!("{choices} choices read"),
        AttemptResult::Read(None) => "the vendor does not know this person".to_owned(),
        AttemptResult::NothingSent(_) => "nothing was sent".to_owned(),
        AttemptResult::Error(error) => format!("{}: {}", error.code, error.message),
        AttemptResult::EndedBySandbox(failure) => format!("{}: {}", failure.kind, failure.detail),
        AttemptResult::Store(why) | AttemptResult::Unreadable(why) => why.clone(),
    }
}

/// The exit code for a request in `state` with the outcome so far.
pub(super) fn exit(state: RequestState, outcome: Option<&Outcome>) -> Exit {
    let is_short =
        |entry: &ReportEntry| matches!(entry.status, ReportStatus::Refused | ReportStatus::MissingIdentity);
    let is_all = !matches!(outcome, Some(Outcome::Report(entries)) if entries.iter().any(is_short));
    match state {
        RequestState::Done if is_all => Exit::Done,
        RequestState::Done | RequestState::Failed | RequestState::Expired => Exit::Refused,
        RequestState::Skipped => Exit::Done,
        RequestState::Waiting | RequestState::Running => Exit::Unproven,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use host_api::types::item::Item;

    #[test]
    fn an_attempt_is_shown_by_its_result() {
        for (result, told) in [
            (
                json!({"error": {"code": "BadApiKey", "kind": "unauthorized", "message": "no", "may_have_acted": false}}),
                "BadApiKey: no",
            ),
            (
                json!({"ended_by_sandbox": {"kind": "trapped", "detail": "it trapped", "may_have_acted": false}}),
                "trapped: it trapped",
            ),
            (json!({"receipt": {"status": "accepted", "evidence": "taken"}}), "accepted: taken"),
            (
                json!({"report": {"standing": "known", "items": [
                    {"item": {"kind": "channel", "id": "1"}, "change": "applied", "detail": ""},
                ]}}),
                "applied channel:1",
            ),
            (json!({"read": 8}), "8 choices read"),
            (json!({"read": null}), "the vendor does not know this person"),
            (json!({"nothing_sent": true}), "nothing was sent"),
        ] {
            assert_eq!(result_text(&serde_json::from_value(result).unwrap()), told);
        }
    }

    #[test]
    fn the_program_ends_as_the_request_did() {
        for (state, code) in [
            (RequestState::Waiting, Exit::Unproven),
            (RequestState::Running, Exit::Unproven),
            (RequestState::Done, Exit::Done),
            (RequestState::Skipped, Exit::Done),
            (RequestState::Failed, Exit::Refused),
            (RequestState::Expired, Exit::Refused),
        ] {
            assert_eq!(exit(state, None), code, "{state}");
        }
        let after = |status| {
            let item = Item { kind: "channel".into(), id: "1".into() };
            let entry = ReportEntry { notice_id: None, item: Some(item), status, why: String::new() };
            exit(RequestState::Done, Some(&Outcome::Report(vec![entry])))
        };
        assert_eq!(after(ReportStatus::Refused), Exit::Refused);
        assert_eq!(after(ReportStatus::MissingIdentity), Exit::Refused);
        assert_eq!(after(ReportStatus::Executed), Exit::Done);
    }
}
