//! The difference between two versions of a plugin.

use host_service::connections::version_difference as service;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::mirror::mirror;

mirror! {
    /// What a part of a version is about.
    pub enum PermissionArea mirrors service::PermissionArea {
        /// The hosts that requests go to.
        Host,
        /// A request that it may send.
        Operation,
        /// A setting that the operator fills in, secret ones included.
        Setting,
        /// A limit of the vendor on requests.
        Limit,
        /// A kind of identifier that it acts on.
        IdentifierKind,
        /// A kind of item that people can be in or out of.
        ItemKind,
        /// What it offers.
        Interface,
        /// Where deliveries carry their token.
        WebhookToken,
        /// An outcome that it reports without a request that supports it.
        OnTrust,
    }
}

mirror! {
    /// Which of two versions have a part.
    pub enum PartPresence mirrors service::PartPresence {
        /// Only the second one.
        Added,
        /// Only the first one.
        Removed,
        /// Both, with different aspects.
        Changed,
    }
}

/// With which version another one is compared.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DifferenceQuery {
    /// The digest of the version to compare it with. Default: the one that the plugin runs.
    pub from: Option<String>,
}

/// The difference between two versions of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VersionDifference {
    /// The plugin's name.
    pub name: String,
    /// The digest of the first version.
    pub from: String,
    /// The digest of the second version.
    pub to: String,
    /// What the second one requests beyond the first, one sentence each: what is to be approved.
    pub requests: Vec<String>,
    /// The parts that differ.
    pub parts: Vec<DifferentPart>,
}

/// A part that differs between two versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DifferentPart {
    /// What it is about.
    pub area: PermissionArea,
    /// Its name.
    pub name: String,
    /// Whether one of the versions does not have it.
    pub presence: PartPresence,
    /// Each aspect that differs.
    pub aspects: Vec<DifferentAspect>,
}

/// An aspect of a part that differs between two versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DifferentAspect {
    /// What it is, such as `request` or `purpose`.
    pub aspect: String,
    /// In the first version; null if it is not there.
    pub before: Option<String>,
    /// In the second version; null if it is not there.
    pub after: Option<String>,
}

impl VersionDifference {
    /// The difference between two versions of the plugin `name`.
    pub fn of(name: String, difference: service::VersionDifference) -> Self {
        let service::VersionDifference { from, to, requests, parts } = difference;
        Self {
            name,
            from: from.to_string(),
            to: to.to_string(),
            requests,
            parts: parts.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<service::DifferentPart> for DifferentPart {
    fn from(service::DifferentPart { area, name, presence, aspects }: service::DifferentPart) -> Self {
        let aspects = aspects.into_iter().map(Into::into).collect();
        Self { area: area.into(), name, presence: presence.into(), aspects }
    }
}

impl From<service::DifferentAspect> for DifferentAspect {
    fn from(service::DifferentAspect { aspect, before, after }: service::DifferentAspect) -> Self {
        Self { aspect: aspect.to_owned(), before, after }
    }
}
