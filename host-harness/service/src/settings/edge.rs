//! Limits on time, size and number that apply to callers before anything is known about them.

use std::time::Duration;

/// The HTTP library panics below this value.
pub(crate) const MIN_HEADER_BYTES: usize = 8_192;

/// Each connection may use this much memory. No client needs a larger head.
pub(crate) const MAX_HEADER_BYTES: usize = 1 << 20;

/// The limits for callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdgeConfig {
    /// How long the head of a request may take to arrive, from the start of the connection or the end of the previous
    /// response. An idle connection is therefore closed after the same time. A client that reads nothing of a response
    /// for that long is disconnected.
    pub header_timeout: Duration,
    /// How long the body of a request may take to arrive, from the first read.
    pub body_timeout: Duration,
    /// The maximum size of a request's head in bytes, 8 KiB to 1 MiB.
    pub max_header_bytes: usize,
    /// The maximum number of open connections at the API's listener.
    pub max_connections: usize,
    /// The maximum number of open connections at the webhook listener.
    pub max_webhook_connections: usize,
}

impl Default for EdgeConfig {
    fn default() -> Self {
        Self {
            // A head is a packet or two; the rest is for idle connections, which a proxy or a client reuses.
            header_timeout: Duration::from_secs(30),
            // Vendors give up after a few seconds themselves; a component of 2 MiB takes this long at 1.2 Mbit/s.
            body_timeout: Duration::from_secs(15),
            // The same as the default of nginx.
            max_header_bytes: 32 << 10,
            // A platform, a scraper and commands need a few dozen. Together with the webhook connections, this leaves
            // 256 of the 1,024 descriptors that a process has by default.
            max_connections: 256,
            // A delivery takes milliseconds, so this allows thousands of deliveries a second, with room for slow
            // clients.
            max_webhook_connections: 512,
        }
    }
}
