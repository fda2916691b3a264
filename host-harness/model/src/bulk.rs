//! Acts on many requests at once.

use serde::{Deserialize, Serialize};
use strum::{AsRefStr, Display, EnumString, VariantArray};

use crate::time::DAY_MS;

/// How long an act waits for its approval before it expires, in milliseconds.
pub const PENDING_MS: i64 = 7 * DAY_MS;

/// How long an act that has ended is kept with its results, in milliseconds.
pub const KEEP_ENDED_MS: i64 = 90 * DAY_MS;

/// What is done with each request.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString, AsRefStr, VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum BulkKind {
    /// It is put back in the queue.
    Replay,
}

/// The state of an act.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString, AsRefStr, VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum BulkState {
    /// It waits for another API key to approve it.
    Pending,
    /// It is carried out, request by request.
    Running,
    /// Each of its requests was carried out or refused.
    Done,
    /// It was withdrawn before it was approved.
    Withdrawn,
    /// It was not approved in time.
    Expired,
}

/// The result for one request.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString, AsRefStr, VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum BulkResult {
    /// It was carried out.
    Done,
    /// It was not possible.
    Refused,
}
