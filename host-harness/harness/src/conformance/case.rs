//! A case: a call, the requests that it makes, their answers, and its outcome.
//! Tested in `src/conformance/case/tests.rs`.

mod call;
mod expected;
mod keys;
mod problem;
mod read;
#[cfg(test)]
mod tests;

pub use problem::CaseError;

use std::collections::BTreeMap;

use host_model::contract::{Settings, http::HttpErrorKind};
use serde_json::Value;

use super::{call::ConnectorCall, function::ConnectorFunction};

/// Maximum size of the text of a case, in bytes: many times that of one with a page of items in an answer.
pub(super) const MAX_CASE_BYTES: usize = 256 << 10;

/// A case, as read from its `case.toml`.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    pub(super) name: String,
    pub(super) about: String,
    pub(super) settings: Settings,
    pub(super) call: ConnectorCall,
    pub(super) requests: Vec<ExpectedRequest>,
    /// What of the outcome is compared: a document like those of `outcome.rs`.
    pub(super) outcome: Value,
}

impl Case {
    /// Returns its name, which is that of its folder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what it shows, in its author's words.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// Returns the function that it calls.
    pub fn function(&self) -> ConnectorFunction {
        self.call.function()
    }
}

/// A request that the connector is expected to ask for, and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ExpectedRequest {
    pub(super) operation: String,
    pub(super) values: BTreeMap<String, String>,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Option<String>,
    pub(super) answer: ScriptedAnswer,
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ScriptedAnswer {
    /// The vendor answers.
    Answered { status: u16, headers: BTreeMap<String, String>, body: String },
    /// There is no answer.
    Failed(HttpErrorKind),
}
