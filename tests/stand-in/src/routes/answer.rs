//! The result of a route.

use http::StatusCode;

use crate::refusal::Refusal;
use crate::reply::Reply;

/// An answer or a refusal.
pub(crate) type Answer = Result<Reply, Refusal>;

/// Returns an empty 202.
pub(super) fn accepted() -> Reply {
    Reply::raw(StatusCode::ACCEPTED, "application/json", "")
}
