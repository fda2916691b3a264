//! What comes in.

use std::fmt;

/// A delivery as it came, but for the token: a placeholder stands in its place. It tells of a person, so it does not
/// print.
#[derive(Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Names in lower case, in the order received.
    pub headers: Vec<(String, String)>,
    /// As received.
    pub body: Vec<u8>,
    /// In milliseconds since 1970 in UTC.
    pub received_at_ms: u64,
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Delivery({} bytes)", self.body.len())
    }
}
