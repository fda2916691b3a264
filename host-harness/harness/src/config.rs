//! The operator's configuration: tenants, plugins and connections, validated before anything starts.
//!
//! It is read from a TOML file or built in code. Secrets are given by reference, and inline only if the operator
//! insists. All problems of a file are reported at once.

mod connection;
mod egress;
mod extension;
mod file;
mod problem;
mod secret;
mod section;
mod trust;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

pub use egress::read_authorities;
pub use extension::Extension;
pub use problem::{ConfigError, ConfigProblem, ConfigProblemKind, Warning};
pub use secret::{ReadContext, secret};
pub use section::{Entry, Problems, Section};

use crate::{
    compile::CompileLimits,
    connection::{CallLimits, ConnectionSpec},
    engine::WASM_STACK,
    plugin::{LoadPolicy, TrustByPlugin},
};
use host_model::{
    duties::Duties,
    nearest::{nearest, suggestion},
};
use host_trust::Trust;

/// Limits on concurrent calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostLimits {
    /// Maximum number of concurrent calls of all tenants: the size of the pool, which reserves address space but no
    /// memory for each call.
    pub concurrent_calls: u32,
    /// Maximum number of concurrent calls of each tenant; further calls wait in the tenant's own queue. An eighth of
    /// the pool by default, so that one tenant cannot fill it.
    pub tenant_concurrent_calls: u32,
    /// Size of the wasm stack of one call, in bytes; see [`WASM_STACK`].
    pub wasm_stack_bytes: usize,
}

impl Default for HostLimits {
    fn default() -> Self {
        Self { concurrent_calls: 256, tenant_concurrent_calls: 32, wasm_stack_bytes: WASM_STACK }
    }
}

/// The source of a plugin, and the conditions for loading it.
#[derive(Clone, Debug)]
pub struct PluginSource {
    /// Where the component is.
    pub origin: PluginOrigin,
    /// The conditions for loading it.
    pub policy: LoadPolicy,
    /// Whether the plugin is reloaded when its file changes while the host runs.
    pub watch: bool,
}

impl PluginSource {
    /// Creates an unwatched source from that file with the default conditions.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { origin: PluginOrigin::File(path.into()), policy: LoadPolicy::default(), watch: false }
    }

    /// Returns the component's file; `None` if it is in a registry.
    pub fn path(&self) -> Option<&Path> {
        match &self.origin {
            PluginOrigin::File(path) => Some(path),
            PluginOrigin::Registry => None,
        }
    }
}

/// Where a component is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PluginOrigin {
    /// In this file.
    File(PathBuf),
    /// In a registry. The embedding program pulls it: an [`Extension`] reads the reference, and the
    /// [builder](crate::host::Builder::with_release) of the host gets the component.
    Registry,
}

/// A valid configuration: all names are well-formed, and each connection has its plugin.
#[derive(Clone, Debug, Default)]
pub struct Config {
    pub(crate) host: HostLimits,
    /// The limits of a process that compiles a plugin.
    pub(crate) compile: CompileLimits,
    /// The limits of every call, unless a tenant or a connection sets others.
    pub(crate) limits: CallLimits,
    pub(crate) plugins: BTreeMap<String, PluginSource>,
    pub(crate) trust: TrustByPlugin,
    pub(crate) connections: Vec<ConnectionSpec>,
    pub(crate) warnings: Vec<Warning>,
    /// The duties of each connection, by key; all duties by default.
    pub(crate) duties: BTreeMap<String, Duties>,
    /// The file that it was read from.
    pub(crate) file: Option<PathBuf>,
}

impl Config {
    /// Sets the limits on concurrent calls.
    #[must_use]
    pub fn with_host(self, host: HostLimits) -> Self {
        Self { host, ..self }
    }

    /// Adds a plugin, which connections refer to by `name`.
    pub fn with_plugin(
        mut self,
        name: impl Into<String>,
        source: PluginSource,
    ) -> Result<Self, ConfigProblem> {
        let name = name.into();
        named_plugin(&name)?;
        self.plugins.insert(name, source);
        Ok(self)
    }

    /// Requires a signature of the plugin that `trust` is about, whether or not it has been added.
    pub fn with_trust(mut self, trust: Trust) -> Result<Self, ConfigProblem> {
        named_plugin(trust.plugin())?;
        self.trust.insert(trust.plugin().to_owned(), trust);
        Ok(self)
    }

    /// Adds a connection, whose plugin must have been added before.
    pub fn with_connection(mut self, spec: ConnectionSpec) -> Result<Self, ConfigProblem> {
        named_connection(&spec, self.plugins.keys().map(String::as_str))?;
        if self.spec(&spec.key).is_some() {
            return Err(problem_of(&spec, ConfigProblemKind::KeyTaken));
        }
        self.connections.push(spec);
        Ok(self)
    }

    /// Reduces the configuration to what a single call of one connection needs: its plugin, unwatched, and room for one
    /// call.
    pub fn only(mut self, key: &str) -> Result<Self, UnknownConnection> {
        let Some(spec) = self.spec(key).cloned() else {
            return Err(UnknownConnection::among(key, self.connections.iter().map(|spec| spec.key.as_str())));
        };
        self.plugins.retain(|name, _| *name == spec.plugin);
        self.plugins.values_mut().for_each(|source| source.watch = false);
        self.connections = vec![spec];
        self.host = HostLimits { concurrent_calls: 1, tenant_concurrent_calls: 1, ..self.host };
        Ok(self)
    }

    /// Returns the connections, sorted by key if they come from a file.
    pub fn connections(&self) -> &[ConnectionSpec] {
        &self.connections
    }

    /// Returns the duties of the connection with that key.
    pub fn duties(&self, key: &str) -> Duties {
        self.duties.get(key).cloned().unwrap_or_default()
    }

    /// Returns the plugins by name.
    pub fn plugins(&self) -> &BTreeMap<String, PluginSource> {
        &self.plugins
    }

    /// Returns what is trusted for each plugin that needs a signature, also for those that are not in the file.
    pub fn trust(&self) -> &TrustByPlugin {
        &self.trust
    }

    /// Returns a copy with only the plugins whose names `keep` accepts, unwatched, and without connections.
    #[must_use]
    pub fn plugins_alone(&self, keep: impl Fn(&str) -> bool) -> Self {
        let plugins = self.plugins.iter().filter(|(name, _)| keep(name));
        let plugins =
            plugins.map(|(name, source)| (name.clone(), PluginSource { watch: false, ..source.clone() }));
        let plugins = plugins.collect();
        Self { plugins, connections: Vec::new(), duties: BTreeMap::new(), ..self.clone() }
    }

    /// Returns the file that it was read from, if any.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Returns warnings about entries that are allowed but unwise.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    fn spec(&self, key: &str) -> Option<&ConnectionSpec> {
        self.connections.iter().find(|spec| spec.key == key)
    }
}

/// Checks a plugin's name.
pub fn named_plugin(name: &str) -> Result<(), ConfigProblem> {
    let problem = |wrong| ConfigProblem { line: None, place: format!("plugins.{name}"), wrong };
    ConfigProblemKind::with_name(name).map_or(Ok(()), |wrong| Err(problem(wrong)))
}

/// Checks a connection's names: key and tenant must be well-formed, and the plugin must exist.
pub(crate) fn named_connection<'a>(
    spec: &ConnectionSpec,
    plugins: impl Iterator<Item = &'a str> + Clone,
) -> Result<(), ConfigProblem> {
    if let Some(wrong) = ConfigProblemKind::with_name(&spec.key) {
        return Err(problem_of(spec, wrong));
    }
    let tenant = ConfigProblemKind::with_tenant(&spec.tenant.0).map(|wrong| ("tenant", wrong));
    let plugin = || Some(("plugin", ConfigProblemKind::with_reference("plugin", &spec.plugin, plugins)?));
    tenant.or_else(plugin).map_or(Ok(()), |(part, wrong)| {
        let problem = problem_of(spec, wrong);
        Err(ConfigProblem { place: format!("{}.{part}", problem.place), ..problem })
    })
}

pub(crate) fn problem_of(spec: &ConnectionSpec, wrong: ConfigProblemKind) -> ConfigProblem {
    ConfigProblem { line: None, place: format!("connections.{}", spec.key), wrong }
}

/// The connection does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no connection `{key}` is configured{}", suggestion(.nearest.as_deref()))]
pub struct UnknownConnection {
    /// The requested key.
    pub key: String,
    /// The most similar known key.
    pub nearest: Option<String>,
}

impl UnknownConnection {
    pub(crate) fn among<'a>(key: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        Self { key: key.to_owned(), nearest: nearest(key, known).map(str::to_owned) }
    }
}

#[cfg(test)]
mod tests;
