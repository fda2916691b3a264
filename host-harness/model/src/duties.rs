//! What a connection is used for.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// What a connection can be asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Duty {
    /// Erase people.
    Erasure,
    /// Keep choices in step.
    Consent,
}

/// What a connection is used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duties {
    /// Whether anything is done at all.
    pub enabled: bool,
    /// What it carries out.
    pub actions: BTreeSet<Duty>,
    /// The system that it belongs to, for data uses.
    pub system: Option<String>,
}

impl Default for Duties {
    /// Everything, for no system in particular.
    fn default() -> Self {
        Self { enabled: true, actions: [Duty::Erasure, Duty::Consent].into(), system: None }
    }
}
