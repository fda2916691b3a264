//! What a version has to prove before it serves.

use std::path::PathBuf;

/// How many deliveries, and how many requests, of each connection a new version is compared on by default: a day of most
/// connections, and well under a second of a connector in Rust.
pub const SHADOW_PER_CONNECTION: usize = 100;

/// What a version has to prove before it serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofConfig {
    /// The folder of the operator's own conformance cases, in which each plugin has a folder of its name; `None` if there
    /// are none.
    pub cases: Option<PathBuf>,
    /// How many deliveries, and how many requests, of each connection a new version is compared on; 0 for none.
    pub shadow_per_connection: usize,
}

impl Default for ProofConfig {
    fn default() -> Self {
        Self { cases: None, shadow_per_connection: SHADOW_PER_CONNECTION }
    }
}
