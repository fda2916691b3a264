//! Connections that are paused and resumed.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The maximum length of a reason, in characters.
pub(crate) const MAX_REASON_CHARS: usize = 500;

/// How a connection is paused.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Pausing {
    /// Why, for those who find its requests waiting. It is recorded in the audit chain and must not contain personal data.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

/// The result of pausing a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Paused {
    /// The connection's key.
    pub key: String,
    /// Whether it was paused before; the reason from then stays.
    pub was_paused: bool,
}

/// The result of resuming a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Resumed {
    /// The connection's key.
    pub key: String,
    /// Whether it was parked before.
    pub was_parked: bool,
    /// Whether it was paused before.
    pub was_paused: bool,
}
