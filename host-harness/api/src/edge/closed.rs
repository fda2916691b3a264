//! Answers clients while the service starts or stops. A connection that is refused fails at once in many clients; a
//! response with `Retry-After` is tried again.
//! Tested in `cli/tests/supervised/closed.rs`.

use std::time::Duration;

use axum::{Router, response::IntoResponse};

use crate::problem::{Problem, kinds};

/// Three times this is longer than most restarts: clients such as Fides try three times.
const RETRY_AFTER: Duration = Duration::from_secs(20);

/// Why the service is closed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Closed {
    /// It is opening its database and loading its plugins.
    Starting,
    /// It completes what is in progress.
    Stopping,
}

impl Closed {
    /// Routes that answer every request with 503.
    pub(crate) fn routes(self) -> Router {
        let phase = match self {
            Self::Starting => "starting",
            Self::Stopping => "stopping",
        };
        let answer = move || async move {
            let detail = format!("the service is {phase}: try again after Retry-After");
            let problem = Problem::of(kinds::UNAVAILABLE, detail).retry_after(RETRY_AFTER);
            ([("connection", "close")], problem).into_response()
        };
        Router::new().fallback(answer)
    }
}
