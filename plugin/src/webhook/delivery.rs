//! A webhook delivery.

use std::fmt;

/// A delivery as received, except that the host has replaced the token with a placeholder. `Debug` does not print its
/// content, which may contain personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The headers in the order received, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as received.
    pub body: Vec<u8>,
    /// When it was received, in milliseconds since 1970 in UTC.
    pub received_at_ms: u64,
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Delivery({} bytes)", self.body.len())
    }
}
