//! The kinds of calls, and what each is split by while a release grows.

use serde::{Deserialize, Serialize};
use strum::{AsRefStr, Display, EnumString, VariantArray};

use crate::requests::{Action, Step};

/// A kind of call that is made for a connection.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    AsRefStr,
    VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum CallKind {
    /// `erase`.
    Erasure,
    /// `apply`, with the reads that belong to it.
    Consent,
    /// `current`, for a reading.
    Reading,
    /// `confirm`, which looks for the proofs of several erasures.
    Confirm,
    /// `verify`, which reads a delivery.
    WebhookVerify,
    /// `list-items`.
    ListItems,
    /// `test-connection`.
    TestConnection,
    /// `install`, which gives the vendor a webhook token.
    WebhookToken,
}

/// What decides on which of the two versions a call runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SplitBy {
    /// Whether its person is in the share.
    Person,
    /// Whether its connection is released.
    Connection,
    /// Which version carried out what the call is about: a batch of `confirm` has erasures of one version only, and runs
    /// on it, since another may not understand their references.
    CarriedOutBy,
}

impl CallKind {
    /// Returns the kind of the calls of an attempt.
    pub fn of_attempt(action: Action, step: Step) -> Self {
        match (step, action) {
            (Step::Confirm, _) => Self::Confirm,
            (Step::Act, Action::Erasure) => Self::Erasure,
            (Step::Act, Action::Consent) => Self::Consent,
            (Step::Act, Action::Reading) => Self::Reading,
        }
    }

    /// Returns what calls of this kind are split by.
    pub fn split_by(self) -> SplitBy {
        match self {
            Self::Erasure | Self::Consent | Self::Reading => SplitBy::Person,
            Self::Confirm => SplitBy::CarriedOutBy,
            Self::WebhookVerify | Self::ListItems | Self::TestConnection | Self::WebhookToken => {
                SplitBy::Connection
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_about_a_person_are_split_by_person_and_confirmations_by_version() {
        for action in Action::VARIANTS {
            assert_eq!(CallKind::of_attempt(*action, Step::Act).split_by(), SplitBy::Person, "{action}");
            assert_eq!(CallKind::of_attempt(*action, Step::Confirm).split_by(), SplitBy::CarriedOutBy);
        }
    }

    #[test]
    fn every_kind_that_is_about_no_single_person_is_split_by_connection() {
        let by_connection: Vec<&str> = CallKind::VARIANTS
            .iter()
            .filter(|kind| kind.split_by() == SplitBy::Connection)
            .map(CallKind::as_ref)
            .collect();
        assert_eq!(by_connection, ["webhook-verify", "list-items", "test-connection", "webhook-token"]);
    }

    #[test]
    fn the_stored_words_are_those_of_the_string_form() {
        for kind in CallKind::VARIANTS {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_ref());
            assert_eq!(kind.to_string().parse(), Ok(*kind));
        }
    }
}
