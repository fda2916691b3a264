//! Webhook deliveries and the consent events in them.

use std::fmt;

use super::{
    consent::{ItemId, Preference},
    person::Subject,
};

/// A webhook delivery as received, except that the token is replaced by a placeholder. Bodies contain personal data, so
/// `Debug` does not print them.
#[derive(Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The method, such as `POST`.
    pub method: String,
    /// The full URL that the vendor called.
    pub url: String,
    /// The headers in the order received, with lower-case names.
    pub headers: Vec<(String, String)>,
    /// The body as received.
    pub body: Vec<u8>,
    /// The time of receipt, in milliseconds since 1970 in UTC.
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
    /// The person.
    pub subject: Subject,
    /// The person's choices.
    pub preferences: Vec<Preference>,
    /// Items that changed without the event stating the choice. If one of them is mapped, the person is read at the
    /// vendor.
    pub changed: Vec<ItemId>,
    /// A key that is the same if the event is delivered again. Contains no personal data.
    pub key: String,
}

/// The result of verifying a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The delivery comes from the vendor. There are no events if nothing in it is relevant.
    Authentic(Vec<ConsentEvent>),
    /// The credential is missing or not accepted, with the reason.
    Unauthenticated(String),
    /// The delivery comes from the vendor but not in a known format, with the reason.
    Unreadable(String),
}
