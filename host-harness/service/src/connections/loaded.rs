//! Stored versions that are loaded beside those that serve: for a pin, for a single call, or for an erasure that they gave
//! a reference for. They are loaded when a call needs them, and unloaded when none has needed them for a while.
//! Tested in `api/src/tests/{pins,single_calls,writers}.rs`.

use std::{sync::Arc, time::Duration};

use host_harness::{
    clock::Clock,
    host::NotOnVersion,
    plugin::{LoadError, LoadPolicy, Plugin},
    sandbox::Calls,
};
use host_model::{digest::Digest, plugin_version::VersionState};
use host_store::{
    Store, StoreError, components, pins, release_marks,
    releases::{self, SteppedRelease},
    versions::{self, Version},
};
use host_trust::{Arrival, Refusal, Trust};
use parking_lot::Mutex;

use super::{conditions::LoadConditions, known_mark::known_mark, sources::Sources};
use crate::served::{NotServed, Served};

/// Maximum number of versions that stay loaded without serving. Compiled code takes several times the size of its component, so many of
/// them would take the memory of calls; few are in use at once, since a version is replaced every few hours at most.
const MAX_LOADED: usize = 4;

/// How long a version stays loaded after its last use: longer than most vendors take between two confirmations.
const UNLOAD_AFTER: Duration = Duration::from_mins(10);

/// Why a call cannot be made on a version.
#[derive(Debug, thiserror::Error)]
pub enum VersionUnusable {
    /// The plugin has no such version, or its row was changed from outside.
    #[error("plugin {plugin} has no version {digest}: its history lists those that it has")]
    Unknown {
        /// The plugin's name.
        plugin: String,
        /// The version's digest.
        digest: Digest,
    },
    /// The version has neither served nor been approved.
    #[error("version {digest} of plugin {plugin} is {state}: approve it first")]
    NotApproved {
        /// The plugin's name.
        plugin: String,
        /// The version's digest.
        digest: Digest,
        /// Its state.
        state: VersionState,
    },
    /// The connection uses another plugin.
    #[error("connection {connection} does not use plugin {plugin}")]
    AnotherPlugin {
        /// The connection's key.
        connection: String,
        /// The plugin's name.
        plugin: String,
    },
    /// Its component is not stored.
    #[error("the component of version {0} is not stored here: upload it again")]
    NotStored(Digest),
    /// Its component was damaged or replaced in the database.
    #[error("{0}: upload it again")]
    Damaged(StoreError),
    /// The conditions under which it loads cannot be read.
    #[error("the stored conditions of version {0} cannot be read: publish it again")]
    Conditions(Digest),
    /// It does not load.
    #[error("the version does not load: {0}")]
    NotLoaded(#[from] LoadError),
    /// It is not signed as its plugin needs.
    #[error("the version {0}")]
    NotTrusted(#[from] Refusal),
    /// The settings of the connection do not fit it.
    #[error(transparent)]
    Unsuited(NotOnVersion),
    /// The connection is not served.
    #[error(transparent)]
    NotServed(#[from] NotServed),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for VersionUnusable {
    fn from(error: StoreError) -> Self {
        if error.is_about_one_row() { Self::Damaged(error) } else { Self::Store(error) }
    }
}

/// Returns the component with this digest; `None` if it is not stored.
pub(super) async fn stored_component(store: &Store, digest: Digest) -> Result<Option<Vec<u8>>, StoreError> {
    store.read(move |c| Box::pin(async move { components::component(c, digest).await })).await
}

/// Returns the component with this digest; `None` if it is not stored, or damaged.
pub(super) async fn intact_component(store: &Store, digest: Digest) -> Result<Option<Vec<u8>>, StoreError> {
    match stored_component(store, digest).await {
        Err(error) if error.is_about_one_row() => Ok(None),
        stored => stored,
    }
}

/// Loads stored versions. Clones share everything.
#[derive(Clone)]
pub struct LoadedVersions {
    served: Served,
    store: Store,
    clock: Arc<dyn Clock>,
    sources: Arc<Sources>,
    /// Those that were loaded, the least recently used first.
    loaded: Arc<Mutex<Vec<LoadedVersion>>>,
    /// Held while one is loaded. Acquired before the lock for compiling.
    loading: Arc<tokio::sync::Mutex<()>>,
}

struct LoadedVersion {
    plugin: String,
    version: Arc<Plugin>,
    used_at: Duration,
    /// The signature of its component that was verified last; `None` if it needed none.
    verified: Option<VerifiedSignature>,
}

/// What a component's signature was verified by. The same component need not be verified by the same again.
#[derive(Clone, PartialEq, Eq)]
struct VerifiedSignature {
    trust: Trust,
    bundle: Option<Vec<u8>>,
    arrival: Arrival,
}

impl VerifiedSignature {
    /// Returns whether only the time may have changed what came of it.
    fn goes_by_time(&self) -> bool {
        matches!(self.arrival, Arrival::FromOutside(_))
    }
}

impl LoadedVersions {
    pub(super) fn new(served: Served, store: Store, clock: Arc<dyn Clock>, sources: Arc<Sources>) -> Self {
        Self { served, store, clock, sources, loaded: Arc::default(), loading: Arc::default() }
    }

    /// Returns the calls of a connection on the version of its plugin with this digest, which need not serve.
    pub async fn calls(&self, key: &str, digest: Digest) -> Result<Calls, VersionUnusable> {
        let serving = self.served.serving(key)?;
        if let Some(calls) = serving.on(digest) {
            return Ok(calls.clone());
        }
        // Only between these two lines could the connection have been removed.
        let plugin = self.served.host().plugin_of(key).unwrap_or_default();
        let version = self.version(&plugin, digest).await?;
        self.served.host().connection_on(key, &version).map_err(|error| match error {
            NotOnVersion::Unknown(unknown) => NotServed::from(unknown).into(),
            unsuited @ NotOnVersion::Settings(_) => VersionUnusable::Unsuited(unsuited),
        })
    }

    /// Returns a version that was approved or has served, and loads it if it is not loaded.
    pub(super) async fn version(&self, plugin: &str, digest: Digest) -> Result<Arc<Plugin>, VersionUnusable> {
        let version = self.approved(plugin, digest).await?;
        let verified = self.check_signature(&version).await?;
        let opened = self.opened(plugin, version).await?;
        self.remember(plugin, digest, verified);
        Ok(opened)
    }

    /// Checks who signed a version, unless it serves or has served and was admitted without a signature. Returns what it was verified by. Its
    /// component is not read and verified again by the same while it is loaded, since each call asks for it.
    async fn check_signature(&self, version: &Version) -> Result<Option<VerifiedSignature>, VersionUnusable> {
        let Version { plugin, digest, bundle, .. } = version;
        let Some(trust) = self.served.host().admission().trust_for(plugin) else { return Ok(None) };
        let arrival = self.arrival(version).await?;
        if bundle.is_none() && matches!(arrival, Arrival::PutBack(_)) {
            return Ok(None);
        }
        let signature = VerifiedSignature { trust, bundle: bundle.clone(), arrival };
        if signature.goes_by_time() || !self.is_verified(plugin, *digest, &signature) {
            let component = self.component(*digest).await?;
            let VerifiedSignature { trust, bundle, arrival } = &signature;
            trust.verify(&component, bundle.as_deref(), *arrival, self.clock.date_ms())?;
        }
        Ok(Some(signature))
    }

    fn is_verified(&self, plugin: &str, digest: Digest, signature: &VerifiedSignature) -> bool {
        let loaded = self.loaded.lock();
        let of = loaded.iter().find(|of| of.plugin == plugin && of.version.digest() == digest);
        of.is_some_and(|of| of.verified.as_ref() == Some(signature))
    }

    fn remember(&self, plugin: &str, digest: Digest, verified: Option<VerifiedSignature>) {
        let mut loaded = self.loaded.lock();
        if let Some(of) = loaded.iter_mut().find(|of| of.plugin == plugin && of.version.digest() == digest) {
            of.verified = verified;
        }
    }

    /// Returns how `version` is to be checked. It had to be current when it first served, was first pinned
    /// or began to be released in steps, and not since.
    pub(super) async fn arrival(&self, version: &Version) -> Result<Arrival, StoreError> {
        let (plugin, digest) = (version.plugin.clone(), version.digest);
        if version.served_at.is_some() {
            return Ok(Arrival::PutBack(digest));
        }
        let vault = self.store.vault().clone();
        let read = self.store.read(move |c| {
            Box::pin(async move {
                let pins = pins::of_plugin(c, &plugin).await?;
                let is_pinned = pins.iter().any(|pin| pin.pin.digest == digest && pin.is_authentic(&vault));
                let release = match releases::find(c, &vault, &plugin).await {
                    Err(error) if error.is_about_one_row() => None,
                    release => release?,
                };
                let is_it = |of: &SteppedRelease| of.plan.version() == digest && !of.state.has_ended();
                Ok(if is_pinned || release.as_ref().is_some_and(is_it) {
                    Arrival::PutBack(digest)
                } else {
                    known_mark(release_marks::find(c, &vault, &plugin).await)?.arrival()
                })
            })
        });
        read.await
    }

    async fn component(&self, digest: Digest) -> Result<Vec<u8>, VersionUnusable> {
        stored_component(&self.store, digest).await?.ok_or(VersionUnusable::NotStored(digest))
    }

    /// Returns a stored version that is only to be looked at, whatever became of it, and loads it if it is not loaded.
    pub(super) async fn stored_version(
        &self,
        plugin: &str,
        digest: Digest,
    ) -> Result<Arc<Plugin>, VersionUnusable> {
        if let Some(serving) = self.served.version(plugin, digest) {
            return Ok(serving);
        }
        let version = self.stored(plugin, digest).await?;
        self.opened(plugin, version).await
    }

    /// Returns a version if it is loaded, whether or not it serves.
    pub(super) fn loaded(&self, plugin: &str, digest: Digest) -> Option<Arc<Plugin>> {
        self.find(plugin, digest)
    }

    async fn opened(&self, plugin: &str, version: Version) -> Result<Arc<Plugin>, VersionUnusable> {
        let digest = version.digest;
        // One that is being loaded is not loaded again.
        let _one = self.loading.lock().await;
        if let Some(loaded) = self.find(plugin, digest) {
            return Ok(loaded);
        }
        let bytes = self.component(digest).await?;
        let conditions = LoadConditions::read(version.conditions.as_deref());
        let conditions = conditions.map_err(|_| VersionUnusable::Conditions(digest))?;
        let policy = self.sources.policy(plugin, &conditions);
        let loaded = Arc::new(self.load(bytes, &policy).await?);
        tracing::info!(plugin, %digest, "plugin version loaded beside the one that serves");
        self.keep(plugin, &loaded);
        Ok(loaded)
    }

    /// Compiles and checks a component, one at a time. May take long.
    pub(super) async fn load(&self, bytes: Vec<u8>, policy: &LoadPolicy) -> Result<Plugin, LoadError> {
        let _counted = Arc::clone(&self.sources.to_compile);
        let _one = self.sources.compiling.lock().await;
        self.served.host().load_admitted(bytes, policy).await
    }

    /// Unloads the versions that nothing has used for a while, and those that are no longer stored.
    pub(super) async fn unload_unused(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.loaded.lock().retain(|loaded| loaded.used_at + UNLOAD_AFTER > now);
        let digests: Vec<Digest> = self.loaded.lock().iter().map(|loaded| loaded.version.digest()).collect();
        for digest in digests {
            let read = self.store.read(move |c| Box::pin(versions::stored_size(c, digest)));
            if read.await? == 0 {
                self.loaded.lock().retain(|loaded| loaded.version.digest() != digest);
            }
        }
        Ok(())
    }

    async fn approved(&self, plugin: &str, digest: Digest) -> Result<Version, VersionUnusable> {
        let version = self.stored(plugin, digest).await?;
        if version.served_at.is_none() && version.state != VersionState::Approved {
            let plugin = plugin.to_owned();
            return Err(VersionUnusable::NotApproved { plugin, digest, state: version.state });
        }
        Ok(version)
    }

    async fn stored(&self, plugin: &str, digest: Digest) -> Result<Version, VersionUnusable> {
        let (name, vault) = (plugin.to_owned(), self.store.vault().clone());
        let found = self
            .store
            .read(move |connection| Box::pin(async move { versions::find(connection, &name, digest).await }))
            .await?;
        let plugin = plugin.to_owned();
        let Some(found) = found.filter(|found| found.is_authentic(&vault)) else {
            return Err(VersionUnusable::Unknown { plugin, digest });
        };
        if !found.is_stored {
            return Err(VersionUnusable::NotStored(digest));
        }
        Ok(found.version)
    }

    /// Returns the version if it is loaded, and counts a use of it.
    fn find(&self, plugin: &str, digest: Digest) -> Option<Arc<Plugin>> {
        if let Some(serving) = self.served.version(plugin, digest) {
            return Some(serving);
        }
        let mut loaded = self.loaded.lock();
        let is_it = |of: &LoadedVersion| of.plugin == plugin && of.version.digest() == digest;
        let at = loaded.iter().position(is_it)?;
        let mut found = loaded.remove(at);
        found.used_at = self.clock.now();
        let version = Arc::clone(&found.version);
        loaded.push(found);
        Some(version)
    }

    fn keep(&self, plugin: &str, version: &Arc<Plugin>) {
        let mut loaded = self.loaded.lock();
        let is_it = |of: &LoadedVersion| of.plugin == plugin && of.version.digest() == version.digest();
        loaded.retain(|of| !is_it(of));
        let used_at = self.clock.now();
        let (plugin, version) = (plugin.to_owned(), Arc::clone(version));
        loaded.push(LoadedVersion { plugin, version, used_at, verified: None });
        let excess = loaded.len().saturating_sub(MAX_LOADED);
        loaded.drain(..excess);
    }
}
