//! Serves releases as they are stored: at the start, and as this or another replica moves them.

use std::sync::Arc;

use host_harness::plugin::Plugin;
use host_model::{digest::Digest, release::state::ReleaseEvent};
use host_store::{
    StoreError,
    releases::{ReleaseRow, SteppedRelease},
};

use super::{
    super::{
        Connections, loaded::VersionUnusable, not_authentic::raise_not_authentic, owned, versions::HOST,
    },
    error::ReleaseError,
};
use crate::{replica, served::release::ServedConnections, who::Who};

/// What came of serving a release as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum FollowedRelease {
    /// It is served, or none is in progress.
    Served,
    /// Its version is not loaded.
    NotLoaded(Digest),
}

impl Connections {
    /// Loads the versions of the releases in progress into a starting host.
    pub(crate) async fn put_releases(&self) -> Result<(), StoreError> {
        for ReleaseRow { plugin, release } in self.releases().await? {
            match release {
                Ok(release) if !release.state.has_ended() => drop(self.load_release(&release).await?),
                Ok(_) => {}
                Err(error) => {
                    // It moves no person: the version that runs serves all connections.
                    tracing::error!(plugin, %error, "release of the plugin not served");
                    self.report_foreign_release(plugin).await?;
                }
            }
        }
        Ok(())
    }

    async fn report_foreign_release(&self, plugin: String) -> Result<(), StoreError> {
        let at = self.clock.date_ms();
        let raised = self.store.write(move |tx| {
            Box::pin(async move {
                let why =
                    "its release was changed or inserted in the database from outside, and is not served";
                raise_not_authentic(tx, &plugin, Digest([0; 32]), at, why).await
            })
        });
        raised.await
    }

    /// Tries the released versions again that do not load here.
    pub(in super::super) async fn retry_releases(&self) -> Result<(), StoreError> {
        for plugin in self.served.lacking_releases() {
            let Some(release) = self.release_in_progress(&plugin).await? else { continue };
            if self.load_release(&release).await? == ServedConnections::Outdated {
                self.serve_connections_again(&plugin).await;
            }
        }
        Ok(())
    }

    /// Loads the version of a release. If it does not load, the release is paused.
    async fn load_release(&self, release: &SteppedRelease) -> Result<ServedConnections, StoreError> {
        let (plugin, digest) = (&release.plugin, release.plan.version());
        match self.versions.version(plugin, digest).await {
            Ok(version) => Ok(self.served.put_release(release, &version)),
            Err(VersionUnusable::Store(error)) => Err(error),
            Err(error) => {
                let connections = self.served.lacks_release(release);
                self.pause_unloaded(plugin, digest, &error.to_string()).await;
                Ok(connections)
            }
        }
    }

    /// Pauses the release of `digest`, if it is in progress, since its version does not load here.
    pub(in super::super) async fn pause_unloaded(&self, plugin: &str, digest: Digest, why: &str) {
        let event = ReleaseEvent::NotLoaded { replica: replica::name(), why: why.to_owned() };
        let paused = async {
            let _alone = self.sources.changing.lock().await;
            let release = self.release_in_progress(plugin).await?;
            match release.filter(|release| release.plan.version() == digest) {
                Some(release) => self.apply(&Who(HOST.to_owned()), release, event).await.map(drop),
                None => Ok(()),
            }
        };
        // It was moved in the meantime, which takes precedence.
        if let Err(error) = paused.await
            && !matches!(error, ReleaseError::Overtaken(_))
        {
            tracing::error!(plugin, %digest, %error, "release of a version that does not load not paused");
        }
    }

    /// Serves the release of a plugin as it is stored, if its version is loaded. The caller serves the plugin's connections.
    pub(in super::super) async fn follow_release(&self, plugin: &str) -> Result<FollowedRelease, StoreError> {
        let release = match self.release_in_progress(plugin).await {
            Err(error) if error.is_about_one_row() => None,
            release => release?,
        };
        let Some(release) = release else {
            self.served.end_release(plugin);
            return Ok(FollowedRelease::Served);
        };
        let digest = release.plan.version();
        let Some(version) = self.versions.loaded(plugin, digest) else {
            self.served.lacks_release(&release);
            return Ok(FollowedRelease::NotLoaded(digest));
        };
        self.served.put_release(&release, &version);
        Ok(FollowedRelease::Served)
    }

    /// Serves a release that this replica moved.
    pub(super) async fn serve_release(&self, release: &SteppedRelease, version: &Arc<Plugin>) {
        if self.served.put_release(release, version) == ServedConnections::Outdated {
            self.serve_connections_again(&release.plugin).await;
        }
        self.bell.ring();
    }

    /// Serves what the version before has of a release that this replica moved, whose version is not loaded here.
    pub(super) async fn serve_lacking_release(&self, release: &SteppedRelease) {
        if self.served.lacks_release(release) == ServedConnections::Outdated {
            self.serve_connections_again(&release.plugin).await;
        }
        self.bell.ring();
    }

    /// Ends a release that this replica moved to its end.
    pub(super) fn end_served_release(&self, release: &SteppedRelease) {
        self.served.end_release(&release.plugin);
        self.bell.ring();
    }

    /// Serves the connections of a plugin as they are stored. What was stored is not taken back if that fails: it is logged.
    async fn serve_connections_again(&self, plugin: &str) {
        let served = async {
            for owned in owned::all(&self.store).await?.owned {
                if owned.spec.plugin == plugin {
                    self.load_connection(&owned).await?;
                }
            }
            Ok::<_, StoreError>(())
        };
        if let Err(error) = served.await {
            tracing::error!(plugin, %error, "connections not served again after a release was moved");
        }
    }
}
