//! What a call used of its limits, for a trace.

use std::time::Duration;

use host_model::contract::Interface;

/// How a call ended, what it used, and what it was allowed to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallUsage {
    /// The interface that was called.
    pub interface: Interface,
    /// The computing time, in whole milliseconds.
    pub computing: Amount<Duration>,
    /// The memory at its end, in bytes, which is also the maximum: a memory never shrinks.
    pub memory: Amount<usize>,
    /// The number of requests, including refused ones.
    pub requests: Amount<u32>,
    /// The number of texts of the connector, log lines included, in which the host masked an identifier of the person or
    /// a secret.
    pub masked_texts: u32,
    /// If the sandbox ended it: the guest's functions at that time, innermost first, as far as the component has their
    /// names. Escaped and truncated.
    pub frames: Vec<String>,
}

/// An amount and its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount<T> {
    /// The amount.
    pub used: T,
    /// The maximum.
    pub limit: T,
}
