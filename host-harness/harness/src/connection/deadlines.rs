//! How long the parts of a request may take.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::above_zero::above_zero;

/// The longest wait that counts: more is a slip, and past what clocks can add.
pub(super) const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// How long each part of a request may take; more than a day counts as a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Deadlines {
    /// Until connected, TLS included.
    #[serde(rename = "connect-ms", with = "ms")]
    pub connect: Duration,
    /// Until the answer begins, connecting included.
    #[serde(rename = "first-byte-ms", with = "ms")]
    pub first_byte: Duration,
    /// Between two parts of the body.
    #[serde(rename = "between-bytes-ms", with = "ms")]
    pub between_bytes: Duration,
    /// All of it.
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

/// A time above 0 in whole milliseconds.
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
