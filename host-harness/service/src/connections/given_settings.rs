//! Settings that are given with a version, because it requires them: they apply as it begins to serve. What a version that
//! is put back does not know is set aside, and applies again with the next one that does.
//! Tested in `api/src/tests/given_settings.rs`.

use std::{collections::BTreeMap, sync::Arc};

use host_harness::{
    connection::ConnectionSpec,
    plugin::{Plugin, SwapError},
};
use host_model::{contract::manifest::Manifest, secret::Secrets};
use serde_json::{Value, json};

use super::{
    Connections,
    candidate::Candidate,
    differences::differences,
    owned::{self, OwnedConnection},
    publish_error::PublishError,
};
use crate::served::ServingVersion;

/// Settings given with a version.
#[derive(Clone, Debug, Default)]
pub struct GivenSettings {
    /// For every connection of the plugin.
    pub all: SettingValues,
    /// For single connections, by their keys. These take precedence.
    pub connections: BTreeMap<String, SettingValues>,
}

/// Settings with their values.
#[derive(Clone, Debug, Default)]
pub struct SettingValues {
    /// Those that are not secret.
    pub settings: BTreeMap<String, String>,
    /// The secret ones.
    pub secrets: Secrets,
}

impl SettingValues {
    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.settings.is_empty() && self.secrets.is_empty()
    }

    fn extend(&mut self, other: &Self) {
        self.settings.extend(other.settings.clone());
        self.secrets.extend(other.secrets.clone());
    }
}

impl GivenSettings {
    /// Returns whether none are given.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty() && self.connections.values().all(SettingValues::is_empty)
    }

    /// Returns those for the connection `key`.
    pub(super) fn of(&self, key: &str) -> SettingValues {
        let mut values = self.all.clone();
        if let Some(own) = self.connections.get(key) {
            values.extend(own);
        }
        values
    }
}

/// What becomes of settings that a version does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnknownSettings {
    /// They do not suit it.
    Refuse,
    /// They are set aside.
    SetAside,
}

/// A connection that changes as a version begins to serve.
#[derive(Debug)]
pub(super) struct ChangedConnection {
    pub(super) before: OwnedConnection,
    pub(super) after: OwnedConnection,
}

impl ChangedConnection {
    /// The connection's key.
    pub(super) fn key(&self) -> &str {
        &self.after.spec.key
    }

    /// Returns the names of what changes, without values, for the audit chain.
    pub(super) fn names(&self) -> Vec<String> {
        differences(&self.before, &self.after)
    }

    /// Returns the denied operations that the version does not know, so that it may have another one that does the same.
    pub(super) fn dropped_denials(&self) -> impl Iterator<Item = String> {
        let (before, after) = (&self.before.spec, &self.after.spec);
        let dropped = after.set_aside.iter().filter(|name| after.policy.denied_operations.contains(*name));
        let dropped = dropped.filter(|name| !before.set_aside.contains(*name));
        dropped.map(|name| format!("{}: {name}", self.after.spec.key))
    }

    /// Returns the connections and the names of what changes in each, for the history of versions.
    pub(super) fn evidence(changed: &[Self]) -> Value {
        let lines = changed.iter().map(|one| format!("{}: {}", one.key(), one.names().join(", ")));
        json!(lines.collect::<Vec<_>>())
    }
}

impl Connections {
    /// Returns the connections of the plugin `name` that change as the version with `manifest` begins to serve with `given`
    /// settings. Refuses given settings that do not suit it. Pinned connections are served by another version.
    pub(super) async fn changed_for(
        &self,
        name: &str,
        manifest: &Manifest,
        given: &GivenSettings,
        unknown: UnknownSettings,
    ) -> Result<Vec<ChangedConnection>, PublishError> {
        if given.is_empty() && unknown == UnknownSettings::Refuse {
            return Ok(Vec::new());
        }
        let mut owned = Vec::new();
        for one in owned::all(&self.store).await?.owned {
            let is_of_plugin = one.spec.plugin == name;
            if is_of_plugin && matches!(self.serving_version(&one.spec).await?, ServingVersion::Running) {
                owned.push(one);
            }
        }
        let is_there = |key: &&String| owned.iter().any(|owned| owned.spec.key == **key);
        if let Some(connection) = given.connections.keys().find(|key| !is_there(key)) {
            let (plugin, connection) = (name.to_owned(), connection.clone());
            return Err(PublishError::NotOfPlugin { plugin, connection });
        }
        let (mut changed, mut unsuited) = (Vec::new(), Vec::new());
        for before in owned {
            let mut after = before.clone();
            let values = given.of(&before.spec.key);
            let is_given = !values.is_empty();
            if is_given {
                before.check_owner()?;
                if before.left_file {
                    // A change through the API takes the connection over.
                    (after.file, after.left_file) = (None, false);
                }
                after.spec.settings.extend(values.settings);
                after.spec.secrets.extend(values.secrets);
            }
            if unknown == UnknownSettings::SetAside {
                after.spec.set_aside.extend(before.spec.unknown_to(manifest));
            }
            if is_given {
                unsuited.extend(after.spec.resolve(manifest).err().unwrap_or_default());
            }
            let one = ChangedConnection { before, after };
            if !one.names().is_empty() {
                changed.push(one);
            }
        }
        if unsuited.is_empty() { Ok(changed) } else { Err(SwapError::Settings(unsuited).into()) }
    }

    /// Returns `plugin` as a version of the plugin `name`, with the `given` settings in its connections.
    pub(super) async fn candidate(
        &self,
        name: &str,
        plugin: &Arc<Plugin>,
        given: &GivenSettings,
    ) -> Result<Candidate, PublishError> {
        let changed = self.changed_for(name, plugin.manifest(), given, UnknownSettings::Refuse).await?;
        let changed = self.served_specs(changed.iter().map(|one| &one.after));
        Ok(Candidate { plugin: Arc::clone(plugin), changed })
    }

    /// Refuses `changed` connections if people are known there and `plugin` identifies them by something else.
    pub(super) async fn check_keying_of(
        &self,
        changed: &[ChangedConnection],
        plugin: &Plugin,
    ) -> Result<(), PublishError> {
        for one in changed {
            self.check_keying_on(plugin, &one.after.spec).await?;
        }
        Ok(())
    }

    /// Returns the specifications of `connections` that the host serves.
    pub(super) fn served_specs<'a>(
        &self,
        connections: impl Iterator<Item = &'a OwnedConnection>,
    ) -> Vec<ConnectionSpec> {
        let keys = self.served.keys();
        let served = connections.filter(|owned| keys.contains(&owned.spec.key));
        served.map(|owned| owned.for_calls(self.served.public_url())).collect()
    }
}
