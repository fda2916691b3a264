//! The duties of a connection: what it is used for.
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Something that a connection can be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Duty {
    /// Erase people.
    Erasure,
    /// Keep choices in sync.
    Consent,
}

/// What a connection is used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duties {
    /// Whether the connection is used at all.
    pub enabled: bool,
    /// The duties that it carries out.
    pub actions: BTreeSet<Duty>,
    /// The system that it belongs to, which determines its data uses.
    pub system: Option<String>,
}

impl Default for Duties {
    /// All duties, without a system.
    fn default() -> Self {
        Self { enabled: true, actions: [Duty::Erasure, Duty::Consent].into(), system: None }
    }
}
