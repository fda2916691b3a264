//! The version that serves a connection: the one that it is pinned to, or the one that its plugin runs.
//! Tested in `api/src/tests/pins.rs`.

use std::sync::Arc;

use host_harness::{connection::ConnectionSpec, plugin::Plugin};
use host_store::{
    StoreError,
    alarms::{self, Alarm},
    pins,
};

use super::{Connections, loaded::VersionUnusable};
use crate::served::{ServingProblem, ServingVersion};

/// The alarm for a connection whose pinned version cannot be used.
const NOT_LOADED: &str = "pinned-version-not-loaded";

impl Connections {
    /// Returns the version that is to serve `spec`, and loads it if it is pinned to one.
    pub(super) async fn serving_version(&self, spec: &ConnectionSpec) -> Result<ServingVersion, StoreError> {
        let (plugin, tenant, key) = (spec.plugin.clone(), spec.tenant.0.clone(), spec.key.clone());
        let deciding = self.store.read(move |connection| {
            Box::pin(async move { pins::deciding(connection, &plugin, &tenant, &key).await })
        });
        let Some(stored) = deciding.await? else { return Ok(ServingVersion::Running) };
        let is_authentic = stored.is_authentic(self.store.vault());
        let pin = stored.pin;
        if !is_authentic {
            return Ok(ServingVersion::Unusable(pin, ServingProblem::ForeignPin));
        }
        let digest = pin.digest;
        match self.versions.version(&pin.plugin, digest).await {
            Ok(version) => Ok(ServingVersion::Pinned(pin, version)),
            Err(VersionUnusable::Store(error)) => Err(error),
            Err(error) => {
                let problem = ServingProblem::PinnedVersion { digest, why: error.to_string() };
                Ok(ServingVersion::Unusable(pin, problem))
            }
        }
    }

    /// Loads the version that `spec` is pinned to, if any, so that a change that follows need not wait for a compiler while
    /// it blocks others.
    pub(super) async fn prepare(&self, spec: &ConnectionSpec) -> Result<(), StoreError> {
        self.serving_version(spec).await.map(drop)
    }

    /// Returns the version of its plugin that is to serve `spec`; `None` if it cannot be used or the plugin is not loaded.
    pub(super) async fn plugin_for(&self, spec: &ConnectionSpec) -> Result<Option<Arc<Plugin>>, StoreError> {
        let running = || {
            let slot = self.served.host().plugin(&spec.plugin)?;
            Some(Arc::clone(slot.current().plugin().uncounted()))
        };
        Ok(match self.serving_version(spec).await? {
            ServingVersion::Running => running(),
            ServingVersion::Pinned(_, version) => Some(version),
            ServingVersion::Unusable(..) => None,
        })
    }

    /// Raises an alarm while the version that the connection is pinned to cannot be used.
    pub(super) async fn report_serving(
        &self,
        spec: &ConnectionSpec,
        version: &ServingVersion,
    ) -> Result<(), StoreError> {
        let why = match version {
            ServingVersion::Running => return Ok(()),
            ServingVersion::Pinned(..) => None,
            ServingVersion::Unusable(_, problem) => Some(problem.to_string()),
        };
        let (tenant, key, at) = (spec.tenant.0.clone(), spec.key.clone(), self.clock.date_ms());
        let stored = self.store.write(move |tx| {
            Box::pin(async move {
                let Some(why) = why else { return alarms::is_over(tx, at, NOT_LOADED, &key).await };
                let detail = format!("the connection is not served: {why}");
                let alarm = Alarm {
                    tenant: &tenant,
                    connection: Some(&key),
                    kind: NOT_LOADED,
                    about: &key,
                    detail: &detail,
                };
                alarms::raise(tx, at, &alarm).await
            })
        });
        stored.await
    }

    /// Ends the alarm of a connection that is not pinned any more.
    pub(super) async fn end_serving_alarm(&self, key: &str) -> Result<(), StoreError> {
        let (key, at) = (key.to_owned(), self.clock.date_ms());
        let ended = self
            .store
            .write(move |tx| Box::pin(async move { alarms::is_over(tx, at, NOT_LOADED, &key).await }));
        ended.await
    }

    /// Serves the connections whose pinned version could not be used, if it can be now: it may have been uploaded again.
    pub(super) async fn retry_unusable(&self) -> Result<(), StoreError> {
        for key in self.served.with_unusable_version() {
            let Some(owned) = self.find(&key).await? else { continue };
            if let ServingVersion::Unusable(..) = self.serving_version(&owned.spec).await? {
                continue;
            }
            let _alone = self.sources.changing.lock().await;
            // It may have been changed or deleted in the meantime.
            let Some(owned) = self.find(&key).await? else { continue };
            self.load_connection(&owned).await?;
        }
        Ok(())
    }
}
