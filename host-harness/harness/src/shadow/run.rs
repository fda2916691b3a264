//! What a call came to that sent nothing.

use std::fmt;

use host_model::{
    contract::{ErrorKind, http::Request, manifest::Effect, manifest::Operation, webhook::Verdict},
    failure::FailureKind,
};
use serde_json::json;

/// What a call asked for, until it would have read from the vendor, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShadowRun {
    /// What it asked for, in order. Only the last one can read.
    pub requests: Vec<PlannedRequest>,
    /// How it ended.
    pub end: ShadowEnd,
}

/// A request that a connector asked for. What it fills in may be personal data, which `Debug` does not print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedRequest {
    /// The declared operation; `None` if the manifest does not have it.
    pub operation: Option<PlannedOperation>,
    /// Whether the host would have sent it.
    pub is_permitted: bool,
    /// What the connector filled in.
    pub(super) contents: Request,
}

/// An operation as it is declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedOperation {
    /// Its name.
    pub name: String,
    /// The HTTP method.
    pub method: String,
    /// The path, with its blanks unfilled.
    pub path: String,
    /// What it does at the vendor.
    pub effect: Effect,
}

impl From<&Operation> for PlannedOperation {
    fn from(Operation { name, method, path, effect, .. }: &Operation) -> Self {
        Self { name: name.clone(), method: method.clone(), path: path.clone(), effect: *effect }
    }
}

impl fmt::Display for PlannedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.operation {
            // A name that is not declared may be anything, even an identifier.
            None => return f.write_str("an operation that is not declared"),
            Some(PlannedOperation { name, method, path, effect }) => {
                write!(f, "{name} ({method} {path}, {effect})")?;
            }
        }
        if self.is_permitted { Ok(()) } else { f.write_str(", which the host refuses") }
    }
}

/// How a call ended that sent nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShadowEnd {
    /// It would have read from the vendor.
    Reading,
    /// It judged a delivery.
    Judged(Verdict),
    /// It reported this outcome, in the contract's words.
    Reported(String),
    /// It returned an error.
    Failed(ErrorKind),
    /// The sandbox ended it.
    Stopped(FailureKind),
}

impl fmt::Display for ShadowEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reading => f.write_str("reading from the vendor"),
            Self::Judged(Verdict::Authentic(_)) => f.write_str("a delivery that is read"),
            Self::Judged(Verdict::Unauthenticated(_)) => f.write_str("a delivery that is not the vendor's"),
            Self::Judged(Verdict::Unreadable(_)) => f.write_str("a delivery that is not readable"),
            Self::Reported(outcome) => f.write_str(outcome),
            Self::Failed(kind) => {
                let kind = json!(kind);
                write!(f, "the error {}", kind.as_str().unwrap_or_default())
            }
            Self::Stopped(kind) => write!(f, "the sandbox ending it ({kind})"),
        }
    }
}
