//! Plugins whose files are not trusted as the service starts: the version that served last serves on.
//! Tested in `api/src/tests/trusted_files.rs`.

use std::collections::BTreeMap;

use host_harness::{
    config::{Config, PluginSource},
    plugin::{KnownReleases, Release},
};
use host_model::digest::Digest;
use host_store::{Store, StoreError};
use host_trust::{Refusal, Trust};

use super::{Connections, loaded::intact_component, publish_error::PublishError};

/// A plugin whose file is not trusted.
pub(crate) struct RefusedFile {
    pub(crate) plugin: String,
    source: PluginSource,
    refusal: Refusal,
    /// The version that served last.
    component: Vec<u8>,
}

/// Returns the plugins of `config` whose files are not trusted, and of which a version that served is stored. The host refuses
/// the others as it starts.
pub(crate) async fn refused_files(
    config: &Config,
    known: &BTreeMap<String, KnownReleases>,
    store: &Store,
    now: i64,
) -> Result<Vec<RefusedFile>, StoreError> {
    let mut refused = Vec::new();
    for (plugin, source) in config.plugins() {
        let (Some(trust), Some(known)) = (config.trust().get(plugin), known.get(plugin)) else { continue };
        let Some(serving) = known.serving else { continue };
        let Some(refusal) = refusal(trust, source, known, now).await else { continue };
        let stored = intact_component(store, serving).await?;
        refused.extend(stored.map(|component| RefusedFile {
            plugin: plugin.clone(),
            source: source.clone(),
            refusal,
            component,
        }));
    }
    Ok(refused)
}

/// Returns why the file of a plugin is not trusted; `None` if it is, or cannot be read.
async fn refusal(trust: &Trust, source: &PluginSource, known: &KnownReleases, now: i64) -> Option<Refusal> {
    let path = source.path()?;
    // A second read of a pipe would wait for a writer that never comes.
    if !tokio::fs::metadata(path).await.is_ok_and(|found| found.is_file()) {
        return None;
    }
    let component = tokio::fs::read(path).await.ok()?;
    if known.serving == Some(Digest::of(&component)) {
        return None;
    }
    let release = Release::with_bundle_beside(path, component).await.ok()?;
    trust.verify(&release.component, release.bundle.as_deref(), known.mark.arrival(), now).err()
}

impl Connections {
    /// Loads the versions that served last in place of files that are not trusted, and raises an alarm for each. Ends the alarms
    /// of the others.
    pub(crate) async fn put_last_served(&self, refused: Vec<RefusedFile>) -> Result<(), PublishError> {
        for name in self.served.host().plugins().keys() {
            self.end_release_refused(name).await?;
        }
        for RefusedFile { plugin, source, refusal, component } in refused {
            tracing::error!(plugin, %refusal, "plugin file refused; the version that served last serves on");
            let version = self.served.host().load_admitted(component, &source.policy).await?;
            let added = self.served.host().add_loaded(&plugin, version);
            added.map_err(|_| PublishError::Unknown(plugin.clone()))?;
            self.report_release_refused(&plugin, &refusal).await?;
        }
        Ok(())
    }
}
