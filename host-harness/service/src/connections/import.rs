//! The configuration file's connections, taken in at the start and at each reload.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::json;

use super::{
    Connections,
    approval::Approval,
    change::ChangeError,
    differences::differences,
    owned::{self, Owned},
};
use crate::{settings::Settings, who::Who};
use host_harness::{
    config::{Config, ConfigError},
    connection::ConnectionSpec,
};
use host_store::{StoreError, connections::Standing};

/// What a reload came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Reloaded {
    /// New in the file.
    pub added: Vec<String>,
    /// Changed in the file.
    pub changed: Vec<String>,
    /// No longer in the file: disabled, with everything that they know, until the file names them again or they are deleted.
    pub disabled: Vec<String>,
    /// Those that are not served, or not taken from the file, each with its reason.
    pub problems: BTreeMap<String, String>,
}

/// Why nothing was reloaded. Everything is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// There is no file.
    #[error("this service was started without a configuration file: there is nothing to read again")]
    NoFile,
    /// It cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Connections {
    /// Reads the file again and takes in its connections. One that is broken changes nothing.
    pub async fn reload(&self, approval: Approval) -> Result<Reloaded, ReloadError> {
        let file = self.sources.file.as_ref().ok_or(ReloadError::NoFile)?;
        let settings = Settings::read(file)?;
        Ok(self.take_in(&settings.config, approval).await?)
    }

    /// Takes in the connections of `config`: new ones, changed ones, and that others are gone.
    pub(crate) async fn take_in(&self, config: &Config, approval: Approval) -> Result<Reloaded, StoreError> {
        let Some(file) = config.file().map(|file| file.display().to_string()) else {
            return Ok(Reloaded::default());
        };
        let _alone = self.sources.changing.lock().await;
        let mut reloaded = Reloaded::default();
        for spec in config.connections() {
            let duties = config.duties(&spec.key);
            let new = Owned {
                spec: spec.clone(),
                duties,
                file: Some(file.clone()),
                left_file: false,
                standing: Standing::default(),
            };
            self.take_in_one(&file, new, approval, &mut reloaded).await?;
        }
        let named: BTreeSet<&str> =
            config.connections().iter().map(|spec: &ConnectionSpec| spec.key.as_str()).collect();
        for kept in owned::all(&self.store).await?.owned {
            if kept.file.is_some() && !named.contains(kept.spec.key.as_str()) {
                self.let_go(&file, kept, &mut reloaded).await?;
            }
        }
        let keys = config.connections().iter().map(|spec| &spec.key);
        let unserved = keys.filter_map(|key| Some((key.clone(), self.served.problem(key)?.to_string())));
        reloaded.problems.extend(unserved.collect::<Vec<_>>());
        Ok(reloaded)
    }

    async fn take_in_one(
        &self,
        file: &str,
        new: Owned,
        approval: Approval,
        reloaded: &mut Reloaded,
    ) -> Result<(), StoreError> {
        let key = new.spec.key.clone();
        match self.taken_in(file, new, approval).await {
            Ok(Taken::Unchanged) => {}
            Ok(Taken::Added) => reloaded.added.push(key),
            Ok(Taken::Changed) => reloaded.changed.push(key),
            Err(ChangeError::Store(error)) if !error.is_about_one_row() => return Err(error),
            Err(why) => {
                tracing::warn!(connection = %key, %why, "the connection is not taken from the file");
                reloaded.problems.insert(key, why.to_string());
            }
        }
        Ok(())
    }
}

/// What became of a connection of the file.
enum Taken {
    Unchanged,
    Added,
    Changed,
}

impl Connections {
    async fn taken_in(&self, file: &str, new: Owned, approval: Approval) -> Result<Taken, ChangeError> {
        let by = Who::file(file).0;
        let Some(before) = self.find_kept(&new.spec.key).await? else {
            self.put(&new, "connection-created", json!({"by": by, "plugin": new.spec.plugin})).await?;
            self.carry(&new).await?;
            return Ok(Taken::Added);
        };
        if before.file.is_none() {
            return Err(ChangeError::OwnedByApi);
        }
        if before.tenant != new.spec.tenant.0 {
            return Err(ChangeError::OfAnotherTenant);
        }
        let changed = match Owned::open(self.store.vault(), &before) {
            Ok(before) => differences(&before, &new),
            // The file has all of it.
            Err(unreadable) => vec![unreadable.to_string()],
        };
        if changed.is_empty() {
            return Ok(Taken::Unchanged);
        }
        self.check_keying(&new.for_calls(self.served.public_url()), approval).await?;
        self.put(&new, "connection-changed", json!({"by": by, "changed": changed})).await?;
        self.carry(&new).await?;
        Ok(Taken::Changed)
    }

    /// A connection that the file no longer names is disabled. Whom it erased, what people chose and its tokens stay: the next
    /// version of the file may name it again.
    async fn let_go(&self, file: &str, gone: Owned, reloaded: &mut Reloaded) -> Result<(), StoreError> {
        if gone.left_file {
            return Ok(());
        }
        let key = gone.spec.key.clone();
        tracing::warn!(connection = %key, "the connection left the file and is disabled");
        let mut after = gone.clone();
        after.left_file = true;
        after.duties.enabled = false;
        let detail = json!({"by": Who::file(file).0, "changed": differences(&gone, &after)});
        match self.put(&after, "connection-left-file", detail).await {
            Ok(()) => reloaded.disabled.push(key),
            Err(ChangeError::Store(error)) => return Err(error),
            Err(why) => drop(reloaded.problems.insert(key, why.to_string())),
        }
        Ok(())
    }
}
