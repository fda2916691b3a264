//! The same against Debian's `docker-registry` (distribution 2.8), if it is installed.

use std::{fs, process::Stdio, time::Duration};

use host_model::secret::Secret;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

use super::*;

/// `ada` with the password `secret`, as `htpasswd -B` writes it.
const LOGINS: &str = "ada:$2y$05$45wCT4wVX8VzUgtlXOlFpeCTGLJrDYJ5q4/TPgQzJbZeOZM1eJjPG\n";

/// A registry with a login, on a port of its own. It ends when it is dropped.
struct DockerRegistry {
    host: String,
    _process: Child,
    _folder: TempDir,
}

impl DockerRegistry {
    /// Starts it; `None` if it is not installed.
    async fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let within = |name: &str| folder.path().join(name).display().to_string();
        fs::write(within("logins"), LOGINS).unwrap();
        let config = json!({
            "version": "0.1",
            "storage": {"filesystem": {"rootdirectory": within("stored")}},
            "http": {"addr": "127.0.0.1:0"},
            "auth": {"htpasswd": {"realm": "registry", "path": within("logins")}},
        });
        // JSON is YAML.
        fs::write(within("config.yml"), config.to_string()).unwrap();
        let mut command = Command::new("docker-registry");
        command.args(["serve", &within("config.yml")]).stdout(Stdio::null()).stderr(Stdio::piped());
        let Ok(mut process) = command.kill_on_drop(true).spawn() else {
            println!("docker-registry is not installed: left out");
            return None;
        };
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let listening = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                let port = line.split_once("listening on 127.0.0.1:").map(|(_, rest)| rest.to_owned());
                if let Some(port) = port {
                    let digits = port.find(|c: char| !c.is_ascii_digit()).unwrap_or(port.len());
                    return format!("127.0.0.1:{}", &port[..digits]);
                }
            }
            panic!("docker-registry ended");
        };
        let host = timeout(Duration::from_secs(20), listening).await.unwrap();
        // Its log is read to the end, so that it never waits for a reader.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Some(Self { host, _process: process, _folder: folder })
    }

    fn client(&self, password: &str) -> Registry {
        let login = Login { user: "ada".to_owned(), password: Secret::new(password).unwrap() };
        let credentials = Credentials::Login(login);
        let access = RegistryAccess { reach: Reach::Loopback, credentials, ..RegistryAccess::to(&self.host) };
        Registry::new(access).unwrap()
    }

    fn reference(&self, end: &str) -> PluginReference {
        format!("{}/{REPOSITORY}{end}", self.host).parse().unwrap()
    }
}

#[tokio::test]
async fn debians_registry_takes_and_gives_a_plugin_with_its_bundles() {
    let Some(registry) = DockerRegistry::start().await else { return };
    let (client, reference) = (registry.client("secret"), registry.reference(":1"));
    let artefact = artefact("one");
    let missing = RegistryError::NotFound { part: RegistryPart::Manifest, host: registry.host.clone() };
    assert_eq!(client.pull(&reference).await, Err(missing));

    assert_eq!(client.push(&reference, &artefact, &[]).await, Ok(artefact.digest()));
    assert_eq!(client.pull(&reference).await.unwrap().bundles, Vec::<Bytes>::new());

    let bundles = [Bytes::from_static(b"{\"a\":1}"), Bytes::from_static(b"{\"b\":2}")];
    client.push(&reference, &artefact, &bundles).await.unwrap();
    let pulled = client.pull(&reference.pinned(artefact.digest())).await.unwrap();
    let (digest, manifest) = (artefact.digest(), artefact.manifest.clone());
    let component = component("one");
    assert_eq!(pulled, Pulled { digest, manifest, component, bundles: bundles.to_vec() });
}

#[tokio::test]
async fn debians_registry_refuses_another_password() {
    let Some(registry) = DockerRegistry::start().await else { return };
    let refused = registry.client("wrong").pull(&registry.reference(":1")).await;
    assert_eq!(refused, Err(RegistryError::CredentialsRefused { host: registry.host.clone() }));
}
