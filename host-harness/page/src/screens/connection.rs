//! One connection: whether it can do its work, its test, its pause, and its deletion.

use askama::Template;
use axum::{
    Form, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use host_api::{
    page::ApiClient,
    types::{
        connections::{CheckOutcome, Connection, ConnectionTest, DeletedConnection, Duty, TestStatus},
        health::HealthState,
        pauses::{Paused, Resumed},
        problem::Problem,
    },
};
use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::{
    connections::{ShownConnection, path},
    shown_request::StateTag,
};
use crate::{
    answers::{Failed, Screen, shown_again},
    confirm::{ConfirmScreen, Tone},
    done::Done,
    form::FormField,
    frame::{Frame, NavSection},
    state::Page,
    text::{Time, count, segment, short},
    user::User,
};

pub(super) fn routes() -> Router<Page> {
    Router::new()
        .route("/connections/{key}", get(show))
        .route("/connections/{key}/test", post(test))
        .route("/connections/{key}/pause", get(ask_reason).post(pause))
        .route("/connections/{key}/resume", post(resume))
        .route("/connections/{key}/delete", get(ask_deletion).post(delete))
}

/// The path of the API about a connection.
pub(super) fn api_path(key: &str) -> String {
    format!("/api/v1/connection/{}", segment(key))
}

/// The connection with this key.
pub(super) async fn find(api: &ApiClient, user: &User, key: &str) -> Result<Connection, Problem> {
    api.call(&user.caller, Method::GET, &api_path(key), None).await
}

/// One check of a test.
struct CheckRow {
    name: String,
    outcome: StateTag,
    detail: String,
}

/// The result of a test that was just made.
struct ShownTest {
    summary: &'static str,
    is_passed: bool,
    /// Why nothing was checked, if nothing was.
    reason: Option<String>,
    checks: Vec<CheckRow>,
}

impl From<ConnectionTest> for ShownTest {
    fn from(test: ConnectionTest) -> Self {
        let summary = match test.test_status {
            TestStatus::Succeeded => "The connection works.",
            TestStatus::Failed => "The connection does not work.",
            TestStatus::Skipped => "There was nothing to check.",
        };
        let row = |check: host_api::types::connections::Check| CheckRow {
            name: check.name,
            outcome: match check.outcome {
                CheckOutcome::Passed => StateTag { word: "Passed", tone: "good" },
                CheckOutcome::Failed => StateTag { word: "Failed", tone: "bad" },
                CheckOutcome::Untried => StateTag { word: "Not tried", tone: "quiet" },
            },
            detail: check.detail,
        };
        Self {
            summary,
            is_passed: test.test_status == TestStatus::Succeeded,
            reason: test.failure_reason.filter(|_| test.checks.is_empty()),
            checks: test.checks.into_iter().map(row).collect(),
        }
    }
}

#[derive(Template)]
#[template(path = "connection.html")]
struct ConnectionScreen {
    frame: Frame,
    connection: ShownConnection,
    /// The configuration file that owns its settings, if one does.
    file: Option<String>,
    actions: String,
    system: Option<String>,
    settings: Vec<(String, String)>,
    secrets: Vec<String>,
    webhook_url: Option<String>,
    version: Option<String>,
    /// Since when it is paused or parked, and who paused it.
    since: Option<Time>,
    by: Option<String>,
    tries_again: Option<Time>,
    is_paused: bool,
    /// Whether it waits for an operator.
    is_resumable: bool,
    test: Option<ShownTest>,
}

impl ConnectionScreen {
    fn of(user: &User, connection: &Connection, test: Option<ShownTest>) -> Self {
        let actions = connection.actions.iter().map(|duty| match duty {
            Duty::Erasure => "erasure",
            Duty::Consent => "consent",
        });
        let is_paused = connection.paused_at.is_some();
        let since = match connection.health {
            HealthState::Paused => connection.paused_at,
            HealthState::Parked => connection.parked_at,
            _ => None,
        };
        Self {
            frame: Frame::of(user, NavSection::Connections, format!("Connection {}", connection.key)),
            actions: actions.collect::<Vec<_>>().join(", "),
            is_paused,
            is_resumable: is_paused || connection.parked_at.is_some(),
            since: since.map(Time::at),
            by: connection.paused_by.clone().filter(|_| connection.health == HealthState::Paused),
            tries_again: connection
                .breaker_open_until
                .filter(|_| connection.health == HealthState::Unanswered)
                .map(Time::at),
            version: connection.version.as_deref().map(short),
            file: connection.file.clone().filter(|_| !connection.left_file),
            system: connection.system.clone(),
            settings: connection.settings.clone().into_iter().collect(),
            secrets: connection.secrets.keys().cloned().collect(),
            webhook_url: connection.webhook_url.clone(),
            connection: ShownConnection::of(connection),
            test,
        }
    }
}

async fn show(
    State(api): State<ApiClient>,
    user: User,
    Path(key): Path<String>,
) -> Result<Screen<ConnectionScreen>, Failed> {
    let connection = find(&api, &user, &key).await?;
    Ok(Screen(ConnectionScreen::of(&user, &connection, None)))
}

/// Shown at once, since what each check found is not stored.
async fn test(
    State(api): State<ApiClient>,
    user: User,
    Path(key): Path<String>,
) -> Result<Screen<ConnectionScreen>, Failed> {
    let tested: ConnectionTest =
        api.call(&user.caller, Method::GET, &format!("{}/test", api_path(&key)), None).await?;
    // A test that passes may have resumed it.
    let connection = find(&api, &user, &key).await?;
    Ok(Screen(ConnectionScreen::of(&user, &connection, Some(tested.into()))))
}

/// Why a connection is paused, as the form sends it.
#[derive(Debug, Default, Deserialize)]
struct Reason {
    reason: String,
}

#[derive(Template)]
#[template(path = "pause.html")]
struct PauseScreen {
    frame: Frame,
    key: String,
    path: String,
    fields: Vec<FormField>,
}

impl PauseScreen {
    fn of(user: &User, key: String, reason: &str, error: Option<String>) -> Self {
        let field = FormField::text("reason", "Reason", reason)
            .required()
            .hint("Shown wherever the connection and its waiting requests are shown, and kept in the audit chain. Do not \
                   name people.")
            .error(error);
        let frame = Frame::of(user, NavSection::Connections, format!("Pause connection {key}"));
        Self { frame, path: path(&key), key, fields: vec![field] }
    }
}

async fn ask_reason(
    State(api): State<ApiClient>,
    user: User,
    Path(key): Path<String>,
) -> Result<Screen<PauseScreen>, Failed> {
    find(&api, &user, &key).await?;
    Ok(Screen(PauseScreen::of(&user, key, "", None)))
}

async fn pause(
    State(api): State<ApiClient>,
    user: User,
    Path(key): Path<String>,
    Form(Reason { reason }): Form<Reason>,
) -> Result<Response, Failed> {
    let pausing = format!("{}/pause", api_path(&key));
    let body = json!({"reason": reason.trim()});
    match api.call::<Paused>(&user.caller, Method::POST, &pausing, Some(body)).await {
        Ok(_) => Ok(Done::ConnectionPaused.at(&path(&key))),
        Err(Problem { errors, status, .. }) if errors.iter().any(|error| error.field == "reason") => {
            let error = errors.into_iter().next().map(|error| error.message);
            Ok(shown_again(status, PauseScreen::of(&user, key, &reason, error)))
        }
        Err(problem) => Err(problem.into()),
    }
}

async fn resume(
    State(api): State<ApiClient>,
    user: User,
    Path(key): Path<String>,
) -> Result<Response, Failed> {
    let resuming = format!("{}/resume", api_path(&key));
    let _resumed: Resumed = api.call(&user.caller, Method::POST, &resuming, None).await?;
    Ok(Done::ConnectionResumed.at(&path(&key)))
}

/// The question before a deletion. It is asked again if requests have not ended, with their number.
fn deletion(user: &User, key: &str, unfinished: Option<usize>) -> ConfirmScreen {
    let mut consequences = vec![
        "Its settings and secrets, its webhook tokens, its mapping, the deliveries that it received, and everything that is \
         recorded about its people are deleted. This cannot be undone."
            .to_owned(),
        "That includes the record of whom it erased: another connection to the same vendor does not know about those \
         erasures. Requests that have ended and the audit chain are kept."
            .to_owned(),
    ];
    let (mut kept, mut button) = (Vec::new(), "Delete the connection".to_owned());
    if let Some(unfinished) = unfinished {
        let requests = count(unfinished, "request has", "requests have");
        consequences.push(format!(
            "{requests} not ended. To abandon them means that they end as failed: nothing carries them out any more, and \
             those that the vendor has received may have been carried out anyway. Each says so."
        ));
        kept.push(("abandon".to_owned(), "true".to_owned()));
        button = format!("Delete it and abandon {}", count(unfinished, "request", "requests"));
    }
    ConfirmScreen {
        frame: Frame::of(user, NavSection::Connections, format!("Delete connection {key}?")),
        consequences,
        action: format!("{}/delete", path(key)),
        kept,
        button,
        tone: Tone::Danger,
        back: path(key),
    }
}

async fn ask_deletion(
    State(api): State<ApiClient>,
    user: User,
    Path(key): Path<String>,
) -> Result<Screen<ConfirmScreen>, Failed> {
    find(&api, &user, &key).await?;
    Ok(Screen(deletion(&user, &key, None)))
}

/// What becomes of its requests, as the form sends it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Deletion {
    abandon: bool,
}

async fn delete(
    State(api): State<ApiClient>,
    user: User,
    Path(key): Path<String>,
    Form(Deletion { abandon }): Form<Deletion>,
) -> Result<Response, Failed> {
    let deleting = format!("{}?abandon={abandon}", api_path(&key));
    match api.call::<DeletedConnection>(&user.caller, Method::DELETE, &deleting, None).await {
        Ok(_) => Ok(Done::ConnectionDeleted.at("/connections")),
        Err(problem) => match unfinished(&problem) {
            Some(requests) => {
                Ok((StatusCode::CONFLICT, Screen(deletion(&user, &key, Some(requests)))).into_response())
            }
            None => Err(problem.into()),
        },
    }
}

/// The number of requests that have not ended, if they are why a connection was not deleted.
fn unfinished(problem: &Problem) -> Option<usize> {
    let is_it = problem.r#type.ends_with(":unfinished");
    let requests = problem.members.get("requests").filter(|_| is_it)?.as_u64()?;
    usize::try_from(requests).ok()
}
