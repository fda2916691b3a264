//! Why a component is not trusted.

use host_model::{contract::ContractVersion, digest::Digest, text, unread::Unread};
use jiff::Timestamp;
use strum::{IntoStaticStr, VariantNames};

use crate::{
    doubled::Doubled,
    format::{BUNDLE_SUFFIX, BUNDLE_TYPE, MAX_BUNDLE_BYTES},
    revision::{HighWaterMark, Revision},
    statement::{ConformanceResult, UnfitStatement},
    trusted_key::KeyFingerprint,
};

/// Why a component is not trusted for a plugin's name. Its [code](Refusal::code) is for records. Its text is for the
/// operator, and is written to follow the component's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum Refusal {
    /// It came without a bundle.
    #[error(
        "has no bundle, and plugin `{plugin}` requires a signature: get the bundle from the publisher, and put it beside \
         the component, as its file's name with `{}` appended",
        BUNDLE_SUFFIX
    )]
    NoBundle {
        /// The plugin's name.
        plugin: String,
    },
    /// The bundle is too large.
    #[error(
        "has a bundle of {found} bytes; expected at most {}: it is not a bundle of one signature",
        MAX_BUNDLE_BYTES
    )]
    BundleTooLarge {
        /// Its size, in bytes.
        found: usize,
    },
    /// The bundle cannot be read.
    #[error("has an unreadable bundle: {0}; get the bundle from the publisher again")]
    UnreadableBundle(Unread),
    /// The bundle is of another type or version.
    #[error(
        "has a bundle of type {}; expected `{}`: have it signed again as a Sigstore bundle of version 0.3",
        quoted(.found),
        BUNDLE_TYPE
    )]
    OtherBundle {
        /// Its media type.
        found: String,
    },
    /// The bundle has no signature.
    #[error(
        "has a bundle without a signature, which proves nothing: get the bundle from the publisher again; if it never had a \
         signature, do not load the component"
    )]
    Stripped,
    /// Something is there twice.
    #[error("has an ambiguous bundle: it {0}")]
    Doubled(Doubled),
    /// No trusted key made the signature over what was found.
    #[error(
        "is not signed by a key that is trusted for plugin `{plugin}`; expected a signature by {}: either another key \
         signed it, or it was changed afterwards; get the component and its bundle from the publisher again, or, if the \
         publisher has a new key, confirm its fingerprint with them and trust it",
        listed(.trusted)
    )]
    ForeignKey {
        /// The plugin's name.
        plugin: String,
        /// The keys that are trusted for it.
        trusted: Vec<KeyFingerprint>,
    },
    /// The bundle is for another component.
    #[error(
        "has the digest {found}, but its bundle is for {signed}: get the component and the bundle of one release from the \
         publisher"
    )]
    Swapped {
        /// The digest of the component that the bundle is for.
        signed: Digest,
        /// The digest of the component that came with it.
        found: Digest,
    },
    /// What is signed is of another type.
    #[error(
        "is signed with a statement of type {}; expected `{expected}`: have the publisher sign the release as a plugin",
        quoted(.found)
    )]
    OtherStatement {
        /// The type of its payload, of its statement or of its predicate.
        found: String,
        /// The expected type.
        expected: &'static str,
    },
    /// The statement cannot be read.
    #[error(
        "is signed with an unreadable statement: {0}; have the publisher sign it again with a current version"
    )]
    UnreadableStatement(Unread),
    /// The statement contains what it must not.
    #[error("is signed with a statement that cannot be used: {0}; have the publisher sign it again")]
    UnfitStatement(#[from] UnfitStatement),
    /// The statement is about another plugin.
    #[error(
        "is signed for plugin `{signed}`, not for `{plugin}`: load it under that name, or have the publisher sign it for \
         this one"
    )]
    OtherPlugin {
        /// The name in the statement.
        signed: String,
        /// The name under which it came.
        plugin: String,
    },
    /// There is a signature but no statement, although the configuration requires one.
    #[error(
        "is signed without a statement, which plugin `{plugin}` requires: have the publisher sign it with `connector-host \
         plugin sign`"
    )]
    NoStatement {
        /// The plugin's name.
        plugin: String,
    },
    /// There is a signature but no statement, although earlier releases had one.
    #[error(
        "is signed without a statement, so it may be older than revision {} of plugin `{plugin}`, which was admitted \
         before: have the publisher sign it with `connector-host plugin sign`",
        .mark.revision
    )]
    NoRevision {
        /// The plugin's name.
        plugin: String,
        /// The newest revision that was admitted.
        mark: HighWaterMark,
    },
    /// The statement says that the release did not pass the conformance suite.
    #[error(
        "is signed as a release whose conformance run ended as `{found}`; expected `passed`: have the publisher sign a \
         release that passed"
    )]
    NotPassed {
        /// How the run ended.
        found: ConformanceResult,
    },
    /// The statement is no longer valid.
    #[error(
        "is signed as valid until {}, and it is {} now: get a current release from the publisher, or check this machine's \
         clock",
        date(*.not_after),
        date(*.now)
    )]
    Expired {
        /// The end of its validity, in milliseconds since 1970 in UTC.
        not_after: i64,
        /// The time of the check, in milliseconds since 1970 in UTC.
        now: i64,
    },
    /// The release is older than one that was admitted.
    #[error(
        "is revision {found}, older than revision {} that was admitted before: get a newer release from the publisher; to \
         return to a version that already served, put it back instead of publishing it",
        .mark.revision
    )]
    Replayed {
        /// Its revision.
        found: Revision,
        /// The newest revision that was admitted.
        mark: HighWaterMark,
    },
    /// It is not known which revision was admitted before.
    #[error(
        "may be older than a revision of plugin `{plugin}` that was admitted before: which one that was is not known, since \
         its record was changed from outside; find out who can write the database, then run `connector-host plugin \
         restore-revision {plugin}`"
    )]
    UnknownRevision {
        /// The plugin's name.
        plugin: String,
    },
    /// The revision was admitted with another component.
    #[error(
        "is revision {} with the digest {found}, but that revision was admitted as {}: two releases have the same number; \
         have the publisher sign it with a higher revision",
        .mark.revision,
        .mark.digest
    )]
    RevisionTaken {
        /// Its digest.
        found: Digest,
        /// The revision as it was admitted.
        mark: HighWaterMark,
    },
    /// It was to be put back, but another component served.
    #[error(
        "has the digest {found}, but the version to put back is {served}: its bytes are not those that served"
    )]
    NeverServed {
        /// Its digest.
        found: Digest,
        /// The digest of the version that served.
        served: Digest,
    },
    /// The component is built against another version of the contract than its statement says.
    #[error("uses contract {found}, but is signed as using {signed}: have the publisher sign what it built")]
    OtherContract {
        /// The version in the statement.
        signed: ContractVersion,
        /// The version that the component uses.
        found: ContractVersion,
    },
    /// The component's manifest is not the one in its statement.
    #[error(
        "has a manifest with the digest {found}, but is signed as having {signed}: have the publisher sign what it built"
    )]
    OtherManifest {
        /// The digest in the statement.
        signed: Digest,
        /// The digest of the manifest that the component returned.
        found: Digest,
    },
}

impl Refusal {
    /// Returns whether a trusted key signed what was found, so that the bundle is the publisher's.
    pub fn is_of_publisher(&self) -> bool {
        match self {
            Self::NoBundle { .. }
            | Self::BundleTooLarge { .. }
            | Self::UnreadableBundle(_)
            | Self::OtherBundle { .. }
            | Self::Stripped
            | Self::Doubled(_)
            | Self::ForeignKey { .. } => false,
            Self::Swapped { .. }
            | Self::OtherStatement { .. }
            | Self::UnreadableStatement(_)
            | Self::UnfitStatement(_)
            | Self::OtherPlugin { .. }
            | Self::NoStatement { .. }
            | Self::NoRevision { .. }
            | Self::NotPassed { .. }
            | Self::Expired { .. }
            | Self::Replayed { .. }
            | Self::UnknownRevision { .. }
            | Self::RevisionTaken { .. }
            | Self::NeverServed { .. }
            | Self::OtherContract { .. }
            | Self::OtherManifest { .. } => true,
        }
    }

    /// Returns the stable code of the reason, such as `foreign-key`.
    pub fn code(&self) -> &'static str {
        self.into()
    }
}

/// Maximum length of a foreign media type in a message, in bytes: the usual ones have up to some 60.
const MAX_QUOTED: usize = 100;

/// Quotes text that nothing has validated.
fn quoted(found: &str) -> String {
    format!("`{}`", text::escaped_within(found, MAX_QUOTED))
}

fn listed(keys: &[KeyFingerprint]) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}

fn date(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| format!("{ms} ms since 1970"), |date| date.to_string())
}
