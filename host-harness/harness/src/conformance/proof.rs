//! What came of proving a version.

use std::{collections::BTreeMap, time::Duration};

use host_model::time::millis_u64;
use serde::{Deserialize, Serialize};

use crate::egress::CallUsage;

/// What came of proving a version of a connector. Contains no personal data, as long as its cases are about made-up people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Proof {
    /// The digest of the component, such as `sha256:…`.
    pub digest: String,
    /// The seed of its random answers. The same seed gives the same proof.
    pub seed: u32,
    /// How it ended.
    pub result: ProofResult,
    /// Its parts, in the order in which they ran.
    pub parts: Vec<ProofPart>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// How a proof ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum ProofResult {
    /// Every part passed.
    Passed,
    /// At least one part failed.
    Failed,
    /// No part failed, but at least one could not be run.
    Incomplete,
}

/// Where a part comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum PartSource {
    /// A case that the component ships.
    Component,
    /// A case of the operator.
    Operator,
    /// The built-in set.
    BuiltIn,
}

/// A part of a proof: a case, or all calls that the built-in set makes of one function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ProofPart {
    /// The name of the case or of the function.
    pub name: String,
    /// What it shows, in the words of the case's author.
    pub about: String,
    /// Where it comes from.
    pub source: PartSource,
    /// How it ended.
    #[serde(flatten)]
    pub result: PartResult,
    /// The number of calls that were made.
    pub calls: u32,
    /// The maximum of what its calls used.
    pub used: UsedLimits,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

impl ProofPart {
    /// Creates a part that has not begun.
    pub(super) fn new(name: &str, about: &str, source: PartSource) -> Self {
        Self {
            name: name.to_owned(),
            about: about.to_owned(),
            source,
            result: PartResult::Passed,
            calls: 0,
            used: UsedLimits::default(),
            took_ms: 0,
        }
    }
}

/// How a part of a proof ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum PartResult {
    /// Everything was as required.
    Passed,
    /// Something was not.
    Failed {
        /// What was not, a sentence each.
        findings: Vec<String>,
    },
    /// It could not be run, which proves nothing.
    NotRun {
        /// Why, and what to do.
        reason: String,
    },
}

/// What calls used of their limits, in per cent, rounded up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct UsedLimits {
    /// Of `limits.cpu-ms`.
    pub computing: u32,
    /// Of `limits.memory-bytes`.
    pub memory: u32,
    /// Of `limits.requests`.
    pub requests: u32,
}

impl UsedLimits {
    /// Raises each number to what a call used.
    pub(super) fn include(&mut self, usage: &CallUsage) {
        let per_cent = |used: u128, limit: u128| {
            u32::try_from(used.saturating_mul(100).div_ceil(limit.max(1))).unwrap_or(u32::MAX)
        };
        let CallUsage { computing, memory, requests, .. } = usage;
        self.computing =
            self.computing.max(per_cent(computing.used.as_millis(), computing.limit.as_millis()));
        self.memory = self.memory.max(per_cent(memory.used as u128, memory.limit as u128));
        self.requests = self.requests.max(per_cent(requests.used.into(), requests.limit.into()));
    }
}

impl Proof {
    pub(super) fn new(digest: String, seed: u32, parts: Vec<ProofPart>, took: Duration) -> Self {
        let any = |wanted: fn(&PartResult) -> bool| parts.iter().any(|part| wanted(&part.result));
        let result = if any(|result| matches!(result, PartResult::Failed { .. })) {
            ProofResult::Failed
        } else if any(|result| matches!(result, PartResult::NotRun { .. })) {
            ProofResult::Incomplete
        } else {
            ProofResult::Passed
        };
        Self { digest, seed, result, parts, took_ms: millis_u64(took) }
    }

    /// Returns the number of parts that passed, failed and were not run, by these words.
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::from([("passed", 0), ("failed", 0), ("not run", 0)]);
        for part in &self.parts {
            *counts.entry(part.result.word()).or_default() += 1;
        }
        counts
    }
}

impl PartResult {
    /// Returns it in a word or two.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed { .. } => "failed",
            Self::NotRun { .. } => "not run",
        }
    }
}
