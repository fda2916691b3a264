//! What a connection is used for, as the API writes it.

use host_model::duties;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a connection can be asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Duty {
    /// Erase people.
    Erasure,
    /// Keep choices in step.
    Consent,
}

impl From<Duty> for duties::Duty {
    fn from(duty: Duty) -> Self {
        match duty {
            Duty::Erasure => Self::Erasure,
            Duty::Consent => Self::Consent,
        }
    }
}

impl From<duties::Duty> for Duty {
    fn from(duty: duties::Duty) -> Self {
        match duty {
            duties::Duty::Erasure => Self::Erasure,
            duties::Duty::Consent => Self::Consent,
        }
    }
}
