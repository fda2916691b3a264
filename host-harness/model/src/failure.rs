//! How a call ends if it is not the guest that answers.

use serde::{Deserialize, Serialize};

/// What ended the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum FailureKind {
    /// The guest gave up or broke a rule of wasm.
    Trapped,
    /// Its computing time is spent.
    CpuSpent,
    /// Its wall clock ran out.
    DeadlinePassed,
    /// It asked for more memory or table room than it may have.
    OutOfMemory,
    /// It recursed too deep.
    StackExhausted,
    /// It handed over more data than a host call may carry, or too many handles.
    TooMuchData,
    /// What it answered is not what the contract says.
    BadAnswer,
    /// The host is going down or has no room.
    NoRoom,
}

/// The sandbox ended the call. The connector did not say no; it did not get to say anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("the sandbox ended the call: {detail}{}", if *.may_have_acted { "; the vendor may have acted, so confirm before repeating" } else { "" })]
pub struct CallFailure {
    /// What ended it.
    pub kind: FailureKind,
    /// For an operator; free of secrets, cut in length.
    pub detail: String,
    /// Whether a request that may change something had left: then the outcome is unknown, never undone.
    pub may_have_acted: bool,
}
