//! What bounds callers before anything is known of them: time, size and number.

use std::time::Duration;

/// The HTTP library panics below that.
pub(crate) const MIN_HEADER_BYTES: usize = 8_192;

/// Each connection may hold as much. No client needs a larger head.
pub(crate) const MAX_HEADER_BYTES: usize = 1 << 20;

/// What bounds callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdgeConfig {
    /// How long the head of a request may take to arrive, from the start of the connection or the end of the answer before it.
    /// So an idle connection ends after that time too. A client that takes nothing of an answer for as long is given up.
    pub header_timeout: Duration,
    /// How long the body of a request may take to arrive, from when it is first read.
    pub body_timeout: Duration,
    /// The largest head of a request, in bytes: 8 KiB to 1 MiB.
    pub max_header_bytes: usize,
    /// How many connections the API's listener holds at once.
    pub max_connections: usize,
    /// How many connections the webhooks' own listener holds at once.
    pub max_webhook_connections: usize,
}

impl Default for EdgeConfig {
    fn default() -> Self {
        Self {
            // A head is a packet or two; the rest is for idle connections, which a proxy or a client uses again.
            header_timeout: Duration::from_secs(30),
            // Vendors give up after a few seconds themselves; a component of 2 MiB takes as long at 1.2 Mbit/s.
            body_timeout: Duration::from_secs(15),
            // As much as nginx passes on by default.
            max_header_bytes: 32 << 10,
            // A platform, a scraper and commands need a few dozen. With the webhooks' that leaves 256 of the 1,024 descriptors
            // that a process has by default.
            max_connections: 256,
            // A delivery takes milliseconds, so this is thousands of deliveries a second, with room for slow clients.
            max_webhook_connections: 512,
        }
    }
}
