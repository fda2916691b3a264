//! A publisher who signs releases with a key of their own, by the commands of the author's guide.

use std::fs;

use anyhow::{Context as _, Result};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use xtask::components;

use super::host::Host;
use crate::programs::{document::text, secret_file};

/// The plugin whose releases are signed.
pub(super) const SIGNED: &str = "accounts";

/// The files of the key, next to the service's configuration.
const KEY: &str = "release.pem";
pub(super) const PUBLIC_KEY: &str = "release.pub";

/// The exit code of `plugin sign` for a component without cases of its own: its proof is incomplete.
const UNPROVEN: i32 = 4;

/// Creates the key, as `openssl genpkey` does in the guide.
pub(super) fn create_key(host: &Host) -> Result<()> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).context("no key for the publisher")?;
    secret_file::write(&host.file(KEY), &key.serialize_pem())?;
    Ok(fs::write(host.file(PUBLIC_KEY), key.public_key_pem())?)
}

/// Copies a guest to a file of the publisher, without a bundle. Returns its path.
pub(super) fn built(host: &Host, guest: &str) -> Result<String> {
    let file = host.file(&format!("{guest}.wasm"));
    fs::copy(components::current(&format!("guests/{guest}"))?, &file)?;
    let _absent = fs::remove_file(host.file(&format!("{guest}.wasm.sigstore.json")));
    Ok(file.to_string_lossy().into_owned())
}

/// Signs a file as release `revision`. Returns the component's digest.
pub(super) fn sign(host: &Host, file: &str, revision: u32) -> Result<String> {
    let (key, revision) = (host.file(KEY), revision.to_string());
    let sign = ["plugin", "sign", file, "--key", &key.to_string_lossy(), "--name", SIGNED];
    let what = ["--revision", &revision, "--not-after", "2100-01-01T00:00:00Z"];
    let signed = host.json(&[sign.as_slice(), &what].concat(), UNPROVEN)?;
    Ok(text(&signed, "/digest")?.to_owned())
}
