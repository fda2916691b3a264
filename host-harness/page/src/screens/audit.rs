//! The audit chains: whether they are intact, their lines by filter, and an export.

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use host_api::{
    page::ApiClient,
    types::audit::{AuditChain, AuditLine, AuditPage, AuditState, ForeignRow},
};
use http::Method;
use jiff::{civil::Date, tz::TimeZone};
use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded::Serializer;

use crate::{
    answers::{Failed, Screen},
    done::Done,
    form::FormField,
    frame::{Frame, NavSection},
    state::Page,
    text::{Time, count},
    user::User,
};

/// How many lines a screen shows: with more, it would exceed 100 KB together with everything that it loads.
const PAGE: usize = 30;

pub(super) fn routes() -> Router<Page> {
    Router::new()
        .route("/audit", get(list))
        .route("/audit/export", get(export))
        .route("/audit/verify", post(verify))
}

/// The filter, as the form sends it: an empty text is no filter. Days are in UTC.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct AuditFilter {
    tenant: String,
    what: String,
    by: String,
    since: String,
    until: String,
    connection: String,
    request: String,
    before: String,
}

/// Returns the start of the day `text` in UTC, in milliseconds since the Unix epoch.
fn day(text: &str) -> Option<i64> {
    let day = text.trim().parse::<Date>().ok().filter(|day| day.to_string() == text.trim());
    let start = day?.to_zoned(TimeZone::UTC).ok()?;
    Some(start.timestamp().as_millisecond())
}

/// Why a day is not accepted; `None` if it is, or if there is none.
fn wrong_day(text: &str) -> Option<String> {
    let is_wrong = !text.trim().is_empty() && day(text).is_none();
    is_wrong.then(|| "Expected a day, such as 2026-01-31.".to_owned())
}

impl AuditFilter {
    fn is_right(&self) -> bool {
        wrong_day(&self.since).is_none() && wrong_day(&self.until).is_none()
    }

    fn fields(&self) -> Vec<FormField> {
        vec![
            FormField::text("what", "What", &self.what).hint("As in the lines, such as person revealed."),
            FormField::text("by", "Done with the API key", &self.by),
            FormField::text("tenant", "Tenant", &self.tenant),
            FormField::text("connection", "Connection", &self.connection),
            FormField::text("request", "Request", &self.request).hint("Its id."),
            FormField::text("since", "From the day", &self.since).error(wrong_day(&self.since)),
            FormField::text("until", "Before the day", &self.until).error(wrong_day(&self.until)),
        ]
    }

    fn texts(&self) -> [(&'static str, &str); 5] {
        [
            ("tenant", self.tenant.trim()),
            ("what", self.what.trim()),
            ("by", self.by.trim()),
            ("connection", self.connection.trim()),
            ("request", self.request.trim()),
        ]
    }

    /// Returns the query of this screen for the lines before the one with the id `before`.
    fn page_query(&self, before: &str) -> String {
        let days = [("since", self.since.trim()), ("until", self.until.trim()), ("before", before)];
        query(self.texts().into_iter().chain(days).map(|(name, value)| (name, value.to_owned())))
    }

    /// Returns the query of the API's operations.
    fn api_query(&self) -> String {
        let ms = |text: &str| day(text).map(|ms| ms.to_string()).unwrap_or_default();
        let days = [("since", ms(&self.since)), ("until", ms(&self.until))];
        // The chain names what happened with dashes, which the lines show as spaces.
        let text = |(name, value): (&'static str, &str)| {
            (name, if name == "what" { value.to_lowercase().replace(' ', "-") } else { value.to_owned() })
        };
        query(self.texts().into_iter().map(text).chain(days))
    }
}

/// Returns a query of the pairs that have a value.
fn query(pairs: impl Iterator<Item = (&'static str, String)>) -> String {
    let pairs = pairs.filter(|(_, value)| !value.is_empty());
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// A line as the screen shows it.
struct LineRow {
    id: String,
    at: Time,
    what: String,
    by: String,
    connection: Option<String>,
    request: Option<String>,
    /// The remaining details, as names and values.
    details: Vec<(String, String)>,
}

impl From<AuditLine> for LineRow {
    fn from(AuditLine { id, at, record, .. }: AuditLine) -> Self {
        let at = Time::at(at);
        let Some(record) = record else {
            let what = "damaged".to_owned();
            return Self {
                id,
                at,
                what,
                by: String::new(),
                connection: None,
                request: None,
                details: Vec::new(),
            };
        };
        let detail = record.detail.as_object().into_iter().flatten();
        let details =
            detail.filter(|(name, _)| *name != "by").map(|(name, value)| (name.clone(), detail_text(value)));
        Self {
            id,
            at,
            what: record.what.replace('-', " "),
            by: record.detail.get("by").map(detail_text).unwrap_or_default(),
            connection: record.connection,
            request: record.request,
            details: details.collect(),
        }
    }
}

/// A detail as text.
fn detail_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The result of the last verification.
struct Verified {
    at: Time,
    /// In one sentence, if all is intact.
    intact: Option<String>,
    broken: Vec<String>,
}

impl Verified {
    fn of(AuditState { verified_at, chains, foreign_rows }: AuditState) -> Option<Self> {
        let lines = chains.iter().map(|chain| chain.lines).sum::<i64>();
        let (chains_count, lines) = (count(chains.len(), "chain", "chains"), count(lines, "line", "lines"));
        let broken: Vec<String> =
            chains.into_iter().filter_map(broken).chain(foreign_rows.into_iter().map(foreign)).collect();
        let intact = broken
            .is_empty()
            .then(|| format!("{chains_count} with {lines}: no line was changed, removed or inserted."));
        Some(Self { at: Time::at(verified_at?), intact, broken })
    }
}

fn broken(AuditChain { tenant, broken, .. }: AuditChain) -> Option<String> {
    let broken = broken?;
    let of = if tenant == "*" { "all tenants".to_owned() } else { format!("tenant {tenant}") };
    Some(format!("The chain of {of} is broken at line {}: {}.", broken.line, broken.why))
}

fn foreign(ForeignRow { what, why, .. }: ForeignRow) -> String {
    format!("{what} was changed from outside: {why}.")
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditScreen {
    frame: Frame,
    verified: Option<Verified>,
    fields: Vec<FormField>,
    lines: Vec<LineRow>,
    export: String,
    older: Option<String>,
    newest: Option<String>,
}

async fn list(
    State(api): State<ApiClient>,
    user: User,
    Query(filter): Query<AuditFilter>,
) -> Result<Response, Failed> {
    let state: AuditState = api.call(&user.caller, Method::GET, "/api/v1/audit/state", None).await?;
    let lines = if filter.is_right() {
        let before = query([("before", filter.before.clone())].into_iter());
        let path = format!("/api/v1/audit?limit={PAGE}&{}&{before}", filter.api_query());
        let AuditPage { lines } = api.call(&user.caller, Method::GET, &path, None).await?;
        lines
    } else {
        Vec::new()
    };
    let last = lines.last().filter(|_| lines.len() == PAGE);
    let screen = AuditScreen {
        frame: Frame::of(&user, NavSection::Audit, "Audit"),
        verified: Verified::of(state),
        fields: filter.fields(),
        older: last.map(|last| format!("/audit?{}", filter.page_query(&last.id))),
        newest: (!filter.before.is_empty()).then(|| format!("/audit?{}", filter.page_query(""))),
        export: format!("/audit/export?{}", filter.page_query("")),
        lines: lines.into_iter().map(Into::into).collect(),
    };
    let status = if filter.is_right() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, Screen(screen)).into_response())
}

async fn export(
    State(api): State<ApiClient>,
    user: User,
    Query(filter): Query<AuditFilter>,
) -> Result<Response, Failed> {
    if !filter.is_right() {
        return list(State(api), user, Query(filter)).await;
    }
    let path = format!("/api/v1/audit/export?{}", filter.api_query());
    let mut export = api.answer(&user.caller, Method::GET, &path, None).await?;
    let name = HeaderValue::from_static("attachment; filename=\"audit.jsonl\"");
    export.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    Ok(export)
}

async fn verify(State(api): State<ApiClient>, user: User) -> Result<Response, Failed> {
    let _state: AuditState = api.call(&user.caller, Method::POST, "/api/v1/audit/verify", None).await?;
    Ok(Done::AuditVerified.at("/audit"))
}
