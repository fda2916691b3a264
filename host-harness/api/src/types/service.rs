//! The health of the service, and the result of a reload.

use std::collections::BTreeMap;

use host_service::connections::import;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The answer if the process is up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// Always `up`.
    pub status: String,
}

/// The answer if the service is ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Readiness {
    /// Always `ready`.
    pub status: String,
    /// The plugins that are loaded.
    pub plugins: Vec<String>,
}

/// The result of reloading the configuration file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reloaded {
    /// Connections that are new in the file.
    pub added: Vec<String>,
    /// Connections that changed in the file.
    pub changed: Vec<String>,
    /// Connections that are no longer in the file. They are disabled, but keep all their data until the file names them
    /// again or they are deleted.
    pub disabled: Vec<String>,
    /// Connections that are not served or could not be reloaded, each with the reason.
    pub problems: BTreeMap<String, String>,
}

impl From<import::ReloadResult> for Reloaded {
    fn from(import::ReloadResult { added, changed, disabled, problems }: import::ReloadResult) -> Self {
        Self { added, changed, disabled, problems }
    }
}
