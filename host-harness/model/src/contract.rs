//! The contract's vocabulary as the host's own types.
//!
//! The types outlive a call and never refer to generated types, so that a further contract version affects only
//! `bindings`. Their structure and meaning are defined by the files in `wit/`.

mod claim;
pub mod consent;
pub mod erasure;
pub mod http;
mod interface;
pub mod manifest;
mod manifest_digest;
pub mod observed;
mod person;
pub mod support;
mod version;
pub mod webhook;

pub use claim::{Claim, Exemption};
pub use interface::Interface;
pub use person::{Identifier, MAX_IDENTIFIER_CHARS, MAX_IDENTIFIERS, Oversized, Subject};
pub use version::ContractVersion;
pub use version::split;

use serde::{Deserialize, Serialize};

/// A connection's settings by name: validated, with defaults filled in and without secrets.
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
    /// Try again after the requested wait.
    RateLimited,
    /// Try again later.
    Unavailable,
    /// Give up and show the message.
    Rejected,
    /// The connector does not offer this.
    Unsupported,
    /// Treat as unavailable, and raise an alarm.
    Other,
}

/// Why a connector could not carry out a call. It is the guest's own answer, never a sandbox failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message} ({code})")]
pub struct ConnectorError {
    /// What to do next.
    pub kind: ErrorKind,
    /// A stable, machine-readable code.
    pub code: String,
    /// For an operator.
    pub message: String,
    /// How long to wait, if the vendor said so.
    pub retry_after_ms: Option<u64>,
    /// Whether the vendor may have acted anyway.
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
    /// Not configured, or impossible to test without changing something.
    Untried,
}

/// The result of one check of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Check {
    /// What was checked.
    pub name: String,
    /// How it ended.
    pub outcome: CheckOutcome,
    /// Why, for an operator.
    pub detail: String,
}

/// The result of installing a webhook token at the vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenOutcome {
    /// The vendor has it.
    Installed,
    /// The operator must install it manually; nothing was sent.
    Manual,
}
