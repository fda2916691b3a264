//! A component as it is published.

use bytes::Bytes;
use host_model::digest::Digest;
use serde_json::{Value, json};
use wasmparser::{BinaryReaderError, Encoding, Parser, Payload};

use crate::layout::{BUNDLE, EMPTY, MANIFEST, MAX_COMPONENT_BYTES, WASM, WASM_CONFIG};

/// The configuration of an artefact that has none, by the image specification.
pub(crate) const EMPTY_CONFIG: &[u8] = b"{}";

/// The time of every artefact, so that a component published twice has one digest.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// A component with the manifest and the configuration that it is published with. The same component always has the same
/// ones, so the digest is known, and can be signed, before anything is pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artefact {
    pub(crate) component: Bytes,
    pub(crate) config: Bytes,
    pub(crate) manifest: Bytes,
}

/// Why something cannot be published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnArtefact {
    /// It is not a component.
    #[error("expected a WebAssembly component: {0}")]
    NoComponent(String),
    /// It is larger than what is pulled.
    #[error("the component has more than {MAX_COMPONENT_BYTES} bytes")]
    TooLarge,
}

impl Artefact {
    /// Creates the artefact of a component of at most [`MAX_COMPONENT_BYTES`], laid out as
    /// <https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/> describes. The component is not validated.
    pub fn of(component: Bytes) -> Result<Self, NotAnArtefact> {
        if component.len() as u64 > MAX_COMPONENT_BYTES {
            return Err(NotAnArtefact::TooLarge);
        }
        let DeclaredNames { exports, imports } = DeclaredNames::read(&component)?;
        // Keys are in the order of the alphabet here and below: whether serde_json keeps another order depends on the build.
        let config = Bytes::from(
            json!({
                "architecture": "wasm",
                "component": {"exports": exports, "imports": imports},
                "created": CREATED,
                "layerDigests": [Digest::of(&component).to_string()],
                "os": "wasip2",
            })
            .to_string(),
        );
        let manifest = json!({
            "config": descriptor(WASM_CONFIG, &config),
            "layers": [descriptor(WASM, &component)],
            "mediaType": MANIFEST,
            "schemaVersion": 2,
        });
        Ok(Self { component, config, manifest: manifest.to_string().into() })
    }

    /// The digest of the manifest, by which the artefact is pulled.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.manifest)
    }

    /// The manifest, which is what a signature with an OCI subject is about.
    pub fn manifest(&self) -> &Bytes {
        &self.manifest
    }

    /// Returns the manifest of an artefact that carries `bundle` and refers to this one.
    pub(crate) fn referrer(&self, bundle: &[u8]) -> Bytes {
        let referrer = json!({
            "artifactType": BUNDLE,
            "config": descriptor(EMPTY, EMPTY_CONFIG),
            "layers": [descriptor(BUNDLE, bundle)],
            "mediaType": MANIFEST,
            "schemaVersion": 2,
            "subject": descriptor(MANIFEST, &self.manifest),
        });
        referrer.to_string().into()
    }
}

/// Describes content of the type `kind`.
pub(crate) fn descriptor(kind: &str, content: &[u8]) -> Value {
    json!({"digest": Digest::of(content).to_string(), "mediaType": kind, "size": content.len()})
}

/// What a component imports and exports.
#[derive(Default)]
struct DeclaredNames {
    exports: Vec<String>,
    imports: Vec<String>,
}

impl DeclaredNames {
    fn read(bytes: &[u8]) -> Result<Self, NotAnArtefact> {
        let mut names = Self::default();
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                    return Err(NotAnArtefact::NoComponent("found a module".to_owned()));
                }
                Payload::Version { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(imports) if depth == 1 => {
                    for import in imports {
                        names.imports.push(import?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(exports) if depth == 1 => {
                    for export in exports {
                        names.exports.push(export?.name.name.to_owned());
                    }
                }
                _ => {}
            }
        }
        Ok(names)
    }
}

impl From<BinaryReaderError> for NotAnArtefact {
    fn from(error: BinaryReaderError) -> Self {
        Self::NoComponent(error.to_string())
    }
}
