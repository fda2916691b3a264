//! The difference between two versions of a plugin, as the person who approves one reads it.
//! Tested in `api/src/tests/version_differences.rs`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use host_harness::plugin::Plugin;
use host_model::{
    contract::manifest::{Effect, Manifest, Operation, SettingSpec},
    digest::Digest,
};

use super::{Connections, comparison, loaded::VersionUnusable};

/// What a part of a version is about, in the order in which it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PermissionArea {
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

/// A part of a version: its area and its name.
type PartName = (PermissionArea, String);

/// What is known of a part: each aspect with its value.
type Aspects = Vec<(&'static str, String)>;

/// The difference between two versions.
#[derive(Clone, Debug)]
pub struct VersionDifference {
    /// The digest of the first version.
    pub from: Digest,
    /// The digest of the second version.
    pub to: Digest,
    /// What the second one requests beyond the first, one sentence each: what is to be approved.
    pub requests: Vec<String>,
    /// The parts that differ.
    pub parts: Vec<DifferentPart>,
}

/// A part that differs between two versions.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// Which of two versions have a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartPresence {
    /// Only the second one.
    Added,
    /// Only the first one.
    Removed,
    /// Both.
    Changed,
}

/// An aspect of a part that differs between two versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DifferentAspect {
    /// What it is, such as `request` or `purpose`.
    pub aspect: &'static str,
    /// In the first version; `None` if it is not there.
    pub before: Option<String>,
    /// In the second version; `None` if it is not there.
    pub after: Option<String>,
}

impl Connections {
    /// Returns a stored version of a plugin, whatever became of it, and loads it if it is not loaded.
    pub async fn stored_plugin(&self, name: &str, digest: Digest) -> Result<Arc<Plugin>, VersionUnusable> {
        self.versions.stored_version(name, digest).await
    }

    /// Returns the difference between two stored versions of a plugin.
    pub async fn difference(
        &self,
        name: &str,
        from: Digest,
        to: Digest,
    ) -> Result<VersionDifference, VersionUnusable> {
        let before = self.stored_plugin(name, from).await?;
        let after = self.stored_plugin(name, to).await?;
        let requests = comparison::requests_beyond(Some(&before), &after);
        Ok(VersionDifference { from, to, requests, parts: different(&parts_of(&before), &parts_of(&after)) })
    }
}

fn different(
    before: &BTreeMap<PartName, Aspects>,
    after: &BTreeMap<PartName, Aspects>,
) -> Vec<DifferentPart> {
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let part = |name: &PartName| {
        let (was, is) = (before.get(name), after.get(name));
        let presence = match (was, is) {
            (None, _) => PartPresence::Added,
            (_, None) => PartPresence::Removed,
            _ if was == is => return None,
            _ => PartPresence::Changed,
        };
        let nothing = Aspects::new();
        let aspects = different_aspects(was.unwrap_or(&nothing), is.unwrap_or(&nothing));
        let (area, name) = name.clone();
        Some(DifferentPart { area, name, presence, aspects })
    };
    names.into_iter().filter_map(part).collect()
}

fn different_aspects(before: &Aspects, after: &Aspects) -> Vec<DifferentAspect> {
    let value = |aspects: &Aspects, name| {
        let found = aspects.iter().find(|(aspect, _)| *aspect == name);
        found.map(|(_, value)| value.clone())
    };
    let gone = before.iter().filter(|(name, _)| value(after, *name).is_none());
    let names = after.iter().chain(gone).map(|(name, _)| *name);
    let aspects = names.map(|aspect| DifferentAspect {
        aspect,
        before: value(before, aspect),
        after: value(after, aspect),
    });
    aspects.filter(|aspect| aspect.before != aspect.after).collect()
}

/// Returns everything that a version declares.
fn parts_of(plugin: &Plugin) -> BTreeMap<PartName, Aspects> {
    use PermissionArea::{Host, IdentifierKind, Interface, ItemKind, Limit, OnTrust, Setting, WebhookToken};
    let manifest = plugin.manifest();
    let mut parts = BTreeMap::new();
    let mut add = |area, name: String, aspects: Aspects| {
        parts.insert((area, name), aspects);
    };
    for setting in &manifest.settings {
        if manifest.operations.iter().any(|operation| operation.host_setting == setting.name) {
            let hosts = or(&setting.options, "any host that the operator allows");
            add(Host, setting.name.clone(), vec![("allowed", hosts)]);
        }
        add(Setting, setting.name.clone(), setting_aspects(setting));
    }
    for operation in &manifest.operations {
        add(PermissionArea::Operation, operation.name.clone(), operation_aspects(manifest, operation));
    }
    for limit in &manifest.limits {
        add(Limit, limit.name.clone(), vec![("allows", limit.to_string())]);
    }
    for kind in &manifest.identifier_kinds {
        add(IdentifierKind, kind.name.clone(), vec![("rule", kind.identifies.to_string())]);
    }
    for kind in &manifest.item_kinds {
        add(ItemKind, kind.clone(), Vec::new());
    }
    for interface in plugin.exports() {
        add(Interface, interface.to_string(), Vec::new());
    }
    if let Some(slot) = &manifest.webhook_token_slot {
        add(WebhookToken, "token".to_owned(), vec![("place", format!("the {} {}", slot.place, slot.name))]);
    }
    for exemption in &manifest.proves_without {
        add(OnTrust, exemption.claim.to_string(), vec![("reason", exemption.reason.clone())]);
    }
    parts
}

fn setting_aspects(setting: &SettingSpec) -> Aspects {
    let kind = match (setting.secret, setting.required) {
        (true, true) => "secret, required",
        (true, false) => "secret",
        (false, true) => "required",
        (false, false) => "optional",
    };
    present([
        ("kind", kind.to_owned()),
        ("label", setting.label.clone()),
        ("description", setting.description.clone()),
        ("default", setting.default.clone().unwrap_or_default()),
        ("allowed", or(&setting.options, "any")),
    ])
}

fn operation_aspects(manifest: &Manifest, operation: &Operation) -> Aspects {
    let effect = match operation.effect {
        Effect::Read => "only reads",
        Effect::Write => "may change something",
    };
    let fields =
        operation.fields.iter().map(|field| format!("{} {}: {}", field.place, field.name, field.value));
    let captures = operation.captures.iter().map(|capture| capture.secret.clone());
    let limits = operation.limits.iter().filter_map(|name| manifest.limit(name)).map(ToString::to_string);
    let repeatable = if operation.repeatable { "has no further effect" } else { "acts again" };
    present([
        ("request", format!("{} {}", operation.method, operation.path)),
        ("effect", effect.to_owned()),
        ("purpose", operation.purpose.clone()),
        ("host", operation.host_setting.clone()),
        ("used by", or(&operation.used_by, "the host alone")),
        ("query parameters", operation.query.join(", ")),
        ("content type", operation.content_type.clone().unwrap_or_default()),
        ("the host adds", joined(fields)),
        ("brings secrets", joined(captures)),
        ("sees answer headers", operation.response_headers.join(", ")),
        (
            "maximum answer",
            operation.response_limit.map(|bytes| format!("{bytes} bytes")).unwrap_or_default(),
        ),
        ("how often", joined(limits)),
        ("sent twice, it", repeatable.to_owned()),
    ])
}

fn present<const COUNT: usize>(aspects: [(&'static str, String); COUNT]) -> Aspects {
    aspects.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

fn or(values: &[String], otherwise: &str) -> String {
    if values.is_empty() { otherwise.to_owned() } else { values.join(", ") }
}

fn joined(values: impl Iterator<Item = String>) -> String {
    values.collect::<Vec<_>>().join(", ")
}
