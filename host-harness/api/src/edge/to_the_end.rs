//! A request that changes something is handled to its end, even if its client disconnects: half a change would be worse
//! than one that the client does not hear of.
//! Tested in `src/tests/disconnects.rs`.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use host_service::caller_work::CallerWork;

use crate::problem::{Problem, kinds};

/// Handles a request with an unsafe method as a task of the service.
pub(crate) async fn handle(State(work): State<CallerWork>, request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let handled = work.run(next.run(request)).await;
    handled.unwrap_or_else(|cut_off| Problem::of(kinds::UNAVAILABLE, cut_off.to_string()).into_response())
}
