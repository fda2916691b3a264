//! Credentials in a Docker configuration (<https://docs.docker.com/reference/cli/docker/login/>).

use std::{collections::BTreeMap, fs::File, io, io::Read as _, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use host_model::secret::Secret;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::login::Login;

/// As much as Kubernetes stores in a Secret.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// Why a Docker configuration has no credentials for the registry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DockerConfigError {
    /// The file cannot be read.
    #[error("cannot read the Docker configuration {}: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        cause: String,
    },
    /// The file is not a Docker configuration. Its content is not shown.
    #[error("{} is not a Docker configuration of at most {MAX_CONFIG_BYTES} bytes", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// The file has no usable entry for the registry.
    #[error("the Docker configuration has no user and password for {address} under `auths`")]
    NoEntry {
        /// The registry.
        address: String,
    },
    /// The credentials are kept by a program.
    #[error(
        "the Docker configuration leaves the credentials for {address} to the program docker-credential-{helper}, which is \
         not run: add them under `auths`"
    )]
    Helper {
        /// The registry.
        address: String,
        /// The name of the program, after `docker-credential-`.
        helper: String,
    },
    /// The entry is an identity token, which is exchanged in a way of its own.
    #[error("the Docker configuration has an identity token for {address}: expected a user and a password")]
    IdentityToken {
        /// The registry.
        address: String,
    },
}

/// The parts that are read. Not `Debug`, since it contains passwords.
#[derive(Deserialize)]
struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, DockerEntry>,
    #[serde(default, rename = "credHelpers")]
    helpers: BTreeMap<String, String>,
    #[serde(default, rename = "credsStore")]
    store: Option<String>,
}

#[derive(Deserialize)]
struct DockerEntry {
    /// `user:password` in base64.
    auth: Option<Zeroizing<String>>,
    identitytoken: Option<Zeroizing<String>>,
}

/// Returns the login for the registry at `address`.
pub(crate) async fn login(path: PathBuf, address: String) -> Result<Login, DockerConfigError> {
    let named = path.clone();
    let unreadable = |cause: String| DockerConfigError::Unreadable { path: named, cause };
    match tokio::task::spawn_blocking(move || read(path, address)).await {
        Ok(read) => read,
        Err(cause) => Err(unreadable(cause.to_string())),
    }
}

fn read(path: PathBuf, address: String) -> Result<Login, DockerConfigError> {
    let text = match text(&path) {
        Ok(text) => text,
        Err(cause) => return Err(DockerConfigError::Unreadable { path, cause: cause.to_string() }),
    };
    match serde_json::from_slice::<DockerConfig>(&text) {
        Ok(config) => config.login(address),
        Err(_) => Err(DockerConfigError::Malformed { path }),
    }
}

fn text(path: &PathBuf) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(Vec::new());
    File::open(path)?.take(MAX_CONFIG_BYTES).read_to_end(&mut text)?;
    Ok(text)
}

impl DockerConfig {
    fn login(&self, address: String) -> Result<Login, DockerConfigError> {
        let entry = self.auths.iter().find(|(named, _)| bare(named) == address).map(|(_, entry)| entry);
        if let Some(login) = entry.and_then(DockerEntry::login) {
            return Ok(login);
        }
        if entry.is_some_and(|entry| entry.identitytoken.is_some()) {
            return Err(DockerConfigError::IdentityToken { address });
        }
        match self.helpers.get(&address).or(self.store.as_ref()) {
            Some(helper) => Err(DockerConfigError::Helper { address, helper: helper.clone() }),
            None => Err(DockerConfigError::NoEntry { address }),
        }
    }
}

impl DockerEntry {
    fn login(&self) -> Option<Login> {
        let pair = Zeroizing::new(STANDARD.decode(self.auth.as_ref()?.as_bytes()).ok()?);
        let (user, password) = std::str::from_utf8(&pair).ok()?.split_once(':')?;
        // `docker login` ends some passwords with a NUL.
        let password = Secret::new(password.trim_end_matches('\0'))?;
        Some(Login { user: user.to_owned(), password })
    }
}

/// Returns the host of a key: `docker login` has written keys such as `https://registry.example.com/v1/`.
fn bare(named: &str) -> &str {
    let named = named.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
    named.trim_end_matches("/v1").trim_end_matches("/v2")
}
