//! The deadlines of a request.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::above_zero::above_zero;

/// Maximum wait: longer ones are a mistake and could overflow the clock.
pub(crate) const MAX_DEADLINE: Duration = Duration::from_hours(24);

/// How long each part of a request may take, at most one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Deadlines {
    /// Time to connect, including TLS.
    #[serde(rename = "connect-ms", with = "ms")]
    pub connect: Duration,
    /// Time until the response begins, including connecting.
    #[serde(rename = "first-byte-ms", with = "ms")]
    pub first_byte: Duration,
    /// Time between two parts of the body.
    #[serde(rename = "between-bytes-ms", with = "ms")]
    pub between_bytes: Duration,
    /// Total time.
    #[serde(rename = "total-ms", with = "ms")]
    pub total: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(15),
            between_bytes: Duration::from_secs(5),
            total: Duration::from_secs(30),
        }
    }
}

/// Serializes a duration above 0 as whole milliseconds.
mod ms {
    use std::time::Duration;

    use serde::{Deserializer, Serializer};

    use super::above_zero;
    use host_model::time::millis_u64;

    pub(super) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(millis_u64(*time).max(1))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        above_zero(from).map(Duration::from_millis)
    }
}
