//! Echoes: the vendor's events about our own writes, which are not choices of the person.
//! Tested in `src/consent/newest/tests.rs`.

use serde::{Deserialize, Serialize};

use crate::contract::consent::{Choice, Preference};

/// The maximum delay of an echo's date after the write, and of a write becoming visible in a reading: ten minutes in
/// milliseconds.
pub const ECHO_MS: u64 = 600_000;

pub(super) const SECOND_MS: u64 = 1_000;

/// A choice that we sent to the vendor and that it accepted, may have accepted, or already had. Refused choices are not
/// included. All writes of an item must be kept for as long as a delivery may be late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Write {
    /// In or out.
    pub choice: Choice,
    /// When the request left, in milliseconds since 1970 in UTC.
    pub sent_at_ms: u64,
}

/// Converts milliseconds since 1970 to whole seconds.
pub fn second(ms: u64) -> u64 {
    ms / SECOND_MS
}

/// Returns whether the event is the echo of one of `writes`.
pub fn is_echo(event: &Preference, writes: &[Write]) -> bool {
    writes.iter().filter(|write| write.choice == event.choice).any(|write| {
        let from = second(write.sent_at_ms);
        (from..=from + second(ECHO_MS)).contains(&second(event.chosen_at_ms))
    })
}
