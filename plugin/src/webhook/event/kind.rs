//! The relevant events.
//! Tested in `src/webhook/event/tests.rs`.

use crate::consent::choice::Choice;

/// The kind of a relevant event.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Subscribe,
    Unsubscribe,
    /// On a complaint, Iterable opts the person out of the message's channel.
    Complaint,
}

impl Kind {
    /// Finds the kind by the event's name, ignoring case. `None` if the event is irrelevant.
    pub(super) fn of(name: &str) -> Option<Self> {
        let all = [Self::Subscribe, Self::Unsubscribe, Self::Complaint];
        all.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Subscribe => "emailSubscribe",
            Self::Unsubscribe => "emailUnSubscribe",
            Self::Complaint => "emailComplaint",
        }
    }

    pub(super) fn choice(self) -> Choice {
        match self {
            Self::Subscribe => Choice::OptIn,
            Self::Unsubscribe | Self::Complaint => Choice::OptOut,
        }
    }
}
