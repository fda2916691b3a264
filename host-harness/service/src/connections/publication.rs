//! What is uploaded as a version, and what serves then.

use host_harness::plugin::{Changes, LoadPolicy};
use host_model::{digest::Digest, plugin_version::VersionSource};
use host_store::versions::VersionStep;

use super::{conditions::LoadConditions, given_settings::GivenSettings, tested::ConnectionTests};

/// The version that runs now.
#[derive(Clone, Debug)]
pub struct Published {
    /// The digest of the component.
    pub digest: Digest,
    /// The digest of the version that ran before.
    pub before: Option<Digest>,
    /// What it requests that the previous version did not.
    pub changes: Changes,
    /// The conditions under which it loads.
    pub policy: LoadPolicy,
    /// The steps that led to it, each with its evidence and cost.
    pub steps: Vec<VersionStep>,
}

/// A version to upload.
pub struct Upload {
    /// The plugin's name.
    pub plugin: String,
    /// The component.
    pub bytes: Vec<u8>,
    /// The text of the bundle with its signature; `None` if it came without one.
    pub bundle: Option<Vec<u8>>,
    /// The digest of the component.
    pub digest: Digest,
    /// Where it came from.
    pub source: VersionSource,
    /// The conditions under which it loads. What they do not set is as for the version that serves; nothing may be set
    /// for a plugin in the configuration file.
    pub conditions: LoadConditions,
    /// What the operator writes about it.
    pub note: Option<String>,
    /// Whether the connections of the plugin are tested on it.
    pub tests: ConnectionTests,
    /// Settings of its connections that apply as it begins to serve.
    pub settings: GivenSettings,
    /// The id of the API key that uploads it; `None` if none does.
    pub uploader: Option<String>,
    /// What becomes of it if it lacks an approval as it is to serve.
    pub unapproved: Unapproved,
}

/// What becomes of a version that lacks an approval as it is to serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unapproved {
    /// It is refused.
    Refused,
    /// It waits: it can be approved and served later, as one that was only uploaded.
    Waits,
}

impl Upload {
    /// Creates an upload of the component `bytes` as a version of `plugin` that came through the API, without a bundle, conditions, a note,
    /// tests, settings and an uploader, which is refused if it lacks an approval.
    pub fn new(plugin: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self {
            plugin: plugin.into(),
            digest: Digest::of(&bytes),
            bytes,
            bundle: None,
            source: VersionSource::Upload,
            conditions: LoadConditions::default(),
            note: None,
            tests: ConnectionTests::Omitted,
            settings: GivenSettings::default(),
            uploader: None,
            unapproved: Unapproved::Refused,
        }
    }
}
