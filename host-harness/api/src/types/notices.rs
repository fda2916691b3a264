//! A tenant's notices and systems.

use std::collections::BTreeSet;

use host_model::consent;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::mirror::mirror;

mirror! {
    /// Who enforces a notice's choices.
    pub enum Enforcement mirrors consent::notice::Enforcement {
        /// The page that shows the notice.
        Frontend,
        /// Every system that processes data for it: choices are sent to vendors.
        SystemWide,
        /// No enforcement is required.
        NotApplicable,
    }
}

/// A privacy notice, in Fides' shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notice {
    /// The platform's id. At most 256 characters, all of them visible.
    pub id: String,
    /// The platform's key for it, stable across the notice's versions. Bounded like the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice_key: Option<String>,
    /// The name for people. At most 512 characters, all of them visible.
    pub name: String,
    /// The data uses that it covers, in the platform's taxonomy, such as `marketing.advertising`.
    pub data_uses: BTreeSet<String>,
    /// Who enforces its choices.
    pub enforcement_level: Enforcement,
}

impl From<consent::Notice> for Notice {
    fn from(notice: consent::Notice) -> Self {
        let consent::Notice { id, key, name, data_uses, enforcement } = notice;
        Self { id, notice_key: key, name, data_uses, enforcement_level: enforcement.into() }
    }
}

impl From<Notice> for consent::Notice {
    fn from(notice: Notice) -> Self {
        let Notice { id, notice_key, name, data_uses, enforcement_level } = notice;
        Self { id, key: notice_key, name, data_uses, enforcement: enforcement_level.into() }
    }
}

/// A tenant's notices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notices {
    /// Sorted by id.
    pub notices: Vec<Notice>,
}

/// A system on the platform's data map, to which connections belong. In Fides' shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct System {
    /// The platform's key. At most 256 characters, all of them visible.
    pub fides_key: String,
    /// The name for people. At most 512 characters, all of them visible.
    pub name: String,
    /// Its data uses, in the platform's taxonomy.
    pub data_uses: BTreeSet<String>,
}

impl From<consent::System> for System {
    fn from(consent::System { key, name, data_uses }: consent::System) -> Self {
        Self { fides_key: key, name, data_uses }
    }
}

impl From<System> for consent::System {
    fn from(System { fides_key, name, data_uses }: System) -> Self {
        Self { key: fides_key, name, data_uses }
    }
}

/// A tenant's systems.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Systems {
    /// Sorted by key.
    pub systems: Vec<System>,
}
