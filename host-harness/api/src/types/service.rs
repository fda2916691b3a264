//! Whether the service is up and can do its work, and what a reload came to.

use std::collections::BTreeMap;

use host_service::connections::import;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The process is up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// Always `up`.
    pub status: String,
}

/// The service can do its work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Readiness {
    /// Always `ready`.
    pub status: String,
    /// The plugins that are loaded.
    pub plugins: Vec<String>,
}

/// What reading the configuration file again came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reloaded {
    /// Connections that are new in the file.
    pub added: Vec<String>,
    /// Connections that changed in the file.
    pub changed: Vec<String>,
    /// Connections that are no longer in the file: disabled, with everything that they know, until the file names them again or they
    /// are deleted.
    pub disabled: Vec<String>,
    /// Connections that are not served, or not taken from the file, each with its reason.
    pub problems: BTreeMap<String, String>,
}

impl From<import::Reloaded> for Reloaded {
    fn from(import::Reloaded { added, changed, disabled, problems }: import::Reloaded) -> Self {
        Self { added, changed, disabled, problems }
    }
}
