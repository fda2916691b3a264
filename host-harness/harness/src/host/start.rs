//! Starts a host: loads every plugin and resolves every connection, or returns the reason why that failed.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::running::Host;
use crate::{
    calls::Runtime,
    clock::{Clock, SystemClock},
    compile::{CodeCache, Compilation, Compiler},
    config::{Config, PluginSource},
    connection::{CallLimits, ConnectionSpec},
    egress::{Egress, Ledger, Network, RotatedSecrets, Transport},
    engine::{BacktraceDetail, Engine, PoolSize},
    plugin::{
        KnownReleases, LoadError, LoadPolicy, Release, ReleaseAdmission, ReleaseInstaller, Slot, SwapError,
        WatchedPlugin, watch,
    },
};
use host_trust::bundle_file;

/// Why a host did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The engine rejected its configuration, usually because of insufficient address space.
    #[error("cannot set up the WebAssembly engine: {0}")]
    Engine(String),
    /// A plugin's file cannot be read.
    #[error("plugin {plugin}: cannot read {}: {cause}", path.display())]
    Unreadable {
        /// The plugin's name.
        plugin: String,
        /// The file.
        path: PathBuf,
        /// The system's error.
        cause: std::io::Error,
    },
    /// A plugin is in a registry, and the builder was not given its component.
    #[error("plugin {plugin}: it is in a registry, and was not pulled")]
    NotPulled {
        /// The plugin's name.
        plugin: String,
    },
    /// A plugin could not be loaded.
    #[error("plugin {plugin}: {cause}")]
    Load {
        /// The plugin's name.
        plugin: String,
        /// The reason.
        cause: LoadError,
    },
    /// A plugin's connections do not fit it.
    #[error("plugin {plugin}: {cause}")]
    Connections {
        /// The plugin's name.
        plugin: String,
        /// The reason.
        cause: SwapError,
    },
}

impl Host {
    /// Loads every plugin of `config` and resolves its connections. Requests are sent to the network.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::builder(config).start().await
    }

    /// Same, with another transport and another clock.
    pub async fn start_with(
        config: Config,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        Self::builder(config).with_transport(transport).with_clock(clock).start().await
    }

    /// Creates a builder for a host with `config`.
    pub fn builder(config: Config) -> Builder {
        Builder::of(config)
    }
}

/// A builder for a host: the configuration, and the options that only an embedder can set.
pub struct Builder {
    config: Config,
    pool: PoolSize,
    backtraces: BacktraceDetail,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    ledger: Option<Arc<dyn Ledger>>,
    rotated: Option<Arc<dyn RotatedSecrets>>,
    compilation: Compilation,
    known: BTreeMap<String, KnownReleases>,
    /// The components of plugins that are in a registry.
    pulled: BTreeMap<String, Release>,
}

impl Builder {
    fn of(config: Config) -> Self {
        let pool = pool_size(&config);
        let compilation = Compilation { limits: config.compile, ..Compilation::default() };
        Self {
            config,
            pool,
            backtraces: BacktraceDetail::Names,
            transport: Arc::new(Network::default()),
            clock: Arc::new(SystemClock::default()),
            ledger: None,
            rotated: None,
            compilation,
            known: BTreeMap::new(),
            pulled: BTreeMap::new(),
        }
    }

    /// Sends requests through another transport than the network.
    #[must_use]
    pub fn with_transport(self, transport: Arc<dyn Transport>) -> Self {
        Self { transport, ..self }
    }

    /// Uses another clock than the system clock.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Counts limits of an hour or more in `ledger` instead of in memory.
    #[must_use]
    pub fn with_ledger(self, ledger: Arc<dyn Ledger>) -> Self {
        Self { ledger: Some(ledger), ..self }
    }

    /// Stores secrets that vendors rotate in `store`. Without one, they are lost at the end of the process.
    #[must_use]
    pub fn with_rotated_secrets(self, store: Arc<dyn RotatedSecrets>) -> Self {
        Self { rotated: Some(store), ..self }
    }

    /// Reserves space in the pool for connections with `limits` that are added while the host runs.
    #[must_use]
    pub fn holding(self, limits: &CallLimits) -> Self {
        Self { pool: self.pool.holding(limits), ..self }
    }

    /// Reads this about the functions that a call was in when the sandbox ended it; names only by default.
    #[must_use]
    pub fn with_backtraces(self, backtraces: BacktraceDetail) -> Self {
        Self { backtraces, ..self }
    }

    /// Compiles plugins with `compiler`, under the limits of the configuration, instead of in this process.
    #[must_use]
    pub fn with_compiler(self, compiler: Compiler) -> Self {
        Self { compilation: Compilation { compiler, ..self.compilation }, ..self }
    }

    /// Keeps compiled code in `cache`, for the next start. Without one, plugins are compiled at each start.
    #[must_use]
    pub fn with_cache(self, cache: Option<CodeCache>) -> Self {
        Self { compilation: Compilation { cache, ..self.compilation }, ..self }
    }

    /// Continues after the earlier releases of each plugin. Without this, a release counts as current whatever was admitted
    /// before this start.
    #[must_use]
    pub fn with_known_releases(self, known: BTreeMap<String, KnownReleases>) -> Self {
        Self { known, ..self }
    }

    /// Loads `release` as the plugin with that name, which is in a registry, if it is trusted for that name.
    #[must_use]
    pub fn with_release(mut self, plugin: impl Into<String>, release: Release) -> Self {
        self.pulled.insert(plugin.into(), release);
        self
    }

    /// Loads every plugin and resolves the connections of the configuration. Fails if a connection does not fit its
    /// plugin.
    pub async fn start(self) -> Result<Host, StartError> {
        let Self {
            config,
            pool,
            backtraces,
            transport,
            clock,
            ledger,
            rotated,
            compilation,
            known,
            mut pulled,
        } = self;
        let engine = Engine::with_backtraces(&pool, backtraces);
        let engine = engine.map_err(|error| StartError::Engine(format!("{error:#}")))?;
        let engine = Arc::new(engine.compiling(compilation));
        let admission = Arc::new(ReleaseAdmission::new(config.trust.clone(), known));
        let releases = ReleaseInstaller { engine, admission, clock };
        let (mut slots, mut watched) = (BTreeMap::new(), Vec::new());
        for (name, source) in &config.plugins {
            let specs = config.connections.iter().filter(|spec| spec.plugin == *name).cloned().collect();
            let release = release(&releases.admission, name, source, &mut pulled).await?;
            let slot = Arc::new(fill(&releases, name, release, &source.policy, specs).await?);
            if let Some(path) = source.path().filter(|_| source.watch) {
                let (path, policy) = (path.to_owned(), source.policy);
                watched.push(WatchedPlugin { name: name.clone(), path, policy, slot: Arc::clone(&slot) });
            }
            slots.insert(name.clone(), slot);
        }
        let watching = (!watched.is_empty()).then(|| watch(watched, &releases, &releases.clock));
        let ReleaseInstaller { engine, clock, .. } = releases.clone();
        let egress = Egress::with_clock(transport, Arc::clone(&clock));
        let egress = match ledger {
            Some(ledger) => egress.with_ledger(ledger),
            None => egress,
        };
        let egress = match rotated {
            Some(store) => egress.with_rotated_secrets(store),
            None => egress,
        };
        let per_tenant = config.host.tenant_concurrent_calls as usize;
        let runtime = Runtime::new(engine, per_tenant, clock, Arc::new(egress));
        Ok(Host::of(runtime, releases, slots, watching))
    }
}

/// Returns the component of a plugin with its bundle.
async fn release(
    admission: &ReleaseAdmission,
    name: &str,
    source: &PluginSource,
    pulled: &mut BTreeMap<String, Release>,
) -> Result<Release, StartError> {
    let unreadable = |path: &Path, cause| {
        let (plugin, path) = (name.to_owned(), path.to_owned());
        StartError::Unreadable { plugin, path, cause }
    };
    let Some(path) = source.path() else {
        return pulled.remove(name).ok_or_else(|| StartError::NotPulled { plugin: name.to_owned() });
    };
    let component = tokio::fs::read(path).await.map_err(|cause| unreadable(path, cause))?;
    let release = admission.release(name, path, component).await;
    release.map_err(|cause| unreadable(&bundle_file(path), cause))
}

async fn fill(
    ReleaseInstaller { engine, admission, clock }: &ReleaseInstaller,
    name: &str,
    release: Release,
    policy: &LoadPolicy,
    specs: Vec<ConnectionSpec>,
) -> Result<Slot, StartError> {
    let plugin = admission
        .load_at_start(engine, name, release, policy, clock)
        .await
        .map_err(|cause| StartError::Load { plugin: name.to_owned(), cause })?;
    Slot::new(plugin, specs).map_err(|cause| StartError::Connections { plugin: name.to_owned(), cause })
}

/// Sizes the pool for the largest limits of all calls, including those of connections that are added later.
fn pool_size(config: &Config) -> PoolSize {
    let for_all = PoolSize::of(config.host.concurrent_calls).holding(&config.limits);
    let size = config.connections.iter().fold(for_all, |size, spec| size.holding(&spec.limits));
    PoolSize { wasm_stack: config.host.wasm_stack_bytes, ..size }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(folder: &Path, more: &str) -> Config {
        let text = format!("host.concurrent-calls = 1\nplugins.example.file = \"example.wasm\"\n{more}");
        Config::from_toml(&text, folder, |_| None).unwrap()
    }

    #[tokio::test]
    async fn a_host_without_connections_knows_none() {
        let host = Host::start(Config::default()).await.unwrap();
        assert!(host.plugin("example").is_none());
        let unknown = host.connection("newsletter").map(drop).unwrap_err();
        assert_eq!(unknown.to_string(), "no connection `newsletter` is configured");
    }

    #[tokio::test]
    async fn a_plugin_that_cannot_be_loaded_is_named_with_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("example.wasm");
        let missing = Host::start(config(folder.path(), "")).await.map(drop).unwrap_err();
        assert_eq!(
            missing.to_string(),
            format!("plugin example: cannot read {}: No such file or directory (os error 2)", file.display())
        );
        std::fs::write(&file, "no wasm").unwrap();
        let not_wasm = Host::start(config(folder.path(), "")).await.map(drop).unwrap_err();
        assert_eq!(
            not_wasm.to_string(),
            "plugin example: not a component that this host can run: it is not WebAssembly, since it begins with \
             \"no wasm\""
        );
        let capped = config(folder.path(), "plugins.example.max-bytes = 6");
        assert_eq!(
            Host::start(capped).await.map(drop).unwrap_err().to_string(),
            "plugin example: the component has 7 bytes, more than the 6 that the plugin's max-bytes allows"
        );
    }

    #[tokio::test]
    async fn a_plugin_in_a_registry_is_loaded_from_the_component_that_the_builder_was_given() {
        let config =
            || Config::from_toml("plugins.example.registry = \"r.example.com/e:1\"", Path::new(""), |_| None);
        let missing = Host::start(config().unwrap()).await.map(drop).unwrap_err();
        assert!(matches!(missing, StartError::NotPulled { plugin } if plugin == "example"));
        let given = Host::builder(config().unwrap()).with_release("example", b"no wasm".to_vec().into());
        let refused = given.start().await.map(drop).unwrap_err();
        assert!(matches!(refused, StartError::Load { .. }), "{refused}");
    }

    #[tokio::test]
    async fn a_host_loads_a_replacement_component_under_the_given_policy() {
        let host = Host::start(Config::default()).await.unwrap();
        let policy = LoadPolicy { max_bytes: 1, ..LoadPolicy::default() };
        let refused = host.load("example", vec![0; 2], &policy).await.unwrap_err();
        assert!(matches!(refused, LoadError::TooLarge { found: 2, allowed: 1 }), "{refused}");
    }

    #[test]
    fn the_pool_holds_the_largest_connection() {
        let usual = CallLimits::default();
        let connection = |limits: &str| {
            let more = format!(
                "tenants.a = {{}}\n[connections.c]\ntenant = \"a\"\nplugin = \"example\"\nlimits = {{ {limits} }}"
            );
            pool_size(&config(Path::new(""), &more))
        };
        let more = CallLimits {
            memory_bytes: usual.memory_bytes * 2,
            memories: usual.memories + 1,
            core_instances: usual.core_instances + 1,
            tables: usual.tables + 1,
            table_elements: usual.table_elements + 1,
            ..usual.clone()
        };
        let written = format!(
            "memory-bytes = {}, memories = {}, core-instances = {}, tables = {}, table-elements = {}",
            more.memory_bytes, more.memories, more.core_instances, more.tables, more.table_elements
        );
        assert_eq!(connection(&written).limits, more);
        let of_file =
            Config::from_toml("limits = { core-instances = 64, cpu-ms = 9000 }", Path::new(""), |_| None);
        let of_file = pool_size(&of_file.unwrap()).limits;
        assert_eq!((of_file.core_instances, of_file.cpu_ms), (64, 9_000), "without any connection");
        let less = "memory-bytes = 1, memories = 1, core-instances = 1, tables = 1, table-elements = 1";
        assert_eq!(connection(less).limits, usual);
        assert_eq!(connection(less).calls, 1);
    }
}
