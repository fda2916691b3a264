//! `plugin sign`, and what a host makes of what it writes.

use std::{fs, path::PathBuf};

use host_model::digest::Digest;
use host_trust::{Arrival, ConformanceResult, Refusal, Required, Trust, TrustedKey, bundle_file};
use serde_json::Value;
use test_support::KeyPems;

use super::*;

/// A folder with a component and a key.
struct Release {
    folder: tempfile::TempDir,
}

impl Release {
    fn of(component: &str) -> Self {
        let (folder, keys) = (tempfile::tempdir().unwrap(), KeyPems::generate());
        let built = xtask::components::current(component).unwrap();
        fs::copy(built, folder.path().join("plugin.wasm")).unwrap();
        fs::write(folder.path().join("release.pem"), keys.private).unwrap();
        fs::write(folder.path().join("release.pub"), keys.public).unwrap();
        Self { folder }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn component(&self) -> Vec<u8> {
        fs::read(self.file("plugin.wasm")).unwrap()
    }

    fn bundle(&self) -> PathBuf {
        bundle_file(&PathBuf::from(self.file("plugin.wasm")))
    }

    async fn sign(&self, more: &[&str]) -> (Exit, String, String) {
        let (component, key) = (self.file("plugin.wasm"), self.file("release.pem"));
        let sign = ["plugin", "sign", &component, "--key", &key, "--name", "newsletter"];
        ran(&[&sign, more].concat()).await
    }
}

const RELEASE: [&str; 4] = ["--revision", "7", "--not-after", "2100-01-01T00:00:00Z"];

#[tokio::test]
async fn a_signed_release_is_trusted_for_its_name_and_states_what_came_of_its_proof() {
    let release = Release::of("iterable");
    let (exit, out, err) = release.sign(&[&RELEASE[..], &["--json", "--seed", "9"]].concat()).await;
    assert_eq!((exit, err.as_str()), (Exit::Done, ""), "{out}");
    let key = TrustedKey::from_pem(&fs::read(release.file("release.pub")).unwrap()).unwrap();
    let trust = |name: &str| Trust::new(name, key, Required::PassedConformance);
    let (component, bundle) = (release.component(), fs::read(release.bundle()).unwrap());
    let arrival = Arrival::FromOutside(None);
    let signed = trust("newsletter").verify(&component, Some(&bundle), arrival, 1).unwrap();
    let stated = signed.statement().unwrap();
    assert_eq!((u64::from(stated.revision), stated.not_after), (7, 4_102_444_800_000));
    assert_eq!((stated.conformance.result, stated.conformance.seed), (ConformanceResult::Passed, 9));
    let shown: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(shown["digest"], Digest::of(&component).to_string());
    assert_eq!((&shown["version"], &shown["revision"]), (&stated.version.as_str().into(), &7.into()));
    assert_eq!(
        (&shown["plugin"], &shown["key"]),
        (&"newsletter".into(), &key.fingerprint().to_string().into())
    );
    let other = trust("other").verify(&component, Some(&bundle), arrival, 1).unwrap_err();
    assert!(matches!(other, Refusal::OtherPlugin { .. }), "{other}");
}

#[tokio::test]
async fn a_release_whose_proof_fails_is_not_signed_and_one_that_could_not_be_proven_says_so() {
    let failing = Release::of("guests/panics");
    let (exit, out, _) = failing.sign(&RELEASE).await;
    assert_eq!(exit, Exit::Refused, "{out}");
    assert!(out.contains("not signed, since its proof failed") && !failing.bundle().exists(), "{out}");
    let unproven = Release::of("guests/build_one");
    let (exit, out, _) = unproven.sign(&[&RELEASE[..], &["--release", "2.0.0-rc.1"]].concat()).await;
    assert_eq!(exit, Exit::Unproven, "{out}");
    assert!(out.contains("release 2.0.0-rc.1, revision 7") && out.contains("incomplete"), "{out}");
    assert!(unproven.bundle().exists());
}

#[tokio::test]
async fn what_cannot_be_signed_is_wrong_usage_and_writes_nothing() {
    let release = Release::of("guests/build_one");
    fs::copy(release.file("release.pub"), release.file("release.pem")).unwrap();
    let (exit, _, err) = release.sign(&RELEASE).await;
    assert_eq!(exit, Exit::Misused);
    assert!(err.contains("contains another kind of PEM; expected `PRIVATE KEY`"), "{err}");
    for arguments in [["--revision", "0"], ["--revision", "9007199254740992"]] {
        let (exit, _, err) = release.sign(&[&arguments[..], &RELEASE[2..]].concat()).await;
        assert_eq!(exit, Exit::Misused);
        assert!(err.contains("expected a revision from 1 to 9007199254740991"), "{err}");
    }
    assert!(!release.bundle().exists());
}

#[tokio::test]
async fn a_command_without_a_service_refuses_a_plugin_that_is_not_signed_as_configured() {
    let release = Release::of("iterable");
    let config = release.file("connector-host.toml");
    fs::write(
        &config,
        "plugins.newsletter.file = 'plugin.wasm'\ntenants.acme = {}\n\
         trust.newsletter = { keys = [{ file = 'release.pub' }] }\n\
         [connections.news]\ntenant = 'acme'\nplugin = 'newsletter'\nsettings.project-type = 'email'\n\
         secrets.api-key = { insecure-inline = 'key-0123456789' }\n",
    )
    .unwrap();
    let (exit, _, err) = ran(&["--config", &config, "check", "news"]).await;
    assert_eq!(exit, Exit::Misused);
    assert!(
        err.contains("the component has no bundle, and plugin `newsletter` requires a signature"),
        "{err}"
    );
}

#[tokio::test]
async fn inspect_shows_what_the_bundle_beside_a_file_says_and_that_it_is_not_verified() {
    let release = Release::of("guests/build_one");
    let file = release.file("plugin.wasm");
    let inspect = async |more: &[&str]| ran(&[&["inspect", &*file], more].concat()).await;
    let document = async || -> Value { serde_json::from_str(&inspect(&["--json"]).await.1).unwrap() };
    let (exit, out, _) = inspect(&[]).await;
    assert!(exit == Exit::Done && out.contains("Bundle       none beside the file"), "{out}");
    assert_eq!(document().await["bundle"], Value::Null);

    release.sign(&[&RELEASE[..], &["--release", "2.0.0"]].concat()).await;
    let key = TrustedKey::from_pem(&fs::read(release.file("release.pub")).unwrap()).unwrap();
    let digest = Digest::of(&release.component()).to_string();
    let (_, out, _) = inspect(&[]).await;
    for line in [
        "states plugin newsletter, release 2.0.0, revision 7, until 2100-01-01T00:00:00Z",
        "proof incomplete, seed",
        "is about this component",
        &format!("names the key {}; none of this is verified here", key.fingerprint()),
    ] {
        assert!(out.contains(line), "{line}: {out}");
    }
    let bundle = document().await["bundle"].clone();
    let statement = &bundle["statement"];
    assert_eq!((&statement["plugin"], &statement["version"]), (&"newsletter".into(), &"2.0.0".into()));
    assert_eq!(
        (&statement["revision"], &statement["not_after"]),
        (&7.into(), &"2100-01-01T00:00:00Z".into())
    );
    assert_eq!(
        (&bundle["digest"], &bundle["is_about_component"]),
        (&digest.into(), &true.into()),
        "{bundle}"
    );
    assert_eq!((&bundle["key"], &bundle["problem"]), (&key.fingerprint().to_string().into(), &Value::Null));

    // Of another component, and one that cannot be used.
    fs::copy(xtask::components::current("iterable").unwrap(), &file).unwrap();
    let (_, out, _) = inspect(&[]).await;
    assert!(out.contains("is about another component, sha256:"), "{out}");
    assert_eq!(document().await["bundle"]["is_about_component"], false);
    fs::write(release.bundle(), "{}").unwrap();
    let (exit, out, _) = inspect(&[]).await;
    assert!(
        exit == Exit::Done && out.contains("cannot be used: the component has an unreadable bundle"),
        "{out}"
    );
    let bundle = document().await["bundle"].clone();
    assert_eq!(
        (&bundle["statement"], &bundle["problem"]["reason"]),
        (&Value::Null, &"unreadable-bundle".into())
    );
}
