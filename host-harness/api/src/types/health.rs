//! Whether connections can do their work, and what they have used of the vendors' limits.

use host_service::{connections::health, requests::quotas};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{manifest::RateLimit, mirror::mirror};

mirror! {
    /// Whether a connection can do its work. If several things prevent it, the first of these counts.
    pub enum HealthState mirrors health::HealthState {
        /// It does not suit the version of its plugin that is to serve it.
        Unusable,
        /// It is disabled.
        Disabled,
        /// It was paused: its requests wait until it is resumed.
        Paused,
        /// The vendor refuses its credential: its requests wait until it is resumed or passes a test.
        Parked,
        /// The vendor does not answer: its circuit breaker is open, or lets one attempt through.
        Unanswered,
        /// Nothing prevents it.
        Ready,
    }
}

/// How much of a vendor's limit is used. Connections to the same vendor account share it. Times are milliseconds since 1970
/// in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Quota {
    /// The limit.
    pub limit: RateLimit,
    /// The number of requests in the last period.
    pub used: i64,
    /// When there is room for another one; null if there is now.
    pub room_at: Option<i64>,
    /// When nothing of it is used any more, if nothing else is sent; null if nothing is used.
    pub resets_at: Option<i64>,
}

impl From<quotas::Quota> for Quota {
    fn from(quotas::Quota { limit, usage }: quotas::Quota) -> Self {
        Self { limit: limit.into(), used: usage.used, room_at: usage.room_at, resets_at: usage.resets_at }
    }
}
