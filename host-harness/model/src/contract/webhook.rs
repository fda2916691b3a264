//! What the vendor tells the platform.

use std::fmt;

use super::{
    consent::{ItemId, Preference},
    person::Subject,
};

/// A webhook as it came, but for the token: a placeholder stands in its slot. Bodies hold people, so it does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Such as `POST`.
    pub method: String,
    /// The whole address that the vendor called.
    pub url: String,
    /// Names in lower case, in the order received.
    pub headers: Vec<(String, String)>,
    /// As received.
    pub body: Vec<u8>,
    /// In milliseconds since 1970 in UTC.
    pub received_at_ms: u64,
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Delivery({}, {} bytes)", self.method, self.body.len())
    }
}

/// Choices that a person made at the vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentEvent {
    /// Who.
    pub subject: Subject,
    /// What was chosen.
    pub preferences: Vec<Preference>,
    /// Items that changed without a choice being told: if one of them is mapped, the person is read at the vendor.
    pub changed: Vec<ItemId>,
    /// The same for the same event delivered again; holds no personal data.
    pub key: String,
}

/// What a delivery is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The vendor's. No event where it is of no concern.
    Authentic(Vec<ConsentEvent>),
    /// No credential, or one that is not accepted, and why.
    Unauthenticated(String),
    /// The vendor's, but not what this vendor is known to send, and why.
    Unreadable(String),
}
