//! An id for each request, which links its answer and its log lines.
//! Tested in `src/tests/answers.rs`.

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use uuid::Uuid;

/// The header of the answer that contains the id. The same header of a request is ignored: a caller could use it to
/// write personal data into the log, or to imitate the lines of another request.
const HEADER: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static CURRENT: String;
}

/// Assigns a new id to a request, and writes it into the answer.
pub(crate) async fn assign(request: Request, next: Next) -> Response {
    let id = Uuid::now_v7().to_string();
    let header = HeaderValue::from_str(&id);
    let mut response = CURRENT.scope(id, next.run(request)).await;
    if let Ok(header) = header {
        response.headers_mut().insert(HEADER, header);
    }
    response
}

/// The id of the request that the current task answers, if any.
pub(crate) fn current() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}
