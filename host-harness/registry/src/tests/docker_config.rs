//! Credentials in a Docker configuration.

use std::{fs, path::Path};

use test_support::registry::Requires;

use super::*;

/// `ada:pa:ss`.
const PAIR: &str = "YWRhOnBhOnNz";

fn access(registry: &RegistryStandIn, path: &Path) -> RegistryAccess {
    RegistryAccess { credentials: Credentials::DockerConfig(path.to_owned()), ..plain(registry) }
}

#[tokio::test]
async fn the_entry_for_the_registry_is_used_and_read_again_once_it_is_refused() {
    let registry = RegistryStandIn::start().await;
    published(&registry, "one");
    registry.switches().requires = Requires::Basic;
    let file = tempfile::NamedTempFile::new().unwrap();
    let client = Registry::new(access(&registry, file.path())).unwrap();
    let host = registry.host();
    let other = json!({"auth": "b3RoZXI6b3RoZXI="});
    fs::write(file.path(), json!({"auths": {&host: other}}).to_string()).unwrap();
    let refused = client.resolve(&reference(&registry, ":1")).await;
    assert_eq!(refused, Err(RegistryError::CredentialsRefused { host: host.clone() }));

    for key in [host.clone(), format!("http://{host}"), format!("https://{host}/v1/"), format!("{host}/v2/")]
    {
        let config =
            json!({"auths": {"registry.example.com": other, key: {"auth": PAIR}}, "credsStore": "desktop"});
        fs::write(file.path(), config.to_string()).unwrap();
        client.resolve(&reference(&registry, ":1")).await.unwrap();
    }
}

#[tokio::test]
async fn a_configuration_without_a_usable_entry_is_reported_and_nothing_is_sent_instead() {
    let registry = RegistryStandIn::start().await;
    published(&registry, "one");
    registry.switches().requires = Requires::Basic;
    let folder = tempfile::tempdir().unwrap();
    let (path, address) = (folder.path().join("config.json"), registry.host());
    let helper =
        |helper: &str| DockerConfigError::Helper { address: address.clone(), helper: helper.to_owned() };
    let malformed = DockerConfigError::Malformed { path: path.clone() };
    let no_entry = DockerConfigError::NoEntry { address: address.clone() };
    let identity = DockerConfigError::IdentityToken { address: address.clone() };
    for (config, expected) in [
        (json!({"auths": {&address: {}}, "credsStore": "desktop"}), helper("desktop")),
        (json!({"credHelpers": {&address: "gcloud"}, "credsStore": "desktop"}), helper("gcloud")),
        (json!({"auths": {&address: {"auth": "YWRhOg==", "identitytoken": "s3cret"}}}), identity),
        (json!({"auths": {"another.example.com": {"auth": PAIR}}}), no_entry.clone()),
        (json!({"auths": {&address: {"auth": "YWRh"}}}), no_entry.clone()),
        (json!({"auths": {format!("{address}.example.com"): {"auth": PAIR}}}), no_entry),
        (json!({"auths": 7}), malformed),
    ] {
        fs::write(&path, config.to_string()).unwrap();
        let client = Registry::new(access(&registry, &path)).unwrap();
        let error = client.resolve(&reference(&registry, ":1")).await.unwrap_err();
        assert_eq!(error, RegistryError::NoCredentials(expected), "{config}");
    }
    fs::remove_file(&path).unwrap();
    let client = Registry::new(access(&registry, &path)).unwrap();
    let error = client.resolve(&reference(&registry, ":1")).await.unwrap_err();
    assert!(matches!(error, RegistryError::NoCredentials(DockerConfigError::Unreadable { .. })), "{error}");
    assert!(registry.received().iter().all(|received| received.authorization.is_none()));
}
