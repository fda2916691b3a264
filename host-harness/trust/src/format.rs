//! The names and bounds of the format of bundles.

use std::path::{Path, PathBuf};

/// The media type of a Sigstore bundle of version 0.3.
pub const BUNDLE_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// An earlier spelling of the same version.
pub(crate) const EARLIER_BUNDLE_TYPE: &str = "application/vnd.dev.sigstore.bundle+json;version=0.3";
/// The type of an envelope's payload that is an in-toto statement.
pub(crate) const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// Maximum size of a bundle, in bytes. One with a statement about a release has about 1,000, and one with certificates
/// and an entry of a transparency log some 20,000.
pub const MAX_BUNDLE_BYTES: usize = 256 * 1024;

/// What is appended to the name of a component's file to get the name of its bundle.
pub const BUNDLE_SUFFIX: &str = ".sigstore.json";

/// Returns where the bundle of the component in the file `component` is: `iterable.wasm.sigstore.json` beside
/// `iterable.wasm`.
pub fn bundle_file(component: &Path) -> PathBuf {
    let mut name = component.as_os_str().to_owned();
    name.push(BUNDLE_SUFFIX);
    PathBuf::from(name)
}
