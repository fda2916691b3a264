//! What Iterable tells the platform: whether a delivery is Iterable's, and which choices it tells of.

mod event;
mod time;
mod verify;

use std::fmt;

pub use verify::verify;

use crate::{
    consent::{ItemId, Preference},
    subject::Identifier,
};

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

/// Choices that a person made at Iterable, items that changed there, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentEvent {
    /// Who: by email, by user-id, or both.
    pub subject: Vec<Identifier>,
    /// What was chosen.
    pub preferences: Vec<Preference>,
    /// Items that changed, or may have, without a choice of the person that the event states.
    pub changed: Vec<ItemId>,
    /// The same for the same event delivered again, and another for any other. A hash.
    pub key: String,
}

/// What one of Iterable's deliveries says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// `None` if the delivery is of no concern.
    pub event: Option<ConsentEvent>,
    /// What of it is lost, for the operator's log; free of personal data.
    pub warning: Option<String>,
}

impl Reading {
    fn warning(warning: String) -> Self {
        Self { event: None, warning: Some(warning) }
    }
}

/// What a delivery is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Iterable's, and what it says.
    Authentic(Reading),
    /// No credential, or one that is not accepted, and why.
    Unauthenticated(String),
    /// Iterable's, but not what Iterable is known to send, and why; free of personal data.
    Unreadable(String),
}
