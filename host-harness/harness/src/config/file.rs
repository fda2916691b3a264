//! Reads the whole file, with its tables in the order in which they refer to each other.
//! Tested in `src/config/tests.rs`.

use std::{
    collections::BTreeMap,
    num::{NonZeroU32, NonZeroU64, NonZeroUsize},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use toml::de::DeTable;

use super::{
    Config, HostLimits, PluginOrigin, PluginSource,
    connection::{KnownNames, LimitsLayer, connection, in_full, layer},
    extension::{Extension, NoExtension},
    problem::{ConfigError, ConfigProblem, ConfigProblemKind},
    secret::ReadContext,
    section::{Entry, Problems, Section},
    trust::trust,
};
use crate::plugin::{LoadPolicy, Wasi};

impl Config {
    /// Reads a file and the secrets that it refers to, and logs warnings. Sections of the service are ignored.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        Self::read_with(path, &mut NoExtension)
    }

    /// Same, but also reads the sections of `extension`.
    pub fn read_with(path: impl AsRef<Path>, extension: &mut dyn Extension) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path)
            .map_err(|cause| ConfigError::Unreadable { path: path.to_owned(), cause })?;
        let base = path.parent().unwrap_or(Path::new(""));
        #[expect(
            clippy::disallowed_methods,
            reason = "the only place that reads variables named in the configuration"
        )]
        let config = config(&text, base, &|name| std::env::var(name).ok(), extension)
            .map_err(|problems| ConfigError::Wrong { path: path.to_owned(), problems })?;
        for warning in &config.warnings {
            tracing::warn!(file = %path.display(), "{warning}");
        }
        Ok(Self { file: Some(path.to_owned()), ..config })
    }

    /// Parses `text`. Relative file names are resolved against `base`, and variables are read with `env`.
    pub fn from_toml(
        text: &str,
        base: &Path,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Vec<ConfigProblem>> {
        config(text, base, &env, &mut NoExtension)
    }

    /// Same, but also reads the sections of `extension`.
    pub fn from_toml_with(
        text: &str,
        base: &Path,
        env: impl Fn(&str) -> Option<String>,
        extension: &mut dyn Extension,
    ) -> Result<Self, Vec<ConfigProblem>> {
        config(text, base, &env, extension)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct HostSection {
    concurrent_calls: Option<NonZeroU32>,
    tenant_concurrent_calls: Option<NonZeroU32>,
    wasm_stack_bytes: Option<NonZeroUsize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PluginSection {
    file: Option<PathBuf>,
    wasi: Option<Wasi>,
    max_bytes: Option<NonZeroUsize>,
    describe_ms: Option<NonZeroU64>,
    #[serde(default)]
    watch: bool,
}

/// Parses the configuration in `text`, or returns all its problems, sorted by line.
fn config(
    text: &str,
    base: &Path,
    env: &dyn Fn(&str) -> Option<String>,
    extension: &mut dyn Extension,
) -> Result<Config, Vec<ConfigProblem>> {
    let mut problems = Problems::of(text);
    let (table, broken) = DeTable::parse_recoverable(text);
    for error in &broken {
        let at = error.span().map_or(0, |span| span.start);
        problems.add(at, "", ConfigProblemKind::Syntax(error.message().to_owned()));
    }
    if !broken.is_empty() {
        return Err(problems.found);
    }
    let mut around = ReadContext { base, env, warnings: Vec::new() };
    let read = read(Section::root(table), extension, &mut around, &mut problems);
    if problems.found.is_empty() {
        return Ok(Config { warnings: around.warnings, ..read });
    }
    problems.found.sort_by_key(|problem| problem.line);
    Err(problems.found)
}

fn read(
    mut root: Section<'_>,
    extension: &mut dyn Extension,
    around: &mut ReadContext<'_>,
    problems: &mut Problems<'_>,
) -> Config {
    let host = root.part("host", problems).and_then(|section| section.read(problems));
    let compile = root.part("compile", problems).and_then(|section| section.read(problems));
    extension.of_file(&mut root, around, problems);
    let limits_at = root.at("limits");
    let for_all = layer(&mut root, problems);
    let limits_for_all = in_full(&for_all);
    if limits_for_all.is_none() {
        let most = "at most 4294967295 for a number of things".to_owned();
        problems.add(limits_at, "limits", ConfigProblemKind::Expected(most));
    }
    let mut known = KnownNames { plugins: Vec::new(), tenants: BTreeMap::new() };
    let mut plugins = BTreeMap::new();
    for entry in root.parts("plugins", problems) {
        // The name is known even if the plugin has other problems: its connections are not to blame.
        known.plugins.push(entry.key.clone());
        let name = entry.key.clone();
        plugins.extend(plugin(entry, extension, around.base, problems).map(|source| (name, source)));
    }
    let mut trusted = BTreeMap::new();
    for entry in root.parts("trust", problems) {
        let name = entry.key.clone();
        trusted.extend(trust(entry, around.base, problems).map(|trust| (name, trust)));
    }
    for entry in root.parts("tenants", problems) {
        let name = entry.key.clone();
        let limits = tenant(entry, &for_all, extension, around, problems);
        known.tenants.insert(name, limits);
    }
    let (mut connections, mut duties) = (Vec::new(), BTreeMap::new());
    for entry in root.parts("connections", problems) {
        if let Some((spec, of_it)) = connection(entry, &known, around, problems) {
            duties.insert(spec.key.clone(), of_it);
            connections.push(spec);
        }
    }
    root.end(problems);
    let host = host.map_or_else(HostLimits::default, |host| limits(&host));
    let (compile, limits) = (compile.unwrap_or_default(), limits_for_all.unwrap_or_default());
    Config {
        host,
        compile,
        limits,
        plugins,
        trust: trusted,
        connections,
        duties,
        file: None,
        warnings: Vec::new(),
    }
}

fn limits(host: &HostSection) -> HostLimits {
    let usual = HostLimits::default();
    HostLimits {
        concurrent_calls: host.concurrent_calls.map_or(usual.concurrent_calls, NonZeroU32::get),
        tenant_concurrent_calls: host
            .tenant_concurrent_calls
            .map_or(usual.tenant_concurrent_calls, NonZeroU32::get),
        wasm_stack_bytes: host.wasm_stack_bytes.map_or(usual.wasm_stack_bytes, NonZeroUsize::get),
    }
}

fn plugin(
    entry: Entry<'_>,
    extension: &mut dyn Extension,
    base: &Path,
    problems: &mut Problems<'_>,
) -> Option<PluginSource> {
    let (at, place, name) = (entry.at, entry.place.clone(), entry.key.clone());
    if let Some(wrong) = ConfigProblemKind::with_name(&name) {
        problems.add(at, &place, wrong);
    }
    let mut section = entry.section(problems)?;
    let (registry_at, watch_at) = (section.at("registry"), section.at("watch"));
    let registry = section.take("registry");
    let plugin: PluginSection = section.read(problems)?;
    let origin = match (plugin.file, registry) {
        (Some(file), None) => PluginOrigin::File(base.join(file)),
        (None, Some(reference)) => {
            extension.of_registry(&name, reference, problems);
            PluginOrigin::Registry
        }
        (None, None) => {
            problems.add(at, &place, ConfigProblemKind::NoSource);
            return None;
        }
        (Some(_), Some(_)) => {
            problems.add(registry_at, &format!("{place}.registry"), ConfigProblemKind::TwoSources);
            return None;
        }
    };
    if plugin.watch && origin == PluginOrigin::Registry {
        problems.add(watch_at, &format!("{place}.watch"), ConfigProblemKind::WatchedRegistry);
    }
    let usual = LoadPolicy::default();
    let policy = LoadPolicy {
        max_bytes: plugin.max_bytes.map_or(usual.max_bytes, NonZeroUsize::get),
        wasi: plugin.wasi.unwrap_or(usual.wasi),
        describe: plugin.describe_ms.map_or(usual.describe, |ms| Duration::from_millis(ms.get())),
    };
    Some(PluginSource { origin, policy, watch: plugin.watch })
}

/// Reads a tenant's limits, merged over the general ones, and the extension's part of its table.
fn tenant(
    entry: Entry<'_>,
    for_all: &LimitsLayer,
    extension: &mut dyn Extension,
    around: &mut ReadContext<'_>,
    problems: &mut Problems<'_>,
) -> LimitsLayer {
    if let Some(wrong) = ConfigProblemKind::with_name(&entry.key) {
        problems.add(entry.at, &entry.place, wrong);
    }
    let name = entry.key.clone();
    let mut limits = for_all.clone();
    if let Some(mut section) = entry.section(problems) {
        limits.extend(layer(&mut section, problems));
        extension.of_tenant(&name, &mut section, around, problems);
        section.end(problems);
    }
    limits
}
