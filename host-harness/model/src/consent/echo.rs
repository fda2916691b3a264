//! The echo of our own write: the vendor's event about what we wrote, which is no choice of the person's.

use serde::{Deserialize, Serialize};

use crate::contract::consent::{Choice, Preference};

/// How long after a write the vendor's event about it may be dated, and how long a reading may not show it, in
/// milliseconds: ten minutes.
pub const ECHO_MS: u64 = 600_000;

pub(super) const SECOND_MS: u64 = 1_000;

/// A choice that we told the vendor and that it has taken, or may have taken, or had already; none that it refused.
/// All of an item's are to be remembered for as long as a delivery may be late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Write {
    /// In or out.
    pub choice: Choice,
    /// When the request left, in milliseconds since 1970 in UTC.
    pub sent_at_ms: u64,
}

/// The second that a time in milliseconds since 1970 falls into.
pub fn second(ms: u64) -> u64 {
    ms / SECOND_MS
}

/// Whether the event tells of one of `writes`.
pub fn is_echo(event: &Preference, writes: &[Write]) -> bool {
    writes.iter().filter(|write| write.choice == event.choice).any(|write| {
        let from = second(write.sent_at_ms);
        (from..=from + second(ECHO_MS)).contains(&second(event.chosen_at_ms))
    })
}
