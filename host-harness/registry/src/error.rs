//! Why a registry gave no plugin, or took none.

use std::time::Duration;

use host_model::digest::Digest;
use strum::Display;

use crate::docker_config::DockerConfigError;

/// Why a registry gave no plugin, or took none. No error contains a URL, since those of storage carry signatures.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The host is not the name of a registry.
    #[error("{host} is not a registry: expected a host such as registry.example.com or localhost:5000")]
    NotAHost {
        /// What was found.
        host: String,
    },
    /// The client could not be set up.
    #[error("cannot set up the client for the registry: {why}")]
    NotSetUp {
        /// Why not.
        why: String,
    },
    /// The reference is to another registry than the client's.
    #[error("the reference is to the registry {host}, which this client is not for")]
    OtherRegistry {
        /// The registry in the reference.
        host: String,
    },
    /// The registry, its token service or its storage has an address that is not allowed.
    #[error("{why}")]
    AddressRefused {
        /// The host.
        host: String,
        /// The address and why it is not allowed.
        why: String,
    },
    /// The registry leads to a place without TLS, or to one with a user in its address.
    #[error("the registry leads to {host} without TLS, or with a user in the address")]
    LeadsAstray {
        /// The host.
        host: String,
    },
    /// The registry redirects without end.
    #[error("{host} redirects more than {max} times")]
    TooManyRedirects {
        /// The host that redirected last.
        host: String,
        /// The maximum.
        max: usize,
    },
    /// No connection, or it broke.
    #[error("cannot reach {host}: {why}")]
    Unreachable {
        /// The host.
        host: String,
        /// Why not.
        why: String,
    },
    /// It took too long.
    #[error("{host} did not answer in time")]
    TimedOut {
        /// The host.
        host: String,
    },
    /// The credentials are not where they are configured to be.
    #[error(transparent)]
    NoCredentials(#[from] DockerConfigError),
    /// The registry or its token service refuses the credentials, or requires some and none are configured.
    #[error("{host} refuses the credentials, or requires some")]
    CredentialsRefused {
        /// The host that refused.
        host: String,
    },
    /// The registry names a token service that the credentials are not given to.
    #[error("the registry names {host} as its token service, which is not listed: list it if that is right")]
    TokenServiceNotAllowed {
        /// The token service, with its port if it is not 443.
        host: String,
    },
    /// There is nothing by that name.
    #[error("{host} has no such {part}")]
    NotFound {
        /// What was requested.
        part: RegistryPart,
        /// The host that answered.
        host: String,
    },
    /// What the reference leads to is not a plugin.
    #[error("not a plugin: {0}")]
    NotAPlugin(#[from] NotAPlugin),
    /// The bytes are not those that were requested.
    #[error("the {part} has the digest {found}, expected {expected}")]
    DigestDiffers {
        /// What was requested.
        part: RegistryPart,
        /// The digest that it must have.
        expected: Digest,
        /// The digest of the bytes that were read.
        found: Digest,
    },
    /// It is identified by another digest than a SHA-256, which is not checked here.
    #[error("the {part} is not identified by a SHA-256")]
    OtherDigest {
        /// What was requested.
        part: RegistryPart,
    },
    /// There are more bytes than are read.
    #[error("the {part} has more than {max_bytes} bytes")]
    TooLarge {
        /// What was requested.
        part: RegistryPart,
        /// The maximum.
        max_bytes: u64,
    },
    /// There are more of them than are read.
    #[error("found more than {max} {part}s")]
    TooMany {
        /// What there is too much of.
        part: RegistryPart,
        /// The maximum.
        max: usize,
    },
    /// The registry answered with a status that it should not have.
    #[error("{host} answered {status}{}", code.as_deref().map(|code| format!(" ({code})")).unwrap_or_default())]
    Answered {
        /// The host.
        host: String,
        /// The status.
        status: u16,
        /// The registry's own code for it, such as `UNSUPPORTED`.
        code: Option<String>,
        /// How long it asked to wait.
        retry_after: Option<Duration>,
    },
    /// The registry's answer does not follow the protocol.
    #[error("{host} answered with a {part} that cannot be read")]
    NotUnderstood {
        /// What was requested.
        part: RegistryPart,
        /// The host.
        host: String,
    },
}

/// Why a manifest is not one of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAPlugin {
    /// It lists several manifests.
    #[error("it is a list of manifests: refer to one of them by its digest")]
    IsAList,
    /// It is no manifest of an OCI image.
    #[error("it has no OCI image manifest")]
    NoManifest,
    /// It has no layer with a component, or several.
    #[error(
        "it has {found} layers of the type application/wasm or application/vnd.module.wasm.content.layer.v1+wasm, \
         expected one"
    )]
    Layers {
        /// How many layers of these types there are.
        found: usize,
    },
}

/// What is requested from a registry.
#[derive(Clone, Copy, Debug, Display, PartialEq, Eq)]
pub enum RegistryPart {
    /// The manifest that a reference leads to, or of a referrer.
    #[strum(to_string = "manifest")]
    Manifest,
    /// The component.
    #[strum(to_string = "component")]
    Component,
    /// The list of what refers to the plugin.
    #[strum(to_string = "list of referrers")]
    Referrers,
    /// What refers to the plugin, such as a signature.
    #[strum(to_string = "referrer")]
    Referrer,
    /// A Sigstore bundle.
    #[strum(to_string = "signature bundle")]
    Bundle,
    /// A token of the token service.
    #[strum(to_string = "token")]
    Token,
    /// The place for an upload.
    #[strum(to_string = "place for an upload")]
    Upload,
}
