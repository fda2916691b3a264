//! Pulls plugins from an OCI registry and publishes them to one.
//!
//! A [`Registry`] speaks the distribution protocol with one registry, within what its [`RegistryAccess`] allows. It decides
//! nothing about what it pulls: whether a signature is valid, and whether a component may serve, is for others to say.

mod access;
mod artefact;
mod authorize;
mod credentials;
mod docker_config;
mod error;
mod layout;
mod login;
mod pull;
mod push;
mod reference;
mod referrers;
mod registry;
#[cfg(test)]
mod tests;
mod wire;

pub use access::RegistryAccess;
pub use artefact::{Artefact, NotAnArtefact};
pub use credentials::Credentials;
pub use docker_config::DockerConfigError;
pub use error::{NotAPlugin, RegistryError, RegistryPart};
pub use layout::{MAX_BUNDLE_BYTES, MAX_BUNDLES, MAX_COMPONENT_BYTES, MAX_MANIFEST_BYTES, MAX_REFERRERS};
pub use login::Login;
pub use pull::Pulled;
pub use reference::{NotAReference, PluginReference};
pub use registry::Registry;
