//! What the operator configures: tenants, plugins and connections, checked before anything starts.
//!
//! One TOML file, or the same built in code. Secrets are named by where they are, never written down unless the operator
//! insists. Everything that is wrong with a file is told at once.

mod connection;
mod egress;
mod extension;
mod file;
mod problem;
mod secret;
mod section;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

pub use extension::Extension;
pub use problem::{ConfigError, Problem, Warning, Wrong};
pub use secret::{Surroundings, secret};
pub use section::{Entry, Problems, Section};

use crate::{connection::ConnectionSpec, engine::WASM_STACK, plugin::LoadPolicy};
use host_model::{
    duties::Duties,
    nearest::{meant, nearest},
};

/// How many calls run at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostLimits {
    /// All tenants together: the size of the pool, which reserves address space for each and memory for none.
    pub concurrent_calls: u32,
    /// Each tenant; more wait in the tenant's own queue. An eighth of the pool, so that one tenant cannot fill it.
    pub tenant_concurrent_calls: u32,
    /// Wasm stack of one call, in bytes; see [`WASM_STACK`].
    pub wasm_stack_bytes: usize,
}

impl Default for HostLimits {
    fn default() -> Self {
        Self { concurrent_calls: 256, tenant_concurrent_calls: 32, wasm_stack_bytes: WASM_STACK }
    }
}

/// Where a plugin comes from, and on which conditions.
#[derive(Clone, Debug)]
pub struct PluginSource {
    /// The component's file.
    pub path: PathBuf,
    /// The conditions.
    pub policy: LoadPolicy,
    /// Whether a changed file is swapped in while the host runs.
    pub watch: bool,
}

impl PluginSource {
    /// The component in that file, under the default conditions, not watched.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), policy: LoadPolicy::default(), watch: false }
    }
}

/// A configuration that keeps every rule: names are words, and each connection has its plugin.
#[derive(Clone, Debug, Default)]
pub struct Config {
    pub(crate) host: HostLimits,
    pub(crate) plugins: BTreeMap<String, PluginSource>,
    pub(crate) connections: Vec<ConnectionSpec>,
    pub(crate) warnings: Vec<Warning>,
    /// What each connection is used for, by key; everything where it says nothing.
    pub(crate) duties: BTreeMap<String, Duties>,
    /// Where all of it was read.
    pub(crate) file: Option<PathBuf>,
}

impl Config {
    /// The same with room for so many calls.
    #[must_use]
    pub fn with_host(self, host: HostLimits) -> Self {
        Self { host, ..self }
    }

    /// The same with one more plugin; connections name it by `name`.
    pub fn with_plugin(mut self, name: impl Into<String>, source: PluginSource) -> Result<Self, Problem> {
        let name = name.into();
        named_plugin(&name)?;
        self.plugins.insert(name, source);
        Ok(self)
    }

    /// The same with one more connection, of a plugin that is there already.
    pub fn with_connection(mut self, spec: ConnectionSpec) -> Result<Self, Problem> {
        named_connection(&spec, self.plugins.keys().map(String::as_str))?;
        if self.spec(&spec.key).is_some() {
            return Err(problem_of(&spec, Wrong::KeyTaken));
        }
        self.connections.push(spec);
        Ok(self)
    }

    /// What one call of one connection needs and nothing else: its plugin, unwatched, and room for one call.
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

    /// The connections, in the order of their keys where they come from a file.
    pub fn connections(&self) -> &[ConnectionSpec] {
        &self.connections
    }

    /// What the connection of that key is used for.
    pub fn duties(&self, key: &str) -> Duties {
        self.duties.get(key).cloned().unwrap_or_default()
    }

    /// Its plugins by name.
    pub fn plugins(&self) -> &BTreeMap<String, PluginSource> {
        &self.plugins
    }

    /// The same with the plugins of which `keep` says so by their name, and without any connection.
    #[must_use]
    pub fn plugins_alone(&self, keep: impl Fn(&str) -> bool) -> Self {
        let plugins = self.plugins.iter().filter(|(name, _)| keep(name));
        let plugins = plugins.map(|(name, source)| (name.clone(), source.clone())).collect();
        Self { plugins, connections: Vec::new(), duties: BTreeMap::new(), ..self.clone() }
    }

    /// The file that it was read from, if it was.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// What is not forbidden but unwise.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    fn spec(&self, key: &str) -> Option<&ConnectionSpec> {
        self.connections.iter().find(|spec| spec.key == key)
    }
}

/// The rule for a plugin's name, wherever it comes from.
pub fn named_plugin(name: &str) -> Result<(), Problem> {
    let problem = |wrong| Problem { line: None, place: format!("plugins.{name}"), wrong };
    Wrong::with_name(name).map_or(Ok(()), |wrong| Err(problem(wrong)))
}

/// The rules for a connection's names: key and tenant are words, and there is such a plugin.
pub(crate) fn named_connection<'a>(
    spec: &ConnectionSpec,
    plugins: impl Iterator<Item = &'a str> + Clone,
) -> Result<(), Problem> {
    let wrong = Wrong::with_name(&spec.key)
        .or_else(|| Wrong::with_name(&spec.tenant.0))
        .or_else(|| Wrong::with_reference("plugin", &spec.plugin, plugins));
    wrong.map_or(Ok(()), |wrong| Err(problem_of(spec, wrong)))
}

pub(crate) fn problem_of(spec: &ConnectionSpec, wrong: Wrong) -> Problem {
    Problem { line: None, place: format!("connections.{}", spec.key), wrong }
}

/// There is no such connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no connection `{key}` is configured{}", meant(.nearest.as_deref()))]
pub struct UnknownConnection {
    /// What was asked for.
    pub key: String,
    /// The known one that is most like it.
    pub nearest: Option<String>,
}

impl UnknownConnection {
    pub(crate) fn among<'a>(key: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        Self { key: key.to_owned(), nearest: nearest(key, known).map(str::to_owned) }
    }
}

#[cfg(test)]
mod tests;
