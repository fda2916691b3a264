//! What a delivery says.

use crate::{
    consent::choice::{ItemId, Preference},
    subject::Identifier,
};

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
    pub(super) fn warning(warning: String) -> Self {
        Self { event: None, warning: Some(warning) }
    }
}
