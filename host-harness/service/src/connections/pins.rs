//! Pins tenants and connections to versions of their plugin, and unpins them.
//! Tested in `api/src/tests/pins.rs`.

use std::sync::Arc;

use host_harness::{
    connection::{ConnectionSpec, SettingError},
    lines::lines,
    plugin::Plugin,
};
use host_model::digest::Digest;
use host_store::{
    RowChange, StoreError,
    audit::{self, Record},
    changes::ChangeKind,
    pins::{self, Pin, PinScope, StoredPin},
    versions,
};
use serde_json::json;

use super::{
    Connections,
    approval::Approval,
    change::ChangeError,
    loaded::VersionUnusable,
    owned::{self, OwnedConnection},
    publish_error::{MAX_NOTE_CHARS, PublishError},
};
use crate::who::Who;

/// The reason that nothing was pinned or unpinned.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// The version cannot be used.
    #[error(transparent)]
    Version(#[from] VersionUnusable),
    /// It has not served yet, and requests or does more than was approved beside the version that serves now.
    #[error(transparent)]
    NotApproved(#[from] PublishError),
    /// There is no such connection.
    #[error("there is no connection `{0}`")]
    UnknownConnection(String),
    /// The connection uses another plugin.
    #[error("connection {connection} uses plugin {used}, not {plugin}: name that one")]
    AnotherPlugin {
        /// The connection's key.
        connection: String,
        /// The plugin that it uses.
        used: String,
        /// The plugin of the pin.
        plugin: String,
    },
    /// The tenant has no connection that uses the plugin.
    #[error(
        "tenant {tenant} has no connection that uses plugin {plugin}: create it first, or check the name"
    )]
    NoConnection {
        /// The tenant.
        tenant: String,
        /// The plugin's name.
        plugin: String,
    },
    /// Settings do not fit the version that would serve the connections.
    #[error("connections do not fit the version that would serve them:{}", lines(.0))]
    Unsuited(Vec<SettingError>),
    /// The change is not possible for a connection.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The plugin does not run, so no version could serve the connections that are unpinned.
    #[error(
        "plugin {0} does not run: publish a version of it first, or pin the connections to another version"
    )]
    NotRunning(String),
    /// There is no such pin.
    #[error("plugin {0} has no such pin: `pins` of the plugin lists those that it has")]
    NotPinned(String),
    /// The note is too long.
    #[error("the note has {0} characters; at most {MAX_NOTE_CHARS} are allowed")]
    LongNote(usize),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is pinned or unpinned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PinTarget {
    /// All connections of this tenant that use the plugin, also those that are created later.
    Tenant(String),
    /// The connection with this key.
    Connection(String),
}

/// What is to be pinned to which version.
#[derive(Clone, Debug)]
pub struct NewPin {
    /// The plugin's name.
    pub plugin: String,
    /// The version.
    pub digest: Digest,
    /// What is pinned.
    pub target: PinTarget,
    /// What the operator writes about it.
    pub note: Option<String>,
}

impl Connections {
    /// Returns the pins of a plugin, by tenant and connection.
    pub async fn pins(&self, plugin: &str) -> Result<Vec<StoredPin>, StoreError> {
        let plugin = plugin.to_owned();
        self.store.read(move |c| Box::pin(async move { pins::of_plugin(c, &plugin).await })).await
    }

    /// Pins a tenant or a connection to a version that was approved or has served. It takes effect at once; calls in
    /// progress end on the version that they began with. A version that changes what identifies known people requires
    /// `approval`.
    pub async fn pin(&self, who: &Who, new: NewPin, approval: Approval) -> Result<Pin, PinError> {
        let NewPin { plugin, digest, target, note } = new;
        let length = note.as_ref().map_or(0, |note| note.chars().count());
        if length > MAX_NOTE_CHARS {
            return Err(PinError::LongNote(length));
        }
        // Before the lock, since it may have to be compiled.
        let version = self.versions.version(&plugin, digest).await?;
        if approval == Approval::Missing {
            self.check_still_approved(&plugin, &version).await?;
        }
        let _alone = self.sources.changing.lock().await;
        let version = self.versions.version(&plugin, digest).await?;
        let Affected { tenant, scope, connections } = self.affected(&plugin, target).await?;
        check_settings(connections.iter().map(|owned| (&owned.spec, &version)))?;
        if approval == Approval::Missing {
            for owned in &connections {
                self.check_keying_on(&version, &owned.for_calls(self.served.public_url())).await?;
            }
        }
        let pinned_at = self.clock.date_ms();
        let pin = Pin { plugin, tenant, scope, digest, pinned_by: who.0.clone(), pinned_at, note };
        let line = record("plugin-pinned", who, &pin);
        let (vault, stored) = (self.store.vault().clone(), pin.clone());
        let change = self.new_change(ChangeKind::Plugin, &pin.plugin);
        let written = self.store.write(move |tx| {
            Box::pin(async move {
                change.record(tx).await?;
                pins::put(tx, &vault, &stored).await?;
                audit::append(tx, &vault, &stored.tenant, pinned_at, &line).await
            })
        });
        written.await?;
        tracing::info!(plugin = pin.plugin, tenant = pin.tenant, connection = pin.scope.connection(), %digest, by = who.0, "pinned");
        self.serve_again(&connections).await?;
        Ok(pin)
    }

    /// Unpins a tenant or a connection, which is then served by the version that its plugin runs, or that its tenant is
    /// pinned to. It takes effect at once. A version that changes what identifies known people requires `approval`.
    pub async fn unpin(
        &self,
        who: &Who,
        plugin: &str,
        target: PinTarget,
        approval: Approval,
    ) -> Result<(), PinError> {
        let _alone = self.sources.changing.lock().await;
        let pins = self.pins(plugin).await?;
        let is_meant = |stored: &StoredPin| match (&target, &stored.pin.scope) {
            (PinTarget::Tenant(tenant), PinScope::Tenant) => *tenant == stored.pin.tenant,
            (PinTarget::Connection(key), PinScope::Connection(pinned)) => key == pinned,
            _ => false,
        };
        let (removed, left): (Vec<_>, Vec<_>) = pins.into_iter().partition(is_meant);
        let Some(StoredPin { pin, .. }) = removed.into_iter().next() else {
            return Err(PinError::NotPinned(plugin.to_owned()));
        };
        let connections = self.connections_of(&pin).await?;
        self.check_unpinned(&connections, &left, approval).await?;
        let (at, line) = (self.clock.date_ms(), record("plugin-unpinned", who, &pin));
        let (vault, gone) = (self.store.vault().clone(), pin.clone());
        let change = self.new_change(ChangeKind::Plugin, plugin);
        let removed = self.store.write(move |tx| {
            Box::pin(async move {
                change.record(tx).await?;
                if pins::remove(tx, &gone.plugin, &gone.tenant, &gone.scope).await? == RowChange::Unchanged {
                    return Ok(());
                }
                audit::append(tx, &vault, &gone.tenant, at, &line).await?;
                versions::prune(tx).await
            })
        });
        removed.await?;
        let Pin { tenant, scope, digest, .. } = &pin;
        tracing::info!(plugin, tenant, connection = scope.connection(), %digest, by = who.0, "unpinned");
        self.serve_again(&connections).await
    }

    /// Checks that the versions that are to serve `connections` once only the pins in `left` decide are suitable. A
    /// connection that is not served now cannot become worse.
    async fn check_unpinned(
        &self,
        connections: &[OwnedConnection],
        left: &[StoredPin],
        approval: Approval,
    ) -> Result<(), PinError> {
        let mut next = Vec::new();
        for owned in connections.iter().filter(|owned| self.served.problem(&owned.spec.key).is_none()) {
            next.push((&owned.spec, self.version_under(left, &owned.spec).await?));
        }
        check_settings(next.iter().map(|(spec, version)| (*spec, version)))?;
        if approval == Approval::Missing {
            for (spec, version) in next {
                self.check_keying_on(&version, spec).await?;
            }
        }
        Ok(())
    }

    /// Returns the version that serves `spec` if only `pins` decide.
    async fn version_under(
        &self,
        pins: &[StoredPin],
        spec: &ConnectionSpec,
    ) -> Result<Arc<Plugin>, PinError> {
        let of_tenant = pins.iter().find(|stored| stored.pin.includes(&spec.tenant.0, &spec.key));
        if let Some(StoredPin { pin, .. }) = of_tenant {
            return Ok(self.versions.version(&pin.plugin, pin.digest).await?);
        }
        let slot = self.served.host().plugin(&spec.plugin);
        let slot = slot.ok_or_else(|| PinError::NotRunning(spec.plugin.clone()))?;
        Ok(Arc::clone(slot.current().plugin().uncounted()))
    }

    async fn affected(&self, plugin: &str, target: PinTarget) -> Result<Affected, PinError> {
        let (tenant, scope) = match target {
            PinTarget::Tenant(tenant) => (tenant, PinScope::Tenant),
            PinTarget::Connection(key) => {
                let found = self.find(&key).await?;
                let owned = found.ok_or_else(|| PinError::UnknownConnection(key.clone()))?;
                let (used, plugin) = (owned.spec.plugin.clone(), plugin.to_owned());
                if used != plugin {
                    return Err(PinError::AnotherPlugin { connection: key, used, plugin });
                }
                let connections = vec![owned.clone()];
                return Ok(Affected {
                    tenant: owned.spec.tenant.0,
                    scope: PinScope::Connection(key),
                    connections,
                });
            }
        };
        let all = owned::all(&self.store).await?.owned;
        if !all.iter().any(|owned| owned.spec.tenant.0 == tenant && owned.spec.plugin == plugin) {
            return Err(PinError::NoConnection { tenant, plugin: plugin.to_owned() });
        }
        let own = self.pins(plugin).await?;
        let connections = of_tenant(all, &own, plugin, &tenant);
        Ok(Affected { tenant, scope, connections })
    }

    /// Returns the connections that `pin`, which is stored, decides about.
    async fn connections_of(&self, pin: &Pin) -> Result<Vec<OwnedConnection>, PinError> {
        match &pin.scope {
            PinScope::Connection(key) => Ok(self.find(key).await?.into_iter().collect()),
            PinScope::Tenant => {
                let (all, own) = (owned::all(&self.store).await?.owned, self.pins(&pin.plugin).await?);
                Ok(of_tenant(all, &own, &pin.plugin, &pin.tenant))
            }
        }
    }

    /// Serves `connections` by the versions that are stored for them now.
    async fn serve_again(&self, connections: &[OwnedConnection]) -> Result<(), PinError> {
        for owned in connections {
            self.load_connection(owned).await?;
            if self.served.pin(&owned.spec.key).is_none() {
                self.end_serving_alarm(&owned.spec.key).await?;
            }
        }
        self.bell.ring();
        Ok(())
    }
}

/// What a pin affects.
struct Affected {
    tenant: String,
    scope: PinScope,
    connections: Vec<OwnedConnection>,
}

/// Returns the connections of `tenant` that use `plugin` and have no pin of their own among `pins`.
fn of_tenant(
    all: Vec<OwnedConnection>,
    pins: &[StoredPin],
    plugin: &str,
    tenant: &str,
) -> Vec<OwnedConnection> {
    let has_own = |key: &str| pins.iter().any(|stored| stored.pin.scope.connection() == Some(key));
    let mut of_tenant = all;
    of_tenant.retain(|OwnedConnection { spec, .. }| {
        spec.plugin == plugin && spec.tenant.0 == tenant && !has_own(&spec.key)
    });
    of_tenant
}

/// Checks that the settings of each connection fit the version that is to serve it.
fn check_settings<'a>(
    next: impl Iterator<Item = (&'a ConnectionSpec, &'a Arc<Plugin>)>,
) -> Result<(), PinError> {
    let unsuited = next.filter_map(|(spec, version)| spec.resolve(version.manifest()).err()).flatten();
    let unsuited: Vec<_> = unsuited.collect();
    if unsuited.is_empty() { Ok(()) } else { Err(PinError::Unsuited(unsuited)) }
}

fn record(what: &'static str, who: &Who, pin: &Pin) -> Record {
    Record {
        connection: pin.scope.connection().map(str::to_owned),
        digest: Some(pin.digest.to_string()),
        detail: json!({"by": who.0, "plugin": pin.plugin, "note": pin.note}),
        ..Record::of(what)
    }
}
