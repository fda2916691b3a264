//! What every command works with: the service, the configuration, the database, and the calls of a connection.
//! Tested in `src/tests.rs`.

use std::{
    collections::BTreeMap,
    future::Future,
    path::{Path, PathBuf},
    pin::pin,
    time::Duration,
};

use super::{
    client::{Client, ServerArgs},
    compiling::Compiling,
    console::Console,
    failure::Failure,
    trace,
};
use host_harness::{
    clock::{Clock, SystemClock},
    config::{Config, ConfigError},
    egress::Trace,
    engine::BacktraceDetail,
    host::Host,
    plugin::Release,
    sandbox::{CallResult, Calls},
};
use host_model::time::milliseconds;
use host_service::{
    connections::pulls::release,
    service::NotAService,
    settings::{ConfigFile, ServiceConfig, registries::RegistryConfig},
};
use host_store::Store;
use host_trust::Arrival;

/// Why a command is not sent to a service.
pub(super) const OPENS_THE_DATABASE: &str =
    "this command opens the database named in the configuration directly, whether or not the service runs";

/// Waits longer than this are announced.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// What every command runs with.
pub(super) struct Session {
    pub(super) config: PathBuf,
    pub(super) server: ServerArgs,
    pub(super) trace: bool,
    pub(super) console: Console,
    pub(super) compiling: Compiling,
}

impl Session {
    /// The running service; `None` if the command works without one.
    pub(super) fn remote(&self) -> Result<Option<Client>, Failure> {
        let client = self.server.client()?;
        if client.is_some() && self.trace {
            return Err(Failure::misused(
                "--trace cannot be combined with --server: it shows what this process sends, not the service",
            ));
        }
        Ok(client)
    }

    /// The service that the command line itself names; `None` if the command works on the database.
    pub(super) fn named(&self) -> Result<Option<Client>, Failure> {
        if self.server.is_named() { self.remote() } else { Ok(None) }
    }

    /// The running service; an error if none is named.
    pub(super) fn client(&self) -> Result<Client, Failure> {
        self.remote()?.ok_or_else(|| {
            Failure::misused(
                "this command needs a running service\nnext: name it with --server URL or CONNECTOR_HOST_SERVER",
            )
        })
    }

    /// What the operator configured.
    pub(super) fn configuration(&self) -> Result<ConfigFile, Failure> {
        configuration(&self.config)
    }

    /// The service's configuration.
    pub(super) fn service(&self) -> Result<ServiceConfig, Failure> {
        self.configuration()?.service.ok_or_else(|| Failure::misused(NotAService))
    }

    /// Opens the service's database, whether or not the service runs. Creates none: an empty database at a mistyped
    /// path would answer as if nothing had ever happened.
    pub(super) async fn store(&self) -> Result<Store, Failure> {
        let database = self.service()?.database;
        let exists = Store::is_at(&database).await;
        if exists.map_err(|error| Failure::misused(format!("{database}: {error}")))? {
            return self.store_made().await;
        }
        Err(Failure::misused(format!(
            "there is no database at {database}\nnext: correct `database` in [service] of {}; \
             `connector-host serve` creates a new one there",
            self.config.display()
        )))
    }

    /// Opens the service's database, and creates it if there is none.
    pub(super) async fn store_made(&self) -> Result<Store, Failure> {
        let service = self.service()?;
        let opened = Store::open_at(&service.database, &service.master_key).await;
        opened.map_err(|error| Failure::misused(format!("{}: {error}", service.database)))
    }

    /// Returns the calls of the connection `key`. Loads only its plugin.
    pub(super) async fn calls(&self, key: &str) -> Result<Calls, Failure> {
        let ConfigFile { config, registries, .. } = self.configuration()?;
        let config = config.only(key).map_err(Failure::misused)?;
        let pulled = self.pulled(&config, &registries).await?;
        let loading = format!("loading the plugin of connection {key}");
        let detail = if self.trace { BacktraceDetail::Lines } else { BacktraceDetail::Names };
        let builder = Host::builder(config).with_backtraces(detail);
        let builder = builder.with_compiler(self.compiling.compiler()).with_cache(self.compiling.cache());
        let starting =
            pulled.into_iter().fold(builder, |builder, (name, release)| builder.with_release(name, release));
        let starting = starting.start();
        let started = self.awaited(&loading, starting).await;
        let host = started.map_err(|error| Failure::of_connection(key, error))?;
        let calls = host.connection(key).map_err(Failure::misused)?;
        Ok(if self.trace { calls.traced(self.tracer()) } else { calls })
    }

    /// Pulls the plugins of `config` that are in registries.
    async fn pulled(
        &self,
        config: &Config,
        registries: &RegistryConfig,
    ) -> Result<BTreeMap<String, Release>, Failure> {
        let mut pulled = BTreeMap::new();
        for (name, reference) in registries.references() {
            if config.plugins().contains_key(name) {
                let pulling = format!("pulling {reference}");
                let trust = config.trust().get(name);
                let found = self.awaited(&pulling, registries.pull(reference, trust)).await?;
                let release = release(&found, trust, Arrival::FromOutside(None), now());
                pulled.insert(name.clone(), release);
            }
        }
        Ok(pulled)
    }

    /// Prints each exchange, and what the call used, to standard error.
    pub(super) fn tracer(&self) -> Trace {
        let console = self.console.clone();
        Trace::new(move |event| trace::event(event).iter().for_each(|lines| console.print_error(lines)))
    }

    /// Awaits `call`, which is one of `calls`, and returns the answer.
    pub(super) async fn ask<T>(
        &self,
        calls: &Calls,
        call: impl Future<Output = CallResult<T>>,
    ) -> Result<T, Failure> {
        let connection = calls.connection().key.clone();
        let answer = self.awaited(&format!("waiting for the vendor of connection {connection}"), call).await;
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                let identifier_kinds = calls.plugin().manifest().identifier_kind_names();
                Err(Failure::Refused { connection, error, identifier_kinds })
            }
            Err(failure) => Err(Failure::Stopped { connection, failure }),
        }
    }

    /// Awaits `work`. Prints `what` if that takes long and standard error is a terminal.
    pub(super) async fn awaited<T>(&self, what: &str, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        if self.console.is_watched {
            if let Ok(done) = tokio::time::timeout(PATIENCE, &mut work).await {
                return done;
            }
            self.console.print_error(&format!("{what} …"));
        }
        work.await
    }

    /// Awaits `work`; returns `None` if ctrl-c ends the wait. Prints `what` once ctrl-c no longer ends the program.
    pub(super) async fn unless_interrupted<T>(&self, what: &str, work: impl Future<Output = T>) -> Option<T> {
        let said = async {
            self.console.print_error(&format!("{what}; ctrl-c ends the wait"));
            work.await
        };
        tokio::select! {
            biased;
            _ = tokio::signal::ctrl_c() => None,
            done = said => Some(done),
        }
    }
}

/// The current time in the store's format.
pub(super) fn now() -> i64 {
    milliseconds(SystemClock::default().date())
}

/// Reads the configuration in `file`.
pub(super) fn configuration(file: &Path) -> Result<ConfigFile, Failure> {
    ConfigFile::read(file).map_err(|error| Failure::misused(explained(&error)))
}

fn explained(error: &ConfigError) -> String {
    match error {
        ConfigError::Unreadable { .. } => {
            format!("{error}\nnext: create it, or name another file with --config or CONNECTOR_HOST_CONFIG")
        }
        ConfigError::Wrong { .. } => error.to_string(),
    }
}
