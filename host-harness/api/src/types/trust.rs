//! Whose signatures a plugin needs, and who signed its versions.

use host_trust::{self as host, HighWaterMark, Trust};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::mirror::mirror;

mirror! {
    /// What a version has to be signed with. Each also requires what those before it do.
    pub enum RequiredSignature mirrors host::Required {
        /// A signature by a trusted key.
        Signature,
        /// A signed statement about the release.
        Statement,
        /// A signed statement according to which the release passed the conformance suite.
        PassedConformance,
    }
}

/// Whose signatures a plugin needs, as configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PluginTrust {
    /// What a version has to be signed with.
    pub require: RequiredSignature,
    /// The fingerprints of the trusted keys: the SHA-256 of each public key, such as `sha256:…`.
    pub keys: Vec<String>,
    /// The newest revision that was ever admitted, below which releases are refused; null if none was.
    pub mark: Option<ReleaseMark>,
    /// Why the newest revision is not known, so that no release is admitted; null if it is.
    #[serde(default)]
    pub problem: Option<String>,
}

/// The newest revision of a plugin that was admitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReleaseMark {
    /// The revision.
    pub revision: u64,
    /// The digest of the component.
    pub digest: String,
}

impl PluginTrust {
    /// The configured `trust`, with the plugin's mark.
    pub fn of(trust: &Trust, mark: Option<HighWaterMark>) -> Self {
        let mark = mark.map(|HighWaterMark { revision, digest }| ReleaseMark {
            revision: revision.into(),
            digest: digest.to_string(),
        });
        let keys = trust.keys().iter().map(ToString::to_string).collect();
        Self { require: trust.required().into(), keys, mark, problem: None }
    }
}

/// The signature under which a version was admitted. It was verified at that time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VersionSignature {
    /// The fingerprint of the key that signed it.
    pub key: String,
    /// `statement` if a statement about the release is signed, `component` if only the component is.
    pub content: String,
    /// The release's own version, as stated; null without a statement, as are the next three.
    #[serde(default)]
    pub version: Option<String>,
    /// The number of the release.
    #[serde(default)]
    pub revision: Option<u64>,
    /// Until when it could be admitted, in milliseconds since 1970 in UTC.
    #[serde(default, alias = "not-after")]
    pub not_after: Option<i64>,
    /// How the publisher's run of the conformance suite ended.
    #[serde(default)]
    pub conformance: Option<StatedConformance>,
}

/// How the publisher's run of the conformance suite ended, as stated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatedConformance {
    /// `passed`, `failed` or `incomplete`.
    pub result: String,
    /// The seed of its random answers, with which it can be repeated.
    pub seed: u32,
}
