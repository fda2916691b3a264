//! The credentials for a registry.

use std::path::PathBuf;

use crate::{
    docker_config::{self, DockerConfigError},
    login::Login,
};

/// Where the credentials for a registry come from.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// The registry requires none.
    Anonymous,
    /// A user with a password or an access token.
    Login(Login),
    /// The entry for the registry in a Docker configuration, such as `~/.docker/config.json` or a Kubernetes Secret of type
    /// `kubernetes.io/dockerconfigjson`. It is read whenever the registry asks for credentials, so the file may be replaced.
    DockerConfig(PathBuf),
}

impl Credentials {
    /// Returns the login for the registry at `address`; `None` if there are no credentials.
    pub(crate) async fn login(&self, address: &str) -> Result<Option<Login>, DockerConfigError> {
        match self {
            Self::Anonymous => Ok(None),
            Self::Login(login) => Ok(Some(login.clone())),
            Self::DockerConfig(path) => {
                docker_config::login(path.clone(), address.to_owned()).await.map(Some)
            }
        }
    }
}
