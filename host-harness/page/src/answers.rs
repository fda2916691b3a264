//! Answers that are no screen of their own: a rendered template, a message, a file.

use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use host_api::types::problem::Problem;
use host_store::StoreError;

/// A rendered template.
pub(crate) struct Screen<T>(pub(crate) T);

impl<T: Template> IntoResponse for Screen<T> {
    fn into_response(self) -> Response {
        match self.0.render() {
            Ok(html) => ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response(),
            Err(error) => {
                tracing::error!(%error, "a screen cannot be rendered");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// A message in place of a screen.
#[derive(Template)]
#[template(path = "message.html")]
struct MessageScreen<'a> {
    title: &'a str,
    text: &'a str,
}

/// The page over a connection that others could read.
#[derive(Template)]
#[template(path = "unprotected.html")]
struct UnprotectedScreen;

/// Returns the page that says why nothing else is served over the connection.
pub(crate) fn unprotected() -> Response {
    (StatusCode::FORBIDDEN, Screen(UnprotectedScreen)).into_response()
}

/// Returns a message that a request was refused.
pub(crate) fn refused(text: &str) -> Response {
    (StatusCode::FORBIDDEN, Screen(MessageScreen { title: "Refused", text })).into_response()
}

/// Returns a message that there is no such screen.
pub(crate) fn not_found() -> Response {
    let text =
        "There is no screen at this address. It may have moved, or what it showed may have been deleted.";
    (StatusCode::NOT_FOUND, Screen(MessageScreen { title: "Not found", text })).into_response()
}

/// Returns `response` as a screen if it refuses a request in a plain text or without a word, as the router does.
pub(crate) async fn in_words(response: Response) -> Response {
    let status = response.status();
    let is_screen = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| !kind.as_bytes().starts_with(b"text/plain"));
    if !status.is_client_error() || is_screen {
        return response;
    }
    let text = match status {
        StatusCode::METHOD_NOT_ALLOWED => {
            "This address belongs to a button, and does nothing when it is opened. Go back, and press it."
        }
        StatusCode::PAYLOAD_TOO_LARGE => "What was sent is too large for this form. Go back, and send less.",
        _ => {
            "The address or the form contains something that is not understood. Go back, and try again from there."
        }
    };
    (status, Screen(MessageScreen { title: "Not understood", text })).into_response()
}

/// Returns a message that the database does not respond.
pub(crate) fn unavailable(error: &StoreError) -> Response {
    tracing::error!(%error, "the store failed");
    let text = "The database does not respond. Try again in a few seconds.";
    (StatusCode::SERVICE_UNAVAILABLE, Screen(MessageScreen { title: "Temporarily unavailable", text }))
        .into_response()
}

/// Why a screen cannot be shown, in the words of the API.
pub(crate) struct Failed(Box<Problem>);

impl From<Problem> for Failed {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let Problem { title, status, detail, .. } = *self.0;
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Screen(MessageScreen { title: &title, text: &detail })).into_response()
    }
}

/// Returns a form that the API refused with `status`, shown again.
pub(crate) fn shown_again<T: Template>(status: u16, form: T) -> Response {
    (StatusCode::from_u16(status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY), Screen(form)).into_response()
}

/// Returns a JSON file for download.
pub(crate) fn download(name: &str, content: String) -> Response {
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    let disposition = disposition.unwrap_or(HeaderValue::from_static("attachment"));
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, disposition)], content).into_response()
}
