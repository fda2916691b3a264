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
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Delivery({} bytes)", self.body.len())
    }
}

/// Choices that a person made at Iterable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentEvent {
    /// Who: by email, by user-id, or both.
    pub subject: Vec<Identifier>,
    /// What was chosen.
    pub preferences: Vec<Preference>,
    /// Items that changed without a choice of the person that the delivery states: the host reads the person.
    pub changed: Vec<ItemId>,
    /// The same for the same event delivered again, and another for any other. A hash.
    pub key: String,
}

/// What a delivery is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Iterable's. No event where it is of no concern.
    Authentic(Vec<ConsentEvent>),
    /// No credential, or one that is not accepted, and why.
    Unauthenticated(String),
    /// Iterable's, but not what Iterable is known to send, and why; free of personal data.
    Unreadable(String),
}
