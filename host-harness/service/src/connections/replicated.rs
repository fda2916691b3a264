//! Serves what other replicas changed: connections, the versions that run, and versions that are to be loaded before they
//! serve.
//! Tested in `api/src/tests/replicas.rs`.

use std::{str::FromStr as _, sync::Arc, time::Duration};

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
};
use crate::served::{ServingProblem, ServingVersion};

/// How often a replica looks for changes: each takes effect within a second, also on a busy machine. Replicas that look at the
/// same time do not hinder each other, since a look only reads.
const INTERVAL: Duration = Duration::from_millis(200);

/// How long until a version is loaded again that did not load.
const AGAIN_AFTER: Duration = Duration::from_secs(30);

/// What ends when a version was loaded: the plugin to look at again, if the version is to serve.
type Loading = JoinSet<Option<String>>;

impl Connections {
    /// Returns the change of `name` that this replica is about to make.
    pub(super) fn new_change(&self, kind: ChangeKind, name: &str) -> NewChange {
        let (replica, applied) = (self.store.replica().clone(), self.served.sync().applied());
        NewChange { replica, applied, kind, name: name.to_owned() }
    }

    /// Serves what other replicas change until `stop` is cancelled.
    pub(crate) async fn follow_replicas(self, stop: CancellationToken) {
        if !self.store.is_shared() {
            return stop.cancelled().await;
        }
        let mut loading = Loading::new();
        while !stop.is_cancelled() {
            if let Err(error) = self.serve_changes(&mut loading).await {
                tracing::warn!(%error, "changes of other replicas not served");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(INTERVAL) => {}
                () = self.served.sync().wanted() => {}
                Some(loaded) = loading.join_next() => {
                    if let Ok(Some(plugin)) = loaded {
                        self.serve_plugin_again(&plugin, &mut loading).await;
                    }
                }
            }
        }
    }

    async fn serve_changes(&self, loading: &mut Loading) -> Result<(), StoreError> {
        let (begun, applied) = (Instant::now(), self.served.sync().applied());
        let changes = self.store.read(move |c| Box::pin(changes::after(c, applied))).await?;
        let last = changes.last().map_or(applied, |change| change.number);
        for ReplicatedChange { kind, name, replica, .. } in changes {
            if replica == *self.store.replica() {
                continue;
            }
            tracing::debug!(kind = kind.as_ref(), name, %replica, "serving a change of another replica");
            match kind {
                ChangeKind::Connection => self.serve_connection(&name).await?,
                ChangeKind::Plugin => self.serve_plugin(&name, loading).await?,
                ChangeKind::Version => self.prepare_version(&name, loading),
            }
        }
        self.served.sync().look_ended(begun, last);
        Ok(())
    }

    /// Serves the connection with this key as it is stored.
    async fn serve_connection(&self, key: &str) -> Result<(), StoreError> {
        let _alone = self.sources.changing.lock().await;
        match self.find(key).await {
            Ok(Some(owned)) => {
                self.served.host().forget_rotated(key);
                self.load_connection(&owned).await?;
            }
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

    /// Runs the version of a plugin that is published, and serves the plugin's connections by it. Loads it first if it is not
    /// loaded; until then, the connections are not served.
    async fn serve_plugin(&self, name: &str, loading: &mut Loading) -> Result<(), StoreError> {
        let _alone = self.sources.changing.lock().await;
        let published = match self.publication(name).await {
            Ok(published) => published.map(|publication| publication.digest),
            Err(error) if error.is_about_one_row() => None,
            Err(error) => return Err(error),
        };
        let connections: Vec<OwnedConnection> = owned::all(&self.store).await?.owned;
        let connections: Vec<_> = connections.into_iter().filter(|owned| owned.spec.plugin == name).collect();
        if let Some(digest) = published.filter(|digest| !self.runs(name, *digest)) {
            let Some(version) = self.versions.loaded(name, digest) else {
                self.not_served_before(name, digest, &connections).await?;
                loading.spawn(self.clone().load_published(name.to_owned(), digest));
                return Ok(());
            };
            self.run(name, version, &connections).await?;
        }
        for owned in &connections {
            self.load_connection(owned).await?;
        }
        self.bell.ring_here();
        Ok(())
    }

    /// Same as [`serve_plugin`](Self::serve_plugin), for a version that was loaded in the meantime.
    async fn serve_plugin_again(&self, name: &str, loading: &mut Loading) {
        if let Err(error) = self.serve_plugin(name, loading).await {
            tracing::error!(plugin = name, %error, "version of another replica not served");
        }
    }

    /// Exchanges the version that the plugin runs for `version`.
    async fn run(
        &self,
        name: &str,
        version: Arc<Plugin>,
        connections: &[OwnedConnection],
    ) -> Result<(), StoreError> {
        let digest = version.digest();
        let mut running = Vec::new();
        for owned in connections {
            if matches!(self.serving_version(&owned.spec).await?, ServingVersion::Running) {
                running.push(owned);
            }
        }
        let specs = self.served_specs(running.into_iter());
        let exchanged = match self.served.host().plugin(name) {
            Some(slot) => {
                let exchanged = slot.replace_with(version, &specs).map_err(|error| error.to_string());
                if exchanged.is_ok() {
                    slot.forget_previous();
                }
                exchanged
            }
            None => self.served.host().add_loaded(name, version).map_err(|error| error.to_string()),
        };
        match exchanged {
            Ok(_) => tracing::info!(plugin = name, %digest, "plugin version of another replica serves"),
            // The replica that published it has checked the same.
            Err(error) => {
                tracing::error!(plugin = name, %digest, error, "version of another replica not served");
            }
        }
        Ok(())
    }

    /// Serves `connections` no more: another version is to serve them, which is not loaded yet.
    async fn not_served_before(
        &self,
        name: &str,
        digest: Digest,
        connections: &[OwnedConnection],
    ) -> Result<(), StoreError> {
        tracing::warn!(plugin = name, %digest, "version of another replica is to serve and is not loaded");
        for owned in connections {
            if matches!(self.serving_version(&owned.spec).await?, ServingVersion::Running) {
                self.served.cannot_serve(&owned.spec.key, ServingProblem::NotLoaded(digest));
            }
        }
        Ok(())
    }

    /// Loads the published version of a plugin. Returns the name of the plugin.
    async fn load_published(self, name: String, digest: Digest) -> Option<String> {
        if let Err(error) = self.versions.stored_version(&name, digest).await {
            tracing::error!(plugin = name, %digest, %error, "version of another replica not loaded");
            tokio::time::sleep(AGAIN_AFTER).await;
        }
        Some(name)
    }

    /// Loads a version that another replica is about to serve, and stores what came of it.
    fn prepare_version(&self, named: &str, loading: &mut Loading) {
        let Some((plugin, digest)) = named.rsplit_once('@') else { return };
        let Ok(digest) = Digest::from_str(digest) else { return };
        loading.spawn(self.clone().load_prepared(plugin.to_owned(), digest));
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
