//! A tenant's notices and systems.

use std::collections::BTreeSet;

use host_model::consent;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::mirror::mirror;

mirror! {
    /// Who sees to it that a notice's choices are kept.
    pub enum Enforcement mirrors consent::notice::Enforcement {
        /// The page that shows the notice.
        Frontend,
        /// Every system that processes data for it: vendors are told.
        SystemWide,
        /// No enforcement is required.
        NotApplicable,
    }
}

/// A privacy notice, in Fides' shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notice {
    /// The platform's id.
    pub id: String,
    /// The platform's word for it, stable over the notice's versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice_key: Option<String>,
    /// For people.
    pub name: String,
    /// What data is used for under it, in the platform's taxonomy, such as `marketing.advertising`.
    pub data_uses: BTreeSet<String>,
    /// Who sees to it that its choices are kept.
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
    /// In the order of their ids.
    pub notices: Vec<Notice>,
}

/// A system on the platform's data map: what a connection stands for there. In Fides' shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct System {
    /// The platform's key.
    pub fides_key: String,
    /// For people.
    pub name: String,
    /// What it uses data for, in the platform's taxonomy.
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
    /// In the order of their keys.
    pub systems: Vec<System>,
}
