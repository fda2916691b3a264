//! The time for which work is claimed.

use crate::replica_id::ReplicaId;

/// Who claims work, when, and for how long.
#[derive(Clone, Debug)]
pub struct Lease {
    /// The replica that claims.
    pub replica: ReplicaId,
    /// The current time, in milliseconds since the Unix epoch.
    pub now: i64,
    /// The time until which the claim lasts.
    pub until: i64,
}
