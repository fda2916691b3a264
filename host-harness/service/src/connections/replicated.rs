//! Serves what replicas changed: connections, the versions that run, and versions that are to be loaded before they serve.
//! Changes of this replica are served once more: what became of one may be unknown to the caller who made it.
//! Tested in `api/src/tests/replicas.rs`.

use std::{collections::BTreeSet, str::FromStr as _, sync::Arc, time::Duration};

use host_harness::plugin::Plugin;
use host_model::digest::Digest;
use host_store::{
    StoreError,
    changes::{self, ChangeKind, NewChange, ReplicatedChange},
    preparations,
};
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    Connections,
    owned::{self, OwnedConnection},
    releases::FollowedRelease,
};
use crate::{
    served::{ServingProblem, ServingVersion},
    tasks::jittered,
};

/// How often a replica looks for changes: each takes effect within a second, also on a busy machine.
const INTERVAL: Duration = Duration::from_millis(200);

/// How long until a version is loaded again that did not load.
const AGAIN_AFTER: Duration = Duration::from_secs(30);

/// The versions that are being loaded. Each ends with the plugin to look at again, if the version is to serve.
#[derive(Default)]
struct Loading {
    tasks: JoinSet<Option<String>>,
    /// The plugins whose published or released version is being loaded.
    published: BTreeSet<String>,
}

impl Connections {
    /// Returns the change of `name` that this replica is about to make.
    pub(super) fn new_change(&self, kind: ChangeKind, name: &str) -> NewChange {
        let (replica, applied) = (self.store.replica().clone(), self.served.sync().applied());
        NewChange { replica, applied, kind, name: name.to_owned() }
    }

    /// Serves what replicas change until `stop` is cancelled.
    pub(crate) async fn follow_replicas(self, stop: CancellationToken) {
        if !self.store.is_shared() {
            return stop.cancelled().await;
        }
        let mut loading = Loading::default();
        while !stop.is_cancelled() {
            if let Err(error) = self.serve_changes(&mut loading).await {
                tracing::warn!(%error, "changes of other replicas not served");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(jittered(INTERVAL)) => {}
                () = self.served.sync().wanted() => {}
                Some(loaded) = loading.tasks.join_next() => {
                    if let Ok(Some(plugin)) = loaded {
                        loading.published.remove(&plugin);
                        self.serve_plugin_again(plugin, &mut loading).await;
                    }
                }
            }
        }
    }

    async fn serve_changes(&self, loading: &mut Loading) -> Result<(), StoreError> {
        let (begun, applied) = (Instant::now(), self.served.sync().applied());
        let changes = self.store.read(move |c| Box::pin(changes::after(c, applied))).await?;
        let last = changes.last().map_or(applied, |change| change.number);
        for change in changes {
            self.serve_change(&change, loading).await?;
            // Not again if a later one cannot be served now.
            self.served.sync().serves_up_to(change.number);
        }
        self.served.sync().look_ended(begun, last);
        Ok(())
    }

    async fn serve_change(&self, change: &ReplicatedChange, loading: &mut Loading) -> Result<(), StoreError> {
        let ReplicatedChange { kind, name, replica, .. } = change;
        let is_own = replica == self.store.replica();
        tracing::debug!(kind = kind.as_ref(), name, %replica, "serving a change");
        match kind {
            ChangeKind::Connection => self.serve_connection(name).await,
            ChangeKind::Plugin => self.serve_plugin(name, loading).await,
            ChangeKind::Secret if !is_own => {
                self.served.host().forget_rotated(name);
                Ok(())
            }
            ChangeKind::Version if !is_own => {
                self.prepare_version(name, loading);
                Ok(())
            }
            ChangeKind::Secret | ChangeKind::Version => Ok(()),
        }
    }

    /// Serves the connection with this key as it is stored.
    async fn serve_connection(&self, key: &str) -> Result<(), StoreError> {
        let _alone = self.sources.changing.lock().await;
        match self.find(key).await {
            Ok(Some(owned)) => self.serve_as_stored(&owned).await?,
            Ok(None) => self.served.remove(key),
            Err(error) if error.is_about_one_row() => {
                tracing::error!(connection = key, %error, "connection unreadable and not served");
                self.served.remove(key);
            }
            Err(error) => return Err(error),
        }
        self.bell.ring_here();
        Ok(())
    }

    /// Serves `owned` by its version. The replica that changed it has raised what there is to raise, and keyed its people. A row
    /// that cannot be read holds back no other: the connection is not served.
    async fn serve_as_stored(&self, owned: &OwnedConnection) -> Result<(), StoreError> {
        match self.serving_version(&owned.spec).await {
            Ok(version) => self.served.serve(owned.for_calls(self.served.public_url()), &version),
            Err(error) if error.is_about_one_row() => {
                tracing::error!(connection = owned.spec.key, %error, "connection not served");
                self.served.remove(&owned.spec.key);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Runs the version of a plugin that is published, and serves the plugin's connections by it. Loads it first if it is not
    /// loaded; until then, the connections that it is to serve are not served.
    async fn serve_plugin(&self, name: &str, loading: &mut Loading) -> Result<(), StoreError> {
        let _alone = self.sources.changing.lock().await;
        let published = match self.publication(name).await {
            Ok(published) => published.map(|publication| publication.digest),
            Err(error) if error.is_about_one_row() => None,
            Err(error) => return Err(error),
        };
        let mut connections = owned::all(&self.store).await?.owned;
        connections.retain(|owned| owned.spec.plugin == name);
        let (running, pinned) = self.by_version(connections).await?;
        for owned in &pinned {
            self.serve_as_stored(owned).await?;
        }
        if let Some(digest) = published.filter(|digest| !self.runs(name, *digest)) {
            let loaded = self.versions.loaded(name, digest);
            let is_run = loaded.is_some_and(|version| self.run(name, &version, &running));
            if !is_run {
                tracing::warn!(plugin = name, %digest, "version of another replica is to serve and is not loaded");
                for owned in &running {
                    self.served.cannot_serve(&owned.spec.key, ServingProblem::NotLoaded(digest));
                }
                if loading.published.insert(name.to_owned()) {
                    loading.tasks.spawn(self.clone().load_published(name.to_owned(), digest));
                }
                return Ok(());
            }
        }
        if let FollowedRelease::NotLoaded(digest) = self.follow_release(name).await?
            && loading.published.insert(name.to_owned())
        {
            tracing::warn!(plugin = name, %digest, "version that is released in steps is not loaded");
            loading.tasks.spawn(self.clone().load_published(name.to_owned(), digest));
        }
        for owned in &running {
            self.serve_as_stored(owned).await?;
        }
        self.bell.ring_here();
        Ok(())
    }

    /// Returns the connections that the running version of their plugin serves, and those that are pinned.
    async fn by_version(
        &self,
        connections: Vec<OwnedConnection>,
    ) -> Result<(Vec<OwnedConnection>, Vec<OwnedConnection>), StoreError> {
        let (mut running, mut pinned) = (Vec::new(), Vec::new());
        for owned in connections {
            match self.serving_version(&owned.spec).await {
                Ok(ServingVersion::Running) => running.push(owned),
                Ok(_) => pinned.push(owned),
                Err(error) if error.is_about_one_row() => pinned.push(owned),
                Err(error) => return Err(error),
            }
        }
        Ok((running, pinned))
    }

    /// Same as [`serve_plugin`](Self::serve_plugin), for a version that was loaded in the meantime. Tries again later if it fails.
    async fn serve_plugin_again(&self, name: String, loading: &mut Loading) {
        if let Err(error) = self.serve_plugin(&name, loading).await {
            tracing::error!(plugin = name, %error, "version of another replica not served");
            loading.tasks.spawn(async move {
                tokio::time::sleep(INTERVAL).await;
                Some(name)
            });
        }
    }

    /// Exchanges the version that the plugin runs for `version`, which is to serve `connections`. Returns whether it runs.
    fn run(&self, name: &str, version: &Arc<Plugin>, connections: &[OwnedConnection]) -> bool {
        let digest = version.digest();
        for owned in connections {
            // One that does not fit, since it was changed at the same time, must not keep the others on the old version.
            if owned.for_calls(self.served.public_url()).resolve(version.manifest()).is_err() {
                self.served.host().remove_connection(&owned.spec.key);
            }
        }
        let specs = self.served_specs(connections.iter());
        let exchanged = if let Some(slot) = self.served.host().plugin(name) {
            let exchanged = slot.replace_with(Arc::clone(version), &specs);
            slot.forget_previous();
            exchanged.map(drop).map_err(|error| error.to_string())
        } else {
            let added = self.served.host().add_loaded(name, Arc::clone(version));
            added.map(drop).map_err(|error| error.to_string())
        };
        match &exchanged {
            Ok(()) => tracing::info!(plugin = name, %digest, "plugin version of another replica serves"),
            Err(error) => {
                tracing::error!(plugin = name, %digest, error, "version of another replica not served");
            }
        }
        exchanged.is_ok()
    }

    /// Loads the published version of a plugin, or the one that is released in steps. Returns the name of the plugin.
    async fn load_published(self, name: String, digest: Digest) -> Option<String> {
        let is_loaded = self.versions.loaded(&name, digest).is_some();
        let loaded = self.versions.stored_version(&name, digest).await;
        if let Err(error) = &loaded {
            tracing::error!(plugin = name, %digest, %error, "version of another replica not loaded");
            self.pause_unloaded(&name, digest, &error.to_string()).await;
        }
        if is_loaded || loaded.is_err() {
            // It did not load, or did not run although it was loaded.
            tokio::time::sleep(AGAIN_AFTER).await;
        }
        Some(name)
    }

    /// Loads a version that another replica is about to serve, and stores what came of it.
    fn prepare_version(&self, named: &str, loading: &mut Loading) {
        let Some((plugin, digest)) = named.rsplit_once('@') else { return };
        let Ok(digest) = Digest::from_str(digest) else { return };
        loading.tasks.spawn(self.clone().load_prepared(plugin.to_owned(), digest));
    }

    async fn load_prepared(self, plugin: String, digest: Digest) -> Option<String> {
        let loaded = self.versions.stored_version(&plugin, digest).await;
        let problem = loaded.err().map(|error| error.to_string());
        if let Some(problem) = &problem {
            tracing::error!(plugin, %digest, problem, "version that is about to serve does not load");
        }
        let replica = self.store.replica().clone();
        let stored = self.store.write(move |tx| {
            Box::pin(
                async move { preparations::end(tx, &replica, &plugin, digest, problem.as_deref()).await },
            )
        });
        if let Err(error) = stored.await {
            tracing::error!(%error, "what came of loading a version is not stored");
        }
        None
    }
}
