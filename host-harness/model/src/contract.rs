//! The contract's words as the host's own types.
//!
//! They outlive a call and never name a generated type, so that a second contract version reaches
//! `bindings` and nothing else. Shapes and meaning are those of the files in `wit/`.

mod claim;
pub mod consent;
pub mod erasure;
pub mod http;
mod interface;
pub mod manifest;
mod person;
mod version;
pub mod webhook;

pub use claim::{Claim, Exemption};
pub use interface::Interface;
pub use person::{Identifier, MAX_IDENTIFIER_CHARS, MAX_IDENTIFIERS, Oversized, Subject};
pub use version::ContractVersion;
pub use version::split;

use serde::{Deserialize, Serialize};

/// A connection's settings by name: checked, defaults filled in, no secret among them.
pub type Settings = std::collections::BTreeMap<String, String>;

/// What the host does next about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// Show it to the operator; retrying cannot help.
    InvalidSettings,
    /// Skip this person here.
    MissingIdentity,
    /// Stop the connection until an operator acts.
    Unauthorized,
    /// Try again after the wait that was asked for.
    RateLimited,
    /// Try again later.
    Unavailable,
    /// Give up and show the message.
    Rejected,
    /// The connector does not offer this.
    Unsupported,
    /// Treat as unavailable, and alarm.
    Other,
}

/// Why a connector could not do what was asked: the guest's own answer, never a broken sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message} ({code})")]
pub struct ConnectorError {
    /// What to do next.
    pub kind: ErrorKind,
    /// A stable word for machines.
    pub code: String,
    /// For an operator.
    pub message: String,
    /// How long the vendor asked to wait.
    pub retry_after_ms: Option<u64>,
    /// Whether the vendor may have acted all the same.
    pub may_have_acted: bool,
}

/// How one check of a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckOutcome {
    /// It works.
    Passed,
    /// It does not: see the detail.
    Failed,
    /// Not set up, or not to be tried without changing something.
    Untried,
}

/// One thing that a connection needs, tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Check {
    /// What was tried.
    pub name: String,
    /// How it ended.
    pub outcome: CheckOutcome,
    /// Why, for an operator.
    pub detail: String,
}

/// What became of handing the vendor a webhook token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenOutcome {
    /// The vendor has it.
    Installed,
    /// The operator rotates by hand; nothing was sent.
    Manual,
}
