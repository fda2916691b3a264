//! Times in the form that is stored and compared: whole milliseconds since 1970 in UTC.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An hour in milliseconds.
pub const HOUR_MS: i64 = 60 * 60 * 1_000;
/// A day in milliseconds.
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// Converts a date to milliseconds since 1970 in UTC; 0 for earlier dates.
pub fn milliseconds(date: SystemTime) -> i64 {
    millis(date.duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// Converts a duration to milliseconds, at most [`u64::MAX`], for values that are logged or sent rather than stored.
pub fn millis_u64(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Converts a duration to milliseconds, at most [`i64::MAX`].
pub fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
