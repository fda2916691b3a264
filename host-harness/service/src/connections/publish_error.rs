//! Why a version does not serve.
//! Tested in `api/src/tests/plugins.rs`.

use host_harness::{
    config::ConfigProblem,
    conformance::{CasesError, PartResult, Proof},
    plugin::{Changes, LoadError, SwapError},
};
use host_model::{digest::Digest, plugin_version::VersionState};
use host_registry::RegistryError;
use host_store::{StoreError, versions::Version};
use host_trust::Refusal;

use super::{
    change::ChangeError,
    conditions::ExcessiveCondition,
    shadow::ShadowReport,
    tested::{TestStatus, TestedConnection},
};

/// Maximum length of a note: a few sentences, which a list shows.
pub(super) const MAX_NOTE_CHARS: usize = 1_000;

/// The reason that a version was not published. The running version stays in place.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The plugin's name is not valid.
    #[error(transparent)]
    Named(#[from] ConfigProblem),
    /// The component does not load.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The component is not trusted for the plugin's name.
    #[error("the component {0}")]
    NotTrusted(#[from] Refusal),
    /// The conformance cases in the component cannot be read.
    #[error("its conformance cases cannot be used: {0}")]
    Cases(#[from] CasesError),
    /// The version does not load at another replica.
    #[error("it does not load at the replica {replica}: {why}")]
    NotPrepared {
        /// What operators call the replica.
        replica: String,
        /// Why it does not load.
        why: String,
    },
    /// Other replicas have not loaded the version in time.
    #[error(
        "the replicas {} have not loaded it within {seconds} seconds: look at them with `connector-host service replicas`, then try \
         again",
        replicas.join(", ")
    )]
    Unprepared {
        /// What operators call the replicas.
        replicas: Vec<String>,
        /// How long they had.
        seconds: u64,
    },
    /// The version did not prove itself.
    #[error("its proof failed:\n{}", findings(.0))]
    NotProven(Proof),
    /// The operator's own conformance cases cannot be read.
    #[error("the operator's conformance cases for this plugin cannot be used: {0}")]
    OwnCases(CasesError),
    /// Connections do not work on the version.
    #[error("connections do not work on this version:\n{}", failed(.0))]
    TestsFailed(Vec<TestedConnection>),
    /// The version does something else with the same deliveries and requests.
    #[error(
        "this version makes something else of stored deliveries or requests than the one that serves:\n{}",
        .0.sentences().join("\n")
    )]
    BehavesDifferently(ShadowReport),
    /// The publication asks for more than the service allows.
    #[error(transparent)]
    Excessive(#[from] ExcessiveCondition),
    /// The configuration file has the plugin's conditions.
    #[error(
        "plugin {0} is in the configuration file, which sets its max-bytes, describe-ms and wasi: change them there and \
         restart"
    )]
    ConditionsOfFile(String),
    /// The version cannot replace the running one.
    #[error(transparent)]
    Swap(#[from] SwapError),
    /// The plugin is new, so all of its permissions are new.
    #[error("the host has no plugin {name} yet; this one requests:{changes}")]
    New {
        /// The plugin's name.
        name: String,
        /// All of its permissions.
        changes: Changes,
    },
    /// The previous version identifies people by something else.
    #[error(
        "the previous version, {digest}, identifies people by something else, so they would be rekeyed:{changes}"
    )]
    Rekeys {
        /// The digest of that version.
        digest: Digest,
        /// What it requests that the running version does not.
        changes: Changes,
    },
    /// A version that is put back does not know operations that are denied at connections.
    #[error("it does not know operations that are denied, so that the denials would have no effect:\n{}", .0.join("\n"))]
    DropsDenials(Vec<String>),
    /// The plugin follows a watched file.
    #[error("plugin {0} follows its file (watch = true): replace the file, or turn watch off and restart")]
    FollowsFile(String),
    /// The registry gave no plugin.
    #[error(transparent)]
    NotPulled(#[from] RegistryError),
    /// The plugin is in no registry.
    #[error("plugin {0} is in no registry: set its `registry` in the configuration and restart")]
    NotInRegistry(String),
    /// The host has no plugin of this name.
    #[error("there is no plugin {0}")]
    Unknown(String),
    /// There is no previous version.
    #[error("no version of plugin {0} was published: there is no version to roll back to")]
    NothingBefore(String),
    /// The plugin has no such version, or its row was changed from outside.
    #[error("plugin {plugin} has no version {digest}: its history lists those that it has")]
    UnknownVersion {
        /// The plugin's name.
        plugin: String,
        /// The version's digest.
        digest: Digest,
    },
    /// The version has not come through its proof, for example because the service stopped in the meantime.
    #[error("version {digest} of plugin {plugin} is {state}: upload it again, so that it proves itself")]
    Unproven {
        /// The plugin's name.
        plugin: String,
        /// The version's digest.
        digest: Digest,
        /// Its state.
        state: VersionState,
    },
    /// The note is too long.
    #[error("the note has {0} characters; at most {MAX_NOTE_CHARS} are allowed")]
    LongNote(usize),
    /// The version has neither served nor been approved.
    #[error("version {digest} of plugin {plugin} is {state}: approve it first")]
    NotApproved {
        /// The plugin's name.
        plugin: String,
        /// The version's digest.
        digest: Digest,
        /// Its state.
        state: VersionState,
    },
    /// The API key that uploaded the version may not approve it.
    #[error(
        "version {digest} of plugin {plugin} was uploaded with this API key, and the setting `two-people` is on: have it \
         approved with another one"
    )]
    OwnUpload {
        /// The plugin's name.
        plugin: String,
        /// The version's digest.
        digest: Digest,
    },
    /// Nobody knows who uploaded the version.
    #[error(
        "it is not known with which API key version {digest} of plugin {plugin} was uploaded, and the setting `two-people` \
         is on: upload it again, and have it approved with another one"
    )]
    UnknownUploader {
        /// The plugin's name.
        plugin: String,
        /// The version's digest.
        digest: Digest,
    },
    /// The version lacks an approval, which another person has to give.
    #[error(
        "{0}\nthe setting `two-people` is on: upload it without serving it, have it approved with another API key, then \
         serve it"
    )]
    SecondPersonNeeded(Box<PublishError>),
    /// The version is stored, and lacks an approval.
    #[error(
        "version {digest} of plugin {plugin} waits for an approval: {why}\nthe setting `two-people` is on: have it approved \
         with another API key, then serve it"
    )]
    AwaitsApproval {
        /// The plugin's name.
        plugin: String,
        /// The version's digest.
        digest: Digest,
        /// What has to be approved.
        why: Box<PublishError>,
    },
    /// Another version was published while the previous one was being loaded.
    #[error("another version of plugin {0} was published in the meantime: check it, then repeat this")]
    Overtaken(String),
    /// The component of the previous version is no longer stored.
    #[error("the previous version, {0}, is not stored here: publish it again instead")]
    BeforeIsGone(Digest),
    /// The component of the previous version was damaged or replaced in the database.
    #[error("{0}: publish it again instead")]
    BeforeIsChanged(StoreError),
    /// A release of another version is in progress.
    #[error(
        "version {digest} of plugin {plugin} is being released in steps: roll its release back, or wait for its end"
    )]
    ReleaseInProgress {
        /// The plugin's name.
        plugin: String,
        /// The digest of the version that is being released.
        digest: Digest,
    },
    /// The newest admitted revision is known, or not needed.
    #[error(
        "nothing to restore: the newest admitted revision of plugin {0} was not changed from outside, or the plugin needs no \
         signature"
    )]
    NothingToRestore(String),
    /// Settings are given for the version that serves.
    #[error("version {0} serves already: change the settings of its connections instead")]
    AlreadyServes(Digest),
    /// Settings are given for a connection that the version would not serve.
    #[error(
        "settings are given for connection {connection}, which is none of plugin {plugin}, or is pinned to another version"
    )]
    NotOfPlugin {
        /// The plugin's name.
        plugin: String,
        /// The connection's key.
        connection: String,
    },
    /// The given settings cannot apply to a connection.
    #[error(transparent)]
    Given(Box<ChangeError>),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<ChangeError> for PublishError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Store(error) => error.into(),
            error => Self::Given(Box::new(error)),
        }
    }
}

impl From<StoreError> for PublishError {
    fn from(error: StoreError) -> Self {
        if error.is_about_one_row() { Self::BeforeIsChanged(error) } else { Self::Store(error) }
    }
}

impl PublishError {
    /// Returns whether only an approval is missing.
    pub(super) fn lacks_approval(&self) -> bool {
        matches!(
            self,
            Self::New { .. }
                | Self::Swap(SwapError::AsksForMore(_) | SwapError::OffersLess(_))
                | Self::BehavesDifferently(_)
        )
    }

    /// Returns why `version` does not serve yet: `lacking`, which an approval covers.
    pub(super) fn awaiting(version: &Version, lacking: Self) -> Self {
        let (plugin, digest) = (version.plugin.clone(), version.digest);
        Self::AwaitsApproval { plugin, digest, why: Box::new(lacking) }
    }

    /// Returns whether another try may come to something else although nothing was changed.
    pub(super) fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::NotPulled(_)
                | Self::NotPrepared { .. }
                | Self::Unprepared { .. }
                | Self::Overtaken(_)
                | Self::Store(_)
        )
    }

    /// Returns the code under which the history of versions records a refusal.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Named(_) => "bad-name",
            Self::NotTrusted(refusal) | Self::Load(LoadError::NotTrusted(refusal)) => refusal.code(),
            Self::Load(LoadError::TooLarge { .. }) => "too-large",
            Self::Load(LoadError::Manifest(_)) => "bad-manifest",
            Self::Load(LoadError::Undescribed(_)) => "not-described",
            Self::Load(_) => "not-loaded",
            Self::Cases(_) | Self::OwnCases(_) => "bad-cases",
            Self::TestsFailed(_) => "connection-test-failed",
            Self::BehavesDifferently(_) => "behaves-differently",
            Self::NotPrepared { .. } | Self::Unprepared { .. } => "not-prepared",
            Self::NotProven(_) => "not-proven",
            Self::Excessive(_) | Self::ConditionsOfFile(_) => "conditions",
            Self::Swap(SwapError::AnotherConnector { .. }) => "another-connector",
            Self::Swap(SwapError::AsksForMore(_)) | Self::New { .. } => "asks-for-more",
            Self::Swap(SwapError::OffersLess(_)) => "offers-less",
            Self::Swap(SwapError::Settings(_)) | Self::NotOfPlugin { .. } => "settings",
            Self::Given(error) => match **error {
                ChangeError::RekeysPeople { .. } => "rekeys-people",
                _ => "settings",
            },
            Self::AlreadyServes(_) => "already-serves",
            Self::Rekeys { .. } => "rekeys-people",
            Self::DropsDenials(_) => "drops-denials",
            Self::FollowsFile(_) => "follows-file",
            Self::NotPulled(_) | Self::NotInRegistry(_) => "not-pulled",
            Self::Unknown(_)
            | Self::UnknownVersion { .. }
            | Self::NothingBefore(_)
            | Self::Swap(SwapError::NothingBefore) => "unknown",
            Self::NotApproved { .. } => "not-approved",
            Self::OwnUpload { .. } | Self::UnknownUploader { .. } => "second-person",
            Self::SecondPersonNeeded(error) | Self::AwaitsApproval { why: error, .. } => error.reason(),
            Self::Unproven { .. } => "unproven",
            Self::LongNote(_) => "long-note",
            Self::Overtaken(_) => "overtaken",
            Self::ReleaseInProgress { .. } => "release-in-progress",
            Self::NothingToRestore(_) => "nothing-to-restore",
            Self::BeforeIsGone(_) | Self::BeforeIsChanged(_) => "not-stored",
            Self::Store(_) => "store",
        }
    }
}

/// Returns what a failed proof found, a line for each part.
fn findings(proof: &Proof) -> String {
    let failed = proof.parts.iter().filter_map(|part| match &part.result {
        PartResult::Failed { findings } => Some(format!("{}: {}", part.name, findings.join("; "))),
        PartResult::Passed | PartResult::NotRun { .. } => None,
    });
    failed.collect::<Vec<_>>().join("\n")
}

/// Returns a line for each connection whose test failed, with the names of its failed checks. Their details are left out,
/// since they may repeat what the vendor says about people, and this text is stored and logged.
fn failed(tests: &[TestedConnection]) -> String {
    let failed = tests.iter().filter(|test| test.status == TestStatus::Failed);
    let lines =
        failed.map(|TestedConnection { connection, failed_checks, .. }| match failed_checks.as_slice() {
            [] => format!("connection {connection}: its test failed"),
            checks => format!("connection {connection}: failed: {}", checks.join(", ")),
        });
    lines.collect::<Vec<_>>().join("\n")
}
