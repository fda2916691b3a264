//! How a plugin and its signatures are laid out in a registry, and how much of each is read.

use host_model::digest::Digest;
use oci_spec::image::{Descriptor, ImageManifest};

use crate::error::{NotAPlugin, RegistryError, RegistryPart};

/// The maximum size of a component, in bytes: that of an upload to the service's API. A plugin's own `max-bytes` is checked when
/// it is loaded.
pub const MAX_COMPONENT_BYTES: u64 = 64 << 20;

/// The maximum size of a manifest and of a list of referrers, in bytes: what the distribution specification expects a registry
/// to accept (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests>).
pub const MAX_MANIFEST_BYTES: u64 = 4 << 20;

/// The maximum size of a signature bundle, in bytes. One with a certificate, a log entry and a statement has about 20 KiB.
pub const MAX_BUNDLE_BYTES: u64 = 1 << 20;

/// The maximum number of signature bundles: the signatures of an organisation's keys while they are replaced, several times over.
pub const MAX_BUNDLES: usize = 20;

/// The maximum number of referrers whose manifests are read, one request each: besides signatures there are bills of material
/// and attestations of each build.
pub const MAX_REFERRERS: usize = 100;

/// The type of a manifest.
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The type of a list of manifests, such as what refers to another one.
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The type of the configuration of an artefact that has none.
pub(crate) const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// The type of a component's layer, by <https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/>.
pub(crate) const WASM: &str = "application/wasm";
/// The type of the layer in what older tools pushed.
pub(crate) const OLDER_WASM: &str = "application/vnd.module.wasm.content.layer.v1+wasm";
/// The type of the configuration beside a layer of the type [`WASM`].
pub(crate) const WASM_CONFIG: &str = "application/vnd.wasm.config.v0+json";
/// The type of a Sigstore bundle, and of the artefact that carries it.
pub(crate) const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// A blob that a manifest names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Blob {
    pub(crate) part: RegistryPart,
    pub(crate) digest: Digest,
    pub(crate) bytes: u64,
}

/// Returns the component that a manifest names.
pub(crate) fn component(manifest: &[u8]) -> Result<Blob, RegistryError> {
    let read: ImageManifest = match serde_json::from_slice(manifest) {
        Ok(read) => read,
        Err(_) if is_list(manifest) => return Err(NotAPlugin::IsAList.into()),
        Err(_) => return Err(NotAPlugin::NoManifest.into()),
    };
    // A document that can be read in two ways is not read in either (CVE-2021-41190).
    if is_list(manifest) || read.media_type().as_ref().is_some_and(|named| named.as_ref() != MANIFEST) {
        return Err(NotAPlugin::NoManifest.into());
    }
    let is_wasm = |layer: &&Descriptor| [WASM, OLDER_WASM].contains(&layer.media_type().as_ref());
    let mut layers = read.layers().iter().filter(is_wasm);
    match (layers.next(), layers.count()) {
        (Some(layer), 0) => blob(RegistryPart::Component, layer, MAX_COMPONENT_BYTES),
        (first, further) => Err(NotAPlugin::Layers { found: usize::from(first.is_some()) + further }.into()),
    }
}

/// Returns the bundles in the manifest of a referrer of `subject` that can be read; none if it is the manifest of something else.
pub(crate) fn bundles(manifest: &[u8], subject: Digest) -> Vec<Blob> {
    let Ok(read) = serde_json::from_slice::<ImageManifest>(manifest) else { return Vec::new() };
    let refers_to = read.subject().as_ref().and_then(digest);
    // Without a type of its own, an artefact has that of its configuration.
    let kind = read.artifact_type().as_ref().unwrap_or_else(|| read.config().media_type());
    if kind.as_ref() != BUNDLE || refers_to != Some(subject) {
        return Vec::new();
    }
    let bundles = read.layers().iter().map(|layer| blob(RegistryPart::Bundle, layer, MAX_BUNDLE_BYTES));
    bundles.filter_map(Result::ok).collect()
}

fn blob(part: RegistryPart, layer: &Descriptor, max_bytes: u64) -> Result<Blob, RegistryError> {
    if layer.size() > max_bytes {
        return Err(RegistryError::TooLarge { part, max_bytes });
    }
    let digest = digest(layer).ok_or(RegistryError::OtherDigest { part })?;
    Ok(Blob { part, digest, bytes: layer.size() })
}

/// Returns the digest that a descriptor names, if it is a SHA-256.
pub(crate) fn digest(descriptor: &Descriptor) -> Option<Digest> {
    descriptor.digest().as_ref().parse().ok()
}

/// The tag of the list of what refers to `subject`, in a registry that does not list referrers itself
/// (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema>).
pub(crate) fn fallback_tag(subject: Digest) -> String {
    subject.to_string().replace(':', "-")
}

fn is_list(manifest: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct List {
        manifests: Option<serde::de::IgnoredAny>,
    }
    serde_json::from_slice::<List>(manifest).is_ok_and(|list| list.manifests.is_some())
}
