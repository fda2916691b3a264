//! Imports the configuration file's connections, at start and at each reload.
//! Tested in `api/src/tests/file.rs`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::json;

use super::{
    Connections,
    approval::Approval,
    change::ChangeError,
    differences::differences,
    owned::{self, OwnedConnection},
};
use crate::{settings::ConfigFile, who::Who};
use host_harness::{
    config::{Config, ConfigError},
    connection::ConnectionSpec,
};
use host_store::{StoreError, connections::ConnectionStatus};

/// The result of a reload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReloadResult {
    /// New in the file.
    pub added: Vec<String>,
    /// Changed in the file.
    pub changed: Vec<String>,
    /// No longer in the file: disabled, with all of their data kept, until the file names them again or they are
    /// deleted.
    pub disabled: Vec<String>,
    /// The connections that are not served or not imported from the file, each with its reason.
    pub problems: BTreeMap<String, String>,
}

/// The reason that nothing was reloaded. Everything stays as it was.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The service has no configuration file.
    #[error("this service was started without a configuration file: there is nothing to reload")]
    NoFile,
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Connections {
    /// Reloads the file, trusts the keys that it names from now on, and imports its connections. An invalid file changes
    /// nothing.
    pub async fn reload(&self, approval: Approval) -> Result<ReloadResult, ReloadError> {
        let file = self.sources.file.as_ref().ok_or(ReloadError::NoFile)?;
        let settings = ConfigFile::read(file)?;
        self.served.host().admission().set_trust(settings.config.trust().clone());
        self.report_signatures().await?;
        Ok(self.import(&settings.config, approval).await?)
    }

    /// Imports the connections of `config`: adds new ones, updates changed ones and disables those that are gone.
    pub(crate) async fn import(
        &self,
        config: &Config,
        approval: Approval,
    ) -> Result<ReloadResult, StoreError> {
        let Some(file) = config.file().map(|file| file.display().to_string()) else {
            return Ok(ReloadResult::default());
        };
        let _alone = self.sources.changing.lock().await;
        let mut reloaded = ReloadResult::default();
        for spec in config.connections() {
            let duties = config.duties(&spec.key);
            let new = OwnedConnection {
                spec: spec.clone(),
                duties,
                file: Some(file.clone()),
                left_file: false,
                standing: ConnectionStatus::default(),
            };
            self.import_one(&file, new, approval, &mut reloaded).await?;
        }
        let named: BTreeSet<&str> =
            config.connections().iter().map(|spec: &ConnectionSpec| spec.key.as_str()).collect();
        for kept in owned::all(&self.store).await?.owned {
            if kept.file.is_some() && !named.contains(kept.spec.key.as_str()) {
                self.release(&file, kept, &mut reloaded).await?;
            }
        }
        let keys = config.connections().iter().map(|spec| &spec.key);
        let unserved = keys.filter_map(|key| Some((key.clone(), self.served.problem(key)?.to_string())));
        reloaded.problems.extend(unserved.collect::<Vec<_>>());
        Ok(reloaded)
    }

    async fn import_one(
        &self,
        file: &str,
        new: OwnedConnection,
        approval: Approval,
        reloaded: &mut ReloadResult,
    ) -> Result<(), StoreError> {
        let key = new.spec.key.clone();
        match self.import_connection(file, new, approval).await {
            Ok(ImportOutcome::Unchanged) => {}
            Ok(ImportOutcome::Added) => reloaded.added.push(key),
            Ok(ImportOutcome::Changed) => reloaded.changed.push(key),
            Err(ChangeError::Store(error)) if !is_of_connection(&error) => return Err(error),
            Err(why) => {
                tracing::warn!(connection = %key, %why, "connection not imported from the file");
                reloaded.problems.insert(key, why.to_string());
            }
        }
        Ok(())
    }
}

/// The outcome for one connection of the file.
enum ImportOutcome {
    Unchanged,
    Added,
    Changed,
}

impl Connections {
    async fn import_connection(
        &self,
        file: &str,
        new: OwnedConnection,
        approval: Approval,
    ) -> Result<ImportOutcome, ChangeError> {
        let by = Who::file(file).0;
        let Some(before) = self.find_stored(&new.spec.key).await? else {
            self.put(&new, "connection-created", json!({"by": by, "plugin": new.spec.plugin})).await?;
            self.load_connection(&new).await?;
            return Ok(ImportOutcome::Added);
        };
        if before.file.is_none() {
            return Err(ChangeError::OwnedByApi);
        }
        if before.tenant != new.spec.tenant.0 {
            return Err(ChangeError::OfAnotherTenant);
        }
        let mut new = new;
        let changed = match OwnedConnection::open(self.store.vault(), &before) {
            Ok(before) => {
                // The file does not say what the version that serves need not know.
                new.spec.set_aside.clone_from(&before.spec.set_aside);
                differences(&before, &new)
            }
            // The file has the whole connection, so an unreadable row is simply replaced.
            Err(unreadable) => vec![unreadable.to_string()],
        };
        if changed.is_empty() {
            return Ok(ImportOutcome::Unchanged);
        }
        self.check_keying(&new.for_calls(self.served.public_url()), approval).await?;
        self.put(&new, "connection-changed", json!({"by": by, "changed": changed})).await?;
        self.load_connection(&new).await?;
        Ok(ImportOutcome::Changed)
    }

    /// Disables a connection that the file no longer names. Its erasures, its people's choices and its tokens are
    /// kept, because the next version of the file may name it again.
    async fn release(
        &self,
        file: &str,
        gone: OwnedConnection,
        reloaded: &mut ReloadResult,
    ) -> Result<(), StoreError> {
        if gone.left_file {
            return Ok(());
        }
        let key = gone.spec.key.clone();
        tracing::warn!(connection = %key, "connection no longer in the file and disabled");
        let mut after = gone.clone();
        after.left_file = true;
        after.duties.enabled = false;
        let detail = json!({"by": Who::file(file).0, "changed": differences(&gone, &after)});
        match self.put(&after, "connection-left-file", detail).await {
            Ok(()) => reloaded.disabled.push(key),
            Err(ChangeError::Store(error)) if !is_of_connection(&error) => return Err(error),
            Err(why) => drop(reloaded.problems.insert(key, why.to_string())),
        }
        Ok(())
    }
}

/// Returns whether an error is about the connection alone, so that the others are imported.
fn is_of_connection(error: &StoreError) -> bool {
    error.is_about_one_row() || matches!(error, StoreError::ChangedMeanwhile)
}
