//! Requests: their words, and the rules of how long and how often they are tried. Pure: no clock, no store.

pub mod breaker;
pub mod deadline;
pub mod outcome;
pub mod retry;

use serde::{Deserialize, Serialize};
use strum::{AsRefStr, Display, EnumString, VariantArray};

use crate::duties::Duty;

/// What is asked for.
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
    /// Make the vendor hold the person's choices.
    Consent,
    /// Read what the vendor holds for the person, for choices that no webhook told.
    Reading,
}

/// Where a request stands.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString, AsRefStr, VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum State {
    /// For its next attempt.
    Waiting,
    /// An attempt is under way.
    Running,
    /// It was carried out: see the outcome.
    Done,
    /// It cannot be carried out: see the reason.
    Failed,
    /// There was nothing to do for this person here: see the reason.
    Skipped,
    /// Day 25 has come without an end.
    Expired,
}

/// What the next attempt does.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString, AsRefStr, VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Step {
    /// What was asked.
    Act,
    /// Look whether an erasure took effect, or whether one that was not answered did.
    Confirm,
}

impl Action {
    /// What the connection has to be used for.
    pub fn duty(self) -> Duty {
        match self {
            Self::Erasure => Duty::Erasure,
            Self::Consent | Self::Reading => Duty::Consent,
        }
    }
}
