//! The events that are of concern.

use crate::consent::choice::Choice;

/// What the event is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Subscribe,
    Unsubscribe,
    /// Iterable takes the person out of the message's channel for it.
    Complaint,
}

impl Kind {
    /// Names are compared without case.
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
