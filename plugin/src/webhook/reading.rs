//! The content of a delivery.

use crate::{
    consent::choice::{ItemId, Preference},
    subject::Identifier,
};

/// Choices that a person made at Iterable, items that changed there, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentEvent {
    /// The person, by email, by user-id or by both.
    pub subject: Vec<Identifier>,
    /// The choices that the person made.
    pub preferences: Vec<Preference>,
    /// Items that changed, or may have changed, although the event does not report a choice of the person.
    pub changed: Vec<ItemId>,
    /// A hash that identifies the event: the same if it is delivered again, different for any other event.
    pub key: String,
}

/// The content of a delivery from Iterable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The event. `None` if the delivery is irrelevant.
    pub event: Option<ConsentEvent>,
    /// What could not be used, for the operator's log; free of personal data.
    pub warning: Option<String>,
}

impl Reading {
    pub(super) fn warning(warning: String) -> Self {
        Self { event: None, warning: Some(warning) }
    }
}
