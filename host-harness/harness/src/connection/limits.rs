//! What one call may use up. Every limit is a setting; the default's reason stands beside it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{above_zero::above_zero, deadlines::LONGEST_WAIT};

/// The bounds of one call. Written down with the keys of the configuration file, each above 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct CallLimits {
    /// Bytes over all linear memories together. 64 MiB: the largest answer (48 MiB) and room beside it.
    #[serde(deserialize_with = "above_zero")]
    pub memory_bytes: usize,
    /// Core instances. The Iterable connector has three, its shims included; sixteen is a generous composition.
    #[serde(deserialize_with = "above_zero")]
    pub core_instances: u32,
    /// Tables. The Iterable connector has two, its shims' included.
    #[serde(deserialize_with = "above_zero")]
    pub tables: u32,
    /// Elements over all tables together. A Rust guest has a few hundred.
    #[serde(deserialize_with = "above_zero")]
    pub table_elements: usize,
    /// Milliseconds of computing. An event takes a fraction of one; a list of 400,000 hashes about 100.
    #[serde(deserialize_with = "above_zero")]
    pub cpu_ms: u64,
    /// Milliseconds from start to end, requests included; more than a day counts as a day. Several slow requests fit, a
    /// stuck vendor does not hold on.
    #[serde(deserialize_with = "above_zero")]
    pub wall_ms: u64,
    /// HTTP requests. A person with a choice for each of a hundred items fits.
    #[serde(deserialize_with = "above_zero")]
    pub requests: u32,
    /// Log lines; more are counted and dropped.
    #[serde(deserialize_with = "above_zero")]
    pub log_lines: u32,
    /// Bytes of one log line; a longer one is cut. What fits on a screen.
    #[serde(deserialize_with = "above_zero")]
    pub log_line_bytes: usize,
    /// Bytes of log text, all lines together.
    #[serde(deserialize_with = "above_zero")]
    pub log_bytes: usize,
    /// Bytes that may be lifted out of the guest in one host call: a request body at its cap and room beside it.
    #[serde(deserialize_with = "above_zero")]
    pub hostcall_bytes: usize,
    /// Bytes that may be lifted out of the guest in all host calls of one call together: a request body at its cap a dozen
    /// times, which no connector comes near.
    #[serde(deserialize_with = "above_zero")]
    pub handed_bytes: usize,
    /// Host calls, refused ones included. The requests and log lines of a call, many times over.
    #[serde(deserialize_with = "above_zero")]
    pub host_calls: u32,
    /// Resource handles. The contract has no resources, so any use is a misdeed.
    #[serde(deserialize_with = "above_zero")]
    pub handles: usize,
}

impl CallLimits {
    /// When a call that begins now has to be over.
    pub(crate) fn over_at(&self) -> Instant {
        Instant::now() + Duration::from_millis(self.wall_ms).min(LONGEST_WAIT)
    }
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            memory_bytes: 64 << 20,
            core_instances: 16,
            tables: 4,
            table_elements: 10_000,
            cpu_ms: 2_000,
            wall_ms: 120_000,
            requests: 256,
            log_lines: 256,
            log_line_bytes: 4 << 10,
            log_bytes: 64 << 10,
            hostcall_bytes: 5 << 20,
            handed_bytes: 64 << 20,
            host_calls: 10_000,
            handles: 100,
        }
    }
}
