//! Requests: their types, and the rules for how long and how often they are tried. Pure: no clock, no store.

pub mod breaker;
pub mod completion;
pub mod deadline;
pub mod outcome;
pub mod retry;
pub mod waits_for;

use serde::{Deserialize, Serialize};
use strum::{AsRefStr, Display, EnumString, VariantArray};

use crate::duties::Duty;

/// The action that a request asks for.
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
pub enum Action {
    /// Erase the person.
    Erasure,
    /// Write the person's choices to the vendor.
    Consent,
    /// Read the person's choices at the vendor to pick up those whose webhook was lost.
    Reading,
}

/// The state of a request.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString, AsRefStr, VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum RequestState {
    /// It waits for its next attempt.
    Waiting,
    /// An attempt is in progress.
    Running,
    /// It was carried out: see the outcome.
    Done,
    /// It cannot be carried out: see the reason.
    Failed,
    /// Nothing had to be done for this person here: see the reason.
    Skipped,
    /// It was not finished by day 25.
    Expired,
}

/// What the next attempt does.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
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
pub enum Step {
    /// Carry out the action.
    Act,
    /// Check whether an erasure took effect, including one that was not answered.
    Confirm,
}

impl RequestState {
    /// Returns whether no further attempt follows, unless the request is replayed.
    pub fn has_ended(self) -> bool {
        !matches!(self, Self::Waiting | Self::Running)
    }
}

impl Action {
    /// Returns the duty that the connection must have.
    pub fn duty(self) -> Duty {
        match self {
            Self::Erasure => Duty::Erasure,
            Self::Consent | Self::Reading => Duty::Consent,
        }
    }
}
