//! What a publisher states about a release: an in-toto statement.

use host_model::{
    contract::ContractVersion,
    digest::Digest,
    names::is_name,
    text::{self, UnfitText},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{AsRefStr, Display, EnumString};

use crate::revision::Revision;

/// The type of an in-toto statement, <https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md>.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// The type of the predicate about a release of a plugin.
pub const PREDICATE_TYPE: &str = "urn:saas-connector:release:v1";

/// Maximum length of a plugin's version, in characters. Semantic versions with a commit's digest stay below.
pub const MAX_VERSION: usize = 128;

/// What a publisher states about one release of a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The name of the plugin, as the host's configuration has it.
    pub plugin: String,
    /// The digest of the component.
    pub digest: Digest,
    /// The release's own version, such as `1.4.0`. Only shown: `revision` orders releases.
    pub version: String,
    /// The number of the release.
    pub revision: Revision,
    /// The last moment at which the release may still be admitted from outside, in milliseconds since 1970 in UTC.
    pub not_after: i64,
    /// The version of the contract that the component is built against.
    pub contract: ContractVersion,
    /// The digest of the component's manifest.
    pub manifest: Digest,
    /// What came of proving the release.
    pub conformance: ConformanceRun,
}

/// What came of the publisher's run of the conformance suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConformanceRun {
    /// How it ended.
    pub result: ConformanceResult,
    /// The seed of its random answers, with which it can be repeated.
    pub seed: u32,
}

/// How a run of the conformance suite ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString, AsRefStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum ConformanceResult {
    /// Every part passed.
    Passed,
    /// At least one part failed.
    Failed,
    /// No part failed, but at least one could not be run.
    Incomplete,
}

/// Why a statement says nothing that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnfitStatement {
    /// The plugin's name breaks the rules for names.
    #[error(
        "the plugin's name has to be lower-case letters and digits with single dashes between them, at most 64 \
         characters"
    )]
    Name,
    /// The version cannot be shown.
    #[error("the version {0}")]
    Version(UnfitText),
    /// The date is beyond what can be written.
    #[error("the end of validity, {0} ms since 1970, is beyond the year 9999")]
    NotAfter(i64),
}

impl Statement {
    /// Checks the fields whose types allow more than they may contain.
    pub fn check(&self) -> Result<(), UnfitStatement> {
        if !is_name(&self.plugin) {
            return Err(UnfitStatement::Name);
        }
        text::check_name(&self.version, MAX_VERSION).map_err(UnfitStatement::Version)?;
        Timestamp::from_millisecond(self.not_after).map_err(|_| UnfitStatement::NotAfter(self.not_after))?;
        Ok(())
    }
}
