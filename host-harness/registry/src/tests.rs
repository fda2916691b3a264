//! Tests the client against a registry of the tests' own, and against Debian's `docker-registry` if it is installed.

mod addresses;
mod authentication;
mod debian;
mod docker_config;
mod publishing;
mod pulling;
mod refusals;
mod signatures;

use bytes::Bytes;
use host_harness::connection::Reach;
use host_model::digest::Digest;
use serde_json::{Value, json};

use crate::{
    artefact::{Artefact, descriptor},
    *,
};
use test_support::registry::{REPOSITORY, RegistryStandIn};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// Returns a small component that differs for each `name`.
fn component(name: &str) -> Bytes {
    wat::parse_str(format!("(component (import \"{name}\" (func)))")).unwrap().into()
}

fn artefact(name: &str) -> Artefact {
    Artefact::of(component(name)).unwrap()
}

/// Access to a registry on this machine over plain HTTP.
fn plain(registry: &RegistryStandIn) -> RegistryAccess {
    RegistryAccess { reach: Reach::Loopback, ..RegistryAccess::to(registry.host()) }
}

fn client(registry: &RegistryStandIn) -> Registry {
    Registry::new(plain(registry)).unwrap()
}

fn reference(registry: &RegistryStandIn, end: &str) -> PluginReference {
    format!("{}/{REPOSITORY}{end}", registry.host()).parse().unwrap()
}

/// A manifest of an image with these layers.
fn manifest(layers: &[Value]) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor("application/vnd.module.wasm.config.v1+json", b"{}"),
        "layers": layers,
    })
}

/// Stores `content` as a blob and returns its descriptor.
fn layer(registry: &RegistryStandIn, kind: &str, content: &Bytes) -> Value {
    registry.has_blob(content);
    descriptor(kind, content)
}

/// Stores a plugin in the layout that is published today, under the tag `1`.
fn published(registry: &RegistryStandIn, name: &str) -> Artefact {
    let artefact = artefact(name);
    registry.has_blob(&artefact.component);
    registry.has_manifest("1", MANIFEST, &artefact.manifest);
    artefact
}

/// Stores `manifest` under the tag `1` and returns why it is not pulled.
async fn refusal(registry: &RegistryStandIn, manifest: &Value) -> RegistryError {
    registry.has_manifest("1", MANIFEST, &Bytes::from(manifest.to_string()));
    client(registry).pull(&reference(registry, ":1")).await.unwrap_err()
}

fn digest(content: &[u8]) -> Digest {
    Digest::of(content)
}
