//! The connections and plugin versions that the database owns, and the host that carries them.
//!
//! [`owned`] is a connection's two forms, sealed and open; [`change`] makes, changes and removes one; [`import`] takes in
//! those of the configuration file; [`keying`] tells their people apart; [`plugins`] publishes component versions. The database has the say: what does not suit
//! a plugin stays listed with its problem, and stops nobody else.

pub mod change;
mod differences;
pub mod import;
pub mod keying;
pub mod owned;
pub mod plugins;
pub mod tried;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{connections::owned::Owned, service::Shared};
use host_harness::{
    config::{Config, PluginSource},
    host::PutError,
};
use host_store::{
    StoreError,
    alarms::{self, Alarm},
    connections::Kept,
};

pub use import::Reloaded;

/// What is known of connections beside the database. Lives as long as the process.
#[derive(Debug, Default)]
pub struct Registry {
    /// Where the file's connections come from.
    pub(crate) file: Option<PathBuf>,
    /// Where each plugin of that file comes from.
    pub sources: BTreeMap<String, PluginSource>,
    /// Held while a component compiles, so that one does at a time. Taken before `changing`, never while that is held: compiling
    /// may take long, and nobody's change waits for it.
    pub compiling: tokio::sync::Mutex<()>,
    /// Held while a connection or a plugin changes, so that database and host change in the same order.
    pub changing: tokio::sync::Mutex<()>,
    /// Why the host does not carry a connection.
    problems: Mutex<BTreeMap<String, PutError>>,
}

impl Registry {
    /// What is known at the start.
    pub(crate) fn of(config: &Config) -> Self {
        Self { file: config.file().map(Path::to_owned), sources: config.plugins().clone(), ..Self::default() }
    }

    /// Why the host does not carry the connection of that key; none where it does.
    pub fn problem(&self, key: &str) -> Option<PutError> {
        self.problems().get(key).cloned()
    }

    fn problems(&self) -> MutexGuard<'_, BTreeMap<String, PutError>> {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who asks for a change, as the audit chain names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who(pub String);

impl Who {
    /// The configuration file of that name.
    pub(crate) fn file(name: &str) -> Self {
        Self(format!("the file {name}"))
    }
}

/// Puts `owned` on the host and keys its people. Where it does not suit, that is noted, and what was there before is taken away.
pub(crate) async fn carry(shared: &Shared, owned: &Owned) -> Result<(), StoreError> {
    let key = owned.spec.key.clone();
    match shared.host.put_connection(owned.for_calls(shared.config.public_url.as_deref())) {
        Ok(()) => drop(shared.registry.problems().remove(&key)),
        Err(problem) => {
            tracing::warn!(connection = %key, %problem, "the connection is not served");
            shared.host.remove_connection(&key);
            shared.registry.problems().insert(key.clone(), problem);
        }
    }
    keying::key_people(shared, &key).await
}

/// Puts every connection of the database on the host.
pub async fn carry_all(shared: &Shared) -> Result<(), StoreError> {
    for owned in owned::all(&shared.store).await?.owned {
        carry(shared, &owned).await?;
    }
    Ok(())
}

/// A connection that cannot be read.
const UNREADABLE: &str = "connection-unreadable";

/// Raises an alarm for each connection that cannot be read.
pub(crate) async fn tell_unreadable(
    shared: &Shared,
    unreadable: Vec<(Kept, StoreError)>,
) -> Result<(), StoreError> {
    let at = shared.date_ms();
    for (kept, error) in unreadable {
        tracing::error!(tenant = kept.tenant, connection = kept.key, %error, "the connection cannot be read and is not served");
        let raised = shared.store.write(move |tx| {
            Box::pin(async move {
                let alarm = Alarm {
                    tenant: &kept.tenant,
                    connection: Some(&kept.key),
                    kind: UNREADABLE,
                    about: &kept.key,
                    detail: &format!(
                        "it is not served: {error}; delete it, or reload the file that names it"
                    ),
                };
                alarms::raise(tx, at, &alarm).await
            })
        });
        raised.await?;
    }
    Ok(())
}
