//! An id for each request, by which its answer and its lines of the log are found.

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use uuid::Uuid;

/// The header of an answer that has the id. That of a request is ignored: a caller could put a person into the log by it, or
/// make its lines look like those of another request.
const HEADER: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static CURRENT: String;
}

/// Gives a request a fresh id, and writes it into the answer.
pub(crate) async fn assign(request: Request, next: Next) -> Response {
    let id = Uuid::now_v7().to_string();
    let header = HeaderValue::from_str(&id);
    let mut response = CURRENT.scope(id, next.run(request)).await;
    if let Ok(header) = header {
        response.headers_mut().insert(HEADER, header);
    }
    response
}

/// The id of the request that the current task answers, if it answers one.
pub(crate) fn current() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}
