//! One request: what holds it back, each attempt with the requests that the vendor received, and its receipt.

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    response::Response,
    routing::{get, post},
};
use host_api::{
    page::ApiClient,
    types::{
        attempts::{Attempt, AttemptResult, Step},
        erasure::ReceiptStatus,
        manifest::Effect,
        observed::ObservedRequest,
        requests::{AcceptedRequest, ListedRequest, Outcome, ReportEntry, ReportStatus, RequestReport},
    },
};
use http::Method;
use serde_json::Value;

use super::shown_request::ShownRequest;
use crate::{
    answers::{Failed, Screen, download},
    done::Done,
    frame::{Frame, NavSection},
    state::Page,
    text::{Time, count, duration, segment, short},
    user::User,
};

pub(super) fn routes() -> Router<Page> {
    Router::new()
        .route("/requests/{id}", get(show))
        .route("/requests/{id}/receipt", get(receipt))
        .route("/requests/{id}/replay", post(replay))
        .route("/requests/{id}/resume", post(resume))
}

/// An attempt as the screen shows it.
struct AttemptRow {
    number: i64,
    step: &'static str,
    /// The plugin and the connector's own version; empty if they are not known.
    version: String,
    short_digest: String,
    digest: String,
    began: Time,
    took: Option<String>,
    result: String,
    sent: Vec<SentRow>,
    names_person: bool,
}

/// A request to the vendor as the screen shows it.
struct SentRow {
    operation: String,
    /// Its method and path as declared; empty in the record of an earlier version.
    target: String,
    effect: &'static str,
    status: String,
    sent: Time,
    took: String,
}

impl From<ObservedRequest> for SentRow {
    fn from(request: ObservedRequest) -> Self {
        let ObservedRequest { operation, method, path, effect, status, sent_at, took_ms } = request;
        let target = [method, path].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let effect = match effect {
            Effect::Read => "read",
            Effect::Write => "write",
        };
        let status = status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        Self { operation, target, effect, status, sent: Time::at(sent_at), took: duration(took_ms) }
    }
}

impl From<Attempt> for AttemptRow {
    fn from(attempt: Attempt) -> Self {
        let Attempt {
            number,
            step,
            plugin_digest,
            plugin,
            plugin_version,
            began_at,
            ended_at,
            result,
            observed,
        } = attempt;
        let observed = observed.unwrap_or_default();
        Self {
            number,
            step: match step {
                Step::Act => "Carry out",
                Step::Confirm => "Look for proof",
            },
            version: [plugin, plugin_version].into_iter().flatten().collect::<Vec<_>>().join(" "),
            short_digest: short(&plugin_digest),
            digest: plugin_digest,
            began: Time::at(began_at),
            took: ended_at.map(|end| duration(end.saturating_sub(began_at))),
            result: result.map_or_else(|| "under way, or cut off".to_owned(), described),
            sent: observed.requests.into_iter().map(Into::into).collect(),
            names_person: observed.names_person,
        }
    }
}

fn described(result: AttemptResult) -> String {
    match result {
        AttemptResult::Receipt(receipt) => erasure(receipt.status).to_owned(),
        AttemptResult::Report(_) => "the connector reported on the choices".to_owned(),
        AttemptResult::Read(Some(choices)) => count(choices, "choice read", "choices read"),
        AttemptResult::Read(None) => "the vendor does not know the person".to_owned(),
        AttemptResult::NothingSent(_) => "there was nothing to send".to_owned(),
        AttemptResult::Error(error) => error.message,
        AttemptResult::EndedBySandbox(failure) => failure.detail,
        AttemptResult::Store(why) | AttemptResult::Unreadable(why) => why,
    }
}

fn erasure(status: ReceiptStatus) -> &'static str {
    match status {
        ReceiptStatus::Accepted => "accepted, not proven yet",
        ReceiptStatus::Erased => "erased: the person is gone",
        ReceiptStatus::NotFound => "the vendor does not know the person",
    }
}

/// A line of what came of a request.
struct OutcomeRow {
    subject: String,
    status: &'static str,
    why: String,
}

fn outcome_rows(outcome: Outcome) -> Vec<OutcomeRow> {
    match outcome {
        Outcome::Receipt(receipt) => vec![OutcomeRow {
            subject: "Erasure".to_owned(),
            status: erasure(receipt.status),
            why: receipt.evidence,
        }],
        Outcome::Report(entries) => entries.into_iter().map(Into::into).collect(),
        Outcome::Reading(reading) => vec![OutcomeRow {
            subject: "Reading".to_owned(),
            status: if reading.known { "read" } else { "the vendor does not know the person" },
            why: format!("{} compared, {} differed", reading.compared, reading.changed),
        }],
    }
}

impl From<ReportEntry> for OutcomeRow {
    fn from(entry: ReportEntry) -> Self {
        let ReportEntry { notice_id, item, status, why } = entry;
        let item = item.map(|item| format!("{}:{}", item.kind, item.id));
        let subject = match (notice_id, item) {
            (Some(notice), Some(item)) => format!("{notice}, {item}"),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => "The request".to_owned(),
        };
        let status = match status {
            ReportStatus::Pending => "pending",
            ReportStatus::Executed => "carried out",
            ReportStatus::NoUpdateNeeded => "already so",
            ReportStatus::MissingIdentity => "no usable identifier",
            ReportStatus::Refused => "refused",
            ReportStatus::NotApplicable => "not applicable",
        };
        Self { subject, status, why }
    }
}

#[derive(Template)]
#[template(path = "request.html")]
struct RequestScreen {
    frame: Frame,
    request: ShownRequest,
    outcome: Vec<OutcomeRow>,
    attempts: Vec<AttemptRow>,
}

async fn show(
    State(api): State<ApiClient>,
    user: User,
    Path(id): Path<String>,
) -> Result<Screen<RequestScreen>, Failed> {
    let path = format!("/api/v1/requests/{}", segment(&id));
    let report: RequestReport = api.call(&user.caller, Method::GET, &path, None).await?;
    let RequestReport { mut request, forecast, attempts, .. } = report;
    let outcome = request.outcome.take().map(outcome_rows).unwrap_or_default();
    Ok(Screen(RequestScreen {
        frame: Frame::of(&user, NavSection::Requests, format!("Request {id}")),
        request: ListedRequest { request, forecast }.into(),
        outcome,
        // The newest says how things stand.
        attempts: attempts.into_iter().rev().map(Into::into).collect(),
    }))
}

/// The request with its outcome and attempts, as the API shows it.
async fn receipt(
    State(api): State<ApiClient>,
    user: User,
    Path(id): Path<String>,
) -> Result<Response, Failed> {
    let path = format!("/api/v1/requests/{}", segment(&id));
    let report: Value = api.call(&user.caller, Method::GET, &path, None).await?;
    Ok(download(&format!("request-{id}.json"), format!("{report:#}\n")))
}

async fn replay(
    State(api): State<ApiClient>,
    user: User,
    Path(id): Path<String>,
) -> Result<Response, Failed> {
    let path = format!("/api/v1/requests/{}/replay", segment(&id));
    let _replayed: AcceptedRequest = api.call(&user.caller, Method::POST, &path, None).await?;
    Ok(Done::RequestReplayed.at(&format!("/requests/{}", segment(&id))))
}

/// Resumes the parked connection that holds the request back.
async fn resume(
    State(api): State<ApiClient>,
    user: User,
    Path(id): Path<String>,
) -> Result<Response, Failed> {
    let address = format!("/requests/{}", segment(&id));
    let report: RequestReport =
        api.call(&user.caller, Method::GET, &format!("/api/v1{address}"), None).await?;
    let path = format!("/api/v1/connection/{}/resume", segment(&report.request.connection));
    let _resumed: Value = api.call(&user.caller, Method::POST, &path, None).await?;
    Ok(Done::ConnectionResumed.at(&address))
}
