//! How a call ends if the guest does not answer.

use serde::{Deserialize, Serialize};

use crate::contract::Claim;

/// The cause that ended the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum FailureKind {
    /// The guest panicked or broke a WebAssembly rule.
    Trapped,
    /// It used up its CPU time.
    CpuSpent,
    /// Its deadline passed.
    DeadlinePassed,
    /// It requested more memory or table space than allowed.
    OutOfMemory,
    /// It recursed too deeply.
    StackExhausted,
    /// It passed more data than a host call may carry, or too many handles.
    TooMuchData,
    /// Its answer violates the contract, or reports an outcome that its requests contradict.
    BadAnswer,
    /// The host is shutting down or has no capacity.
    NoRoom,
}

/// The sandbox ended the call. The connector did not return an error; it had no chance to answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("the sandbox ended the call: {detail}{}", if *.may_have_acted { "; the vendor may have acted, so confirm before repeating" } else { "" })]
pub struct CallFailure {
    /// What ended it.
    pub kind: FailureKind,
    /// The details for an operator, without secrets and truncated.
    pub detail: String,
    /// Whether a request that may change something had been sent. If so, the outcome is unknown and nothing is undone.
    pub may_have_acted: bool,
    /// The outcome that it reported and its requests contradict; `None` if that is not the cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contradicted: Option<Claim>,
}
