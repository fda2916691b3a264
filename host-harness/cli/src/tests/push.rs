//! `plugin push`, and what the registry has then.

use std::fs;

use serde_json::{Value, json};
use test_support::{
    Authority,
    registry::{REPOSITORY, RegistryStandIn, Requires},
};

use super::*;

/// A folder with a component, and what is said about a push of it.
struct Pushing {
    folder: tempfile::TempDir,
    registry: RegistryStandIn,
}

impl Pushing {
    fn to(registry: RegistryStandIn) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let built = xtask::components::current("iterable").unwrap();
        fs::copy(built, folder.path().join("plugin.wasm")).unwrap();
        Self { folder, registry }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn reference(&self) -> String {
        format!("{}/{REPOSITORY}:1.4", self.registry.host())
    }

    /// Pushes with the configuration `host.toml`, which need not be there.
    async fn push(&self, reference: &str, more: &[&str]) -> (Exit, String, String) {
        let (config, component) = (self.file("host.toml"), self.file("plugin.wasm"));
        let push = ["--config", &config, "plugin", "push", &component, reference];
        ran(&[&push, more].concat()).await
    }
}

const PLAIN: [&str; 2] = ["--loopback", "--plain-http"];

#[tokio::test]
async fn a_component_is_pushed_with_the_bundle_beside_it() {
    let pushing = Pushing::to(RegistryStandIn::start().await);
    let reference = pushing.reference();
    let (exit, out, err) = pushing.push(&reference, &PLAIN).await;
    assert_eq!((exit, err.as_str()), (Exit::Done, ""), "{out}");
    assert!(out.contains(&format!("plugin.wasm: pushed to {reference}\n  manifest  sha256:")), "{out}");
    assert!(out.contains("bundle    none: a host that requires a signature refuses it"), "{out}");
    let (kind, manifest) = pushing.registry.manifest("1.4").unwrap();
    assert_eq!(kind, "application/vnd.oci.image.manifest.v1+json");
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["layers"][0]["mediaType"], "application/wasm");

    fs::write(pushing.file("plugin.wasm.sigstore.json"), "{\"a\":1}").unwrap();
    let (exit, out, _) = pushing.push(&reference, &[&PLAIN[..], &["--json"]].concat()).await;
    assert_eq!(exit, Exit::Done, "{out}");
    let said: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(said["reference"], reference);
    assert_eq!(said["bundle"], pushing.file("plugin.wasm.sigstore.json"));
    assert_eq!(said["digest"], manifest["layers"][0]["digest"]);
    let subject = said["manifest"].as_str().unwrap();
    let referrer = pushing.registry.received().into_iter().rev().find_map(|received| {
        let digest = received.line.strip_prefix(&format!("PUT /v2/{REPOSITORY}/manifests/"))?.to_owned();
        let (_, manifest) = pushing.registry.manifest(&digest)?;
        let read: Value = serde_json::from_slice(&manifest).unwrap();
        read["subject"].is_object().then_some(read)
    });
    let referrer = referrer.unwrap();
    assert_eq!(referrer["subject"]["digest"], subject);
    assert_eq!(referrer["artifactType"], "application/vnd.dev.sigstore.bundle.v0.3+json");
}

#[tokio::test]
async fn credentials_are_given_by_reference_or_come_from_the_configuration() {
    let pushing = Pushing::to(RegistryStandIn::start().await);
    pushing.registry.switches().requires = Requires::Basic;
    let (reference, (user, password)) = (pushing.reference(), RegistryStandIn::LOGIN);
    let (exit, out, err) = pushing.push(&reference, &PLAIN).await;
    assert_eq!((exit, out.as_str()), (Exit::Refused, ""), "{err}");
    assert!(err.starts_with("error: ") && err.contains("refuses the credentials, or requires some"), "{err}");

    fs::write(pushing.file("password"), format!("{password}\n")).unwrap();
    let login = format!("{user}=file:{}", pushing.file("password"));
    let (exit, _, err) = pushing.push(&reference, &[&PLAIN[..], &["--login", &login]].concat()).await;
    assert_eq!(exit, Exit::Done, "{err}");

    let host = pushing.registry.host();
    let config = format!(
        "registries.'{host}' = {{ user = '{user}', password = {{ file = 'password' }}, loopback = true, plain-http = true }}"
    );
    fs::write(pushing.file("host.toml"), config).unwrap();
    let (exit, _, err) = pushing.push(&reference, &[]).await;
    assert_eq!(exit, Exit::Done, "{err}");
    assert!(!err.contains(password));
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_if_its_file_is_named() {
    let authority = Authority::new();
    let pushing = Pushing::to(RegistryStandIn::with_tls(&authority).await);
    fs::write(pushing.file("authority.pem"), authority.pem()).unwrap();
    let reference = pushing.reference().replace("127.0.0.1", "localhost");
    let (exit, _, err) = pushing.push(&reference, &["--loopback"]).await;
    assert_eq!(exit, Exit::Refused, "{err}");
    let trusting = ["--loopback", "--authority", &pushing.file("authority.pem")];
    let (exit, _, err) = pushing.push(&reference, &trusting).await;
    assert_eq!(exit, Exit::Done, "{err}");
}

#[tokio::test]
async fn what_is_wrong_is_said_before_anything_is_sent() {
    let pushing = Pushing::to(RegistryStandIn::start().await);
    let reference = pushing.reference();
    let (exit, _, err) = pushing.push("registry.example.com/acme/iterable", &PLAIN).await;
    assert_eq!(exit, Exit::Misused);
    assert!(err.contains("expected a tag or a digest"), "{err}");
    let (exit, _, err) = pushing.push(&reference, &["--plain-http"]).await;
    assert_eq!(exit, Exit::Misused);
    assert!(err.contains("plain HTTP is only allowed to this machine"), "{err}");
    fs::write(pushing.file("plugin.wasm"), "no wasm").unwrap();
    let (exit, out, _) = pushing.push(&reference, &[&PLAIN[..], &["--json"]].concat()).await;
    assert_eq!(exit, Exit::Misused);
    let said: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(said["error"]["by"], json!("usage"), "{said}");
    assert_eq!(pushing.registry.connections(), 0);
    // Without an option, this machine is no place for a registry.
    let fresh = Pushing::to(RegistryStandIn::start().await);
    let (exit, out, _) = fresh.push(&fresh.reference(), &["--json"]).await;
    let said: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((exit, &said["error"]["by"]), (Exit::Refused, &json!("registry")), "{said}");
    assert!(said["error"]["message"].as_str().unwrap().contains("is not allowed (loopback)"), "{said}");
}
