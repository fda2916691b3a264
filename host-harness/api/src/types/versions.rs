//! Plugin versions and their history.

use host_harness::conformance::{PartResult, Proof, ProofPart, UsedLimits};
use host_model::plugin_version as host;
use host_service::connections::{
    publish_error::PublishError, rehearsal::PublicationRehearsal, shadow::ShadowReport,
    versions::VersionHistory,
};
use host_store::versions::{self, MAX_KEPT, VersionStep};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{
    mirror::mirror,
    shadow::{StepConnectionTest, StepSettings, StepShadow},
    trust::VersionSignature,
};

mirror! {
    /// A state of a plugin's version.
    pub enum VersionState mirrors host::VersionState {
        /// Its bytes are stored.
        Uploaded,
        /// It is compiled, and its manifest was checked.
        Compiled,
        /// It proved itself in its own sandbox.
        Proven,
        /// An operator approved what it requests, or it requests nothing new.
        Approved,
        /// New calls run on it.
        Serving,
        /// It served, and another version does now.
        Retired,
        /// It was not admitted: see the reason of its last step.
        Refused,
    }
}

mirror! {
    /// Where a version came from.
    pub enum VersionSource mirrors host::VersionSource {
        /// It was uploaded through the API.
        Upload,
        /// It ran from the file in the configuration.
        File,
        /// It was pulled from the registry in the configuration.
        Registry,
        /// It was published before versions had a history.
        Earlier,
    }
}

/// The versions of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PluginVersions {
    /// The plugin's name.
    pub name: String,
    /// Those that served last first, then those that have not served, the newest first.
    pub versions: Vec<PluginVersion>,
    /// How many of the versions that served keep their component, so that they can be put back.
    pub max_kept: usize,
    /// The size of all stored components of all plugins, in bytes. They are part of each backup.
    pub stored_bytes: i64,
}

impl PluginVersions {
    /// The history of the plugin `name`.
    pub fn of(name: String, history: Vec<VersionHistory>, stored_bytes: i64) -> Self {
        let versions = history.into_iter().map(Into::into).collect();
        Self { name, versions, max_kept: MAX_KEPT, stored_bytes }
    }
}

/// A version of a plugin. Times are milliseconds since 1970 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PluginVersion {
    /// The SHA-256 of its bytes, such as `sha256:…`.
    pub digest: String,
    /// The connector's own version; null if it was never loaded.
    pub version: Option<String>,
    /// The version of the contract; null if it was never loaded.
    pub contract: Option<String>,
    /// Its size in bytes; 0 if it is not known.
    pub size: i64,
    /// Where it came from.
    pub source: VersionSource,
    /// What the operator wrote about it; null if nothing.
    pub note: Option<String>,
    /// The id of the API key that first uploaded it; null if none did.
    #[serde(default)]
    pub uploaded_by: Option<String>,
    /// Whether it can be approved only with another API key than the one that uploaded it: the setting `two-people` is on.
    #[serde(default)]
    pub needs_second_person: bool,
    /// Its state.
    pub state: VersionState,
    /// When it last began to serve; null if it never did.
    pub served_at: Option<i64>,
    /// Whether its component is stored, so that it can serve.
    pub is_stored: bool,
    /// Whether its row was written by this program. One that was changed from outside does not serve.
    pub is_authentic: bool,
    /// The signature under which it was last admitted; null if its plugin needed none.
    #[serde(default)]
    pub signature: Option<VersionSignature>,
    /// What happened to it, oldest first.
    pub steps: Vec<PluginVersionStep>,
}

impl From<VersionHistory> for PluginVersion {
    fn from(
        VersionHistory { version, is_stored, is_authentic, needs_second_person, steps }: VersionHistory,
    ) -> Self {
        let versions::Version {
            digest,
            version,
            contract,
            size,
            source,
            note,
            uploaded_by,
            state,
            served_at,
            ..
        } = version;
        let steps: Vec<PluginVersionStep> = steps.into_iter().map(Into::into).collect();
        let signature = steps.iter().rev().find_map(|step| step.evidence.signature.clone());
        Self {
            digest: digest.to_string(),
            version,
            contract,
            size,
            source: source.into(),
            note,
            uploaded_by,
            needs_second_person,
            state: state.into(),
            served_at,
            is_stored,
            is_authentic,
            signature,
            steps,
        }
    }
}

/// A step in a version's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PluginVersionStep {
    /// The state that it reached.
    pub state: VersionState,
    /// When, in milliseconds since 1970 in UTC.
    pub at: i64,
    /// How long it took, in milliseconds.
    pub took_ms: i64,
    /// Who caused it: the name of a caller, or `the host`.
    pub by: String,
    /// Why it was refused, as a code such as `asks-for-more`; null otherwise.
    pub reason: Option<String>,
    /// What shows it.
    pub evidence: StepEvidence,
}

/// What shows a step. Each kind of step has its own members; the others are null or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct StepEvidence {
    /// The size of the upload, in bytes.
    pub bytes: Option<u64>,
    /// The signature under which it was admitted; null if its plugin needed none.
    pub signature: Option<VersionSignature>,
    /// What it requests beyond the version that served at the time, one sentence each, which was approved.
    pub requests: Vec<String>,
    /// The digest of the version that served before it.
    pub before: Option<String>,
    /// The digest of the version that serves in its place.
    #[serde(alias = "replaced-by")]
    pub replaced_by: Option<String>,
    /// The state of its release in steps that it reached.
    pub release: Option<String>,
    /// The connections that changed as it began to serve, each with the names of what changed.
    pub changed: Vec<String>,
    /// Why it was refused.
    pub why: Option<String>,
    /// The proof of the version, as it passed or failed.
    pub proof: Option<StepProof>,
    /// Which connections have settings that suit it.
    pub settings: Option<StepSettings>,
    /// What came of comparing it with the version that served at the time.
    pub shadow: Option<StepShadow>,
    /// What came of testing the connections on it; empty if that was not asked for.
    pub tests: Vec<StepConnectionTest>,
    /// What it does differently from the version that served at the time, one sentence each, which was approved.
    pub differences: Vec<String>,
}

/// What came of proving a version. The answers that it was given came from its cases and from a built-in set; nothing was
/// sent to a vendor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepProof {
    /// `passed`, `failed`, or `incomplete` if no part failed but some could not be run.
    pub result: String,
    /// The seed of its random answers.
    pub seed: u32,
    /// Its parts, in the order in which they ran.
    pub parts: Vec<StepProofPart>,
}

/// A part of a proof: a case, or the calls of one function with answers that the connector does not expect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepProofPart {
    /// The name of the case or of the function.
    pub name: String,
    /// `component` for its own cases, `operator`, or `built-in`.
    pub source: String,
    /// `passed`, `failed` or `not-run`.
    pub result: String,
    /// What was not as required, a sentence each.
    #[serde(default)]
    pub findings: Vec<String>,
    /// Why it was not run; null if it was.
    #[serde(default)]
    pub reason: Option<String>,
    /// The number of calls that were made.
    pub calls: u32,
    /// The maximum of what its calls used of their limits, in per cent.
    pub used: StepProofUsage,
}

/// What the calls of a part used of their limits, in per cent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepProofUsage {
    /// Computing time.
    pub computing: u32,
    /// Memory.
    pub memory: u32,
    /// Requests.
    pub requests: u32,
}

impl StepEvidence {
    fn of_stored(stored: Option<Value>) -> Self {
        let mut stored = stored.unwrap_or_default();
        let shadow = stored.as_object_mut().and_then(|members| members.remove("shadow"));
        let shadow = shadow.and_then(|shadow| serde_json::from_value::<ShadowReport>(shadow).ok());
        Self { shadow: shadow.map(Into::into), ..serde_json::from_value(stored).unwrap_or_default() }
    }
}

impl From<VersionStep> for PluginVersionStep {
    fn from(VersionStep { state, at, took_ms, actor, reason, evidence, .. }: VersionStep) -> Self {
        let evidence = StepEvidence::of_stored(evidence);
        Self { state: state.into(), at, took_ms, by: actor, reason, evidence }
    }
}

/// What a publication would do. Nothing is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublishRehearsal {
    /// The plugin's name.
    pub name: String,
    /// The digest of the component.
    pub digest: String,
    /// The digest of the version that serves; null if the plugin is new.
    pub before: Option<String>,
    /// Whether it would serve.
    pub would_serve: bool,
    /// What it requests beyond the version that serves, one sentence each.
    pub requests: Vec<String>,
    /// Why it would be refused; empty if it would serve.
    pub refusals: Vec<RehearsedRefusal>,
    /// Its proof.
    pub proof: StepProof,
    /// Which connections have settings that suit it.
    #[serde(default)]
    pub settings: StepSettings,
    /// What came of comparing it with the version that serves; nothing if its proof failed.
    #[serde(default)]
    pub shadow: StepShadow,
    /// What came of testing the connections on it; empty if that was not asked for, or its proof failed.
    #[serde(default)]
    pub tests: Vec<StepConnectionTest>,
}

/// Why a version would be refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RehearsedRefusal {
    /// The code, as in the history of versions.
    pub reason: String,
    /// What is wrong.
    pub why: String,
}

impl PublishRehearsal {
    /// The rehearsal of a publication of the plugin `name`.
    pub fn of(name: String, rehearsal: PublicationRehearsal) -> Self {
        let PublicationRehearsal { digest, before, requests, proof, settings, shadow, tests, refusals } =
            rehearsal;
        let refusal = |error: &PublishError| RehearsedRefusal {
            reason: error.reason().to_owned(),
            why: error.to_string(),
        };
        Self {
            name,
            digest: digest.to_string(),
            before: before.map(|before| before.to_string()),
            would_serve: refusals.is_empty(),
            requests,
            refusals: refusals.iter().map(refusal).collect(),
            proof: proof.into(),
            settings: settings.into(),
            shadow: shadow.into(),
            tests: tests.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Proof> for StepProof {
    fn from(proof: Proof) -> Self {
        Self {
            result: proof.result.to_string(),
            seed: proof.seed,
            parts: proof.parts.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<ProofPart> for StepProofPart {
    fn from(ProofPart { name, source, result, calls, used, .. }: ProofPart) -> Self {
        let word = result.word().replace(' ', "-");
        let (findings, reason) = match result {
            PartResult::Passed => (Vec::new(), None),
            PartResult::Failed { findings } => (findings, None),
            PartResult::NotRun { reason } => (Vec::new(), Some(reason)),
        };
        let UsedLimits { computing, memory, requests } = used;
        let used = StepProofUsage { computing, memory, requests };
        Self { name, source: source.to_string(), result: word, findings, reason, calls, used }
    }
}

/// Parameters of testing a version.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TestingVersion {
    /// The key of the connection whose settings and secrets the version is tested with.
    pub connection: String,
}

/// Parameters of serving a version.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Serving {
    /// Allow a version that served before to change how people are identified.
    #[serde(default)]
    pub agree: bool,
}
