//! The resource limits of one call. Every limit is a setting; its documentation gives the reason for the default.
//! Tested in `tests/all/limits`.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{above_zero::above_zero, deadlines::MAX_DEADLINE};

/// The resource limits of one call. Serialized with the keys of the configuration file; each is above 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct CallLimits {
    /// Total size of all linear memories in bytes. 64 MiB: the largest response (48 MiB) with room to spare.
    #[serde(deserialize_with = "above_zero")]
    pub memory_bytes: usize,
    /// Linear memories. A connector has one, and each component that it is composed with another. The pool reserves
    /// 4 GiB of address space for each.
    #[serde(deserialize_with = "above_zero")]
    pub memories: u32,
    /// Core instances. The Iterable connector has three, including its shims; sixteen allow a generous composition.
    #[serde(deserialize_with = "above_zero")]
    pub core_instances: u32,
    /// Tables. The Iterable connector has two, including those of its shims.
    #[serde(deserialize_with = "above_zero")]
    pub tables: u32,
    /// Total number of elements of all tables. A Rust guest has a few hundred.
    #[serde(deserialize_with = "above_zero")]
    pub table_elements: usize,
    /// CPU time in milliseconds. An event takes a fraction of one; a list of 400,000 hashes about 100.
    #[serde(deserialize_with = "above_zero")]
    pub cpu_ms: u64,
    /// Time from start to end in milliseconds, including requests, at most one day. Long enough for several slow
    /// requests, short enough to give up on a stuck vendor.
    #[serde(deserialize_with = "above_zero")]
    pub wall_ms: u64,
    /// HTTP requests. Enough for a person with a choice for each of a hundred items.
    #[serde(deserialize_with = "above_zero")]
    pub requests: u32,
    /// Log lines; further lines are counted and dropped.
    #[serde(deserialize_with = "above_zero")]
    pub log_lines: u32,
    /// Bytes of one log line; longer ones are truncated. Fits on a screen.
    #[serde(deserialize_with = "above_zero")]
    pub log_line_bytes: usize,
    /// Total bytes of log text.
    #[serde(deserialize_with = "above_zero")]
    pub log_bytes: usize,
    /// Bytes that may be lifted out of the guest in one host call: a request body of the maximum size with room to
    /// spare.
    #[serde(deserialize_with = "above_zero")]
    pub hostcall_bytes: usize,
    /// Total bytes that may be lifted out of the guest in all host calls of one call: a dozen request bodies of the
    /// maximum size, which no connector comes close to.
    #[serde(deserialize_with = "above_zero")]
    pub handed_bytes: usize,
    /// Host calls, including refused ones. Many times the requests and log lines of a call.
    #[serde(deserialize_with = "above_zero")]
    pub host_calls: u32,
    /// Resource handles. The contract has no resources, so any use is illegitimate.
    #[serde(deserialize_with = "above_zero")]
    pub handles: usize,
}

impl CallLimits {
    /// Returns the deadline of a call that begins now.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + Duration::from_millis(self.wall_ms).min(MAX_DEADLINE)
    }
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            memory_bytes: 64 << 20,
            memories: 3,
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
