//! What routes give back.

use http::StatusCode;

use crate::refusal::Refusal;
use crate::reply::Reply;

/// An answer, or the refusal of one.
pub(crate) type Answer = Result<Reply, Refusal>;

/// An empty 202.
pub(super) fn accepted() -> Reply {
    Reply::raw(StatusCode::ACCEPTED, "application/json", "")
}
