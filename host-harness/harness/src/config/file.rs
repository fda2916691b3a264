//! The file as a whole: its tables in the order in which they refer to each other.

use std::{
    collections::BTreeMap,
    num::{NonZeroU32, NonZeroU64, NonZeroUsize},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use toml::de::DeTable;

use super::{
    Config, ForwardConfig, HostLimits, PluginSource,
    connection::{Known, Layer, connection, layer},
    problem::{Problem, Wrong},
    secret::Surroundings,
    section::{Entry, Problems, Section},
    service,
};
use crate::plugin::{LoadPolicy, Wasi};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Host {
    concurrent_calls: Option<NonZeroU32>,
    tenant_concurrent_calls: Option<NonZeroU32>,
    wasm_stack_bytes: Option<NonZeroUsize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Plugin {
    file: Option<PathBuf>,
    wasi: Option<WasiWord>,
    max_bytes: Option<NonZeroUsize>,
    describe_ms: Option<NonZeroU64>,
    #[serde(default)]
    watch: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WasiWord {
    Refused,
    Trapped,
}

/// The configuration in `text`, or everything that is wrong with it, by line.
pub(super) fn config(
    text: &str,
    base: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, Vec<Problem>> {
    let mut problems = Problems::of(text);
    let (table, broken) = DeTable::parse_recoverable(text);
    for error in &broken {
        let at = error.span().map_or(0, |span| span.start);
        problems.add(at, "", Wrong::Syntax(error.message().to_owned()));
    }
    if !broken.is_empty() {
        return Err(problems.found);
    }
    let mut around = Surroundings { base, env, warnings: Vec::new() };
    let read = read(Section::root(table), &mut around, &mut problems);
    if problems.found.is_empty() {
        return Ok(Config { warnings: around.warnings, ..read });
    }
    problems.found.sort_by_key(|problem| problem.line);
    Err(problems.found)
}

fn read(mut root: Section<'_>, around: &mut Surroundings<'_>, problems: &mut Problems<'_>) -> Config {
    let host = root.part("host", problems).and_then(|section| section.read(problems));
    let service =
        root.part("service", problems).and_then(|section| service::service(section, around, problems));
    let for_all = layer(&mut root, problems);
    let mut known = Known { plugins: Vec::new(), tenants: BTreeMap::new() };
    let mut plugins = BTreeMap::new();
    for entry in root.parts("plugins", problems) {
        // Known by name though something else is wrong with it: its connections are not to blame.
        known.plugins.push(entry.key.clone());
        let name = entry.key.clone();
        plugins.extend(plugin(entry, around.base, problems).map(|source| (name, source)));
    }
    let mut forwards = BTreeMap::new();
    for entry in root.parts("tenants", problems) {
        let name = entry.key.clone();
        let (limits, forward) = tenant(entry, &for_all, around, problems);
        known.tenants.insert(name.clone(), limits);
        forwards.extend(forward.map(|forward| (name, forward)));
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
    Config { host, plugins, connections, service, forwards, duties, file: None, warnings: Vec::new() }
}

fn limits(host: &Host) -> HostLimits {
    let usual = HostLimits::default();
    HostLimits {
        concurrent_calls: host.concurrent_calls.map_or(usual.concurrent_calls, NonZeroU32::get),
        tenant_concurrent_calls: host
            .tenant_concurrent_calls
            .map_or(usual.tenant_concurrent_calls, NonZeroU32::get),
        wasm_stack_bytes: host.wasm_stack_bytes.map_or(usual.wasm_stack_bytes, NonZeroUsize::get),
    }
}

fn plugin(entry: Entry<'_>, base: &Path, problems: &mut Problems<'_>) -> Option<PluginSource> {
    let (at, place) = (entry.at, entry.place.clone());
    if let Some(wrong) = Wrong::with_name(&entry.key) {
        problems.add(at, &place, wrong);
    }
    let plugin: Plugin = entry.section(problems)?.read(problems)?;
    let Some(file) = plugin.file else {
        problems.add(at, &place, Wrong::MissingKey("file"));
        return None;
    };
    let usual = LoadPolicy::default();
    let policy = LoadPolicy {
        max_bytes: plugin.max_bytes.map_or(usual.max_bytes, NonZeroUsize::get),
        wasi: match plugin.wasi {
            Some(WasiWord::Trapped) => Wasi::Trapped,
            Some(WasiWord::Refused) | None => Wasi::Refused,
        },
        describe: plugin.describe_ms.map_or(usual.describe, |ms| Duration::from_millis(ms.get())),
    };
    Some(PluginSource { path: base.join(file), policy, watch: plugin.watch })
}

/// A tenant's limits over those for all, and where its events are posted.
fn tenant(
    entry: Entry<'_>,
    for_all: &Layer,
    around: &mut Surroundings<'_>,
    problems: &mut Problems<'_>,
) -> (Layer, Option<ForwardConfig>) {
    if let Some(wrong) = Wrong::with_name(&entry.key) {
        problems.add(entry.at, &entry.place, wrong);
    }
    let mut limits = for_all.clone();
    let mut forward = None;
    if let Some(mut section) = entry.section(problems) {
        limits.extend(layer(&mut section, problems));
        let forwarding = section.part("forward", problems);
        forward = forwarding.and_then(|section| service::forward(section, around, problems));
        section.end(problems);
    }
    (limits, forward)
}
