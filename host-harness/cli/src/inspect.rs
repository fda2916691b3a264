//! `inspect`: shows a plugin's identity and everything that it may do, for the person who approves it.

mod bundle;

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use self::bundle::{BundleBeside, ComponentFile};
use super::{
    client::{ApiCall, ApiResponse, Client},
    component_file::{LoadOptions, LoadedComponent, read},
    exit::Exit,
    failure::Failure,
    output::{CommandOutput, heading, table},
    plugin::{pins as plugin_pins, registry as plugin_registry},
    session::Session,
    words,
};
use host_api::types::{
    limits::Limits,
    manifest::{Effect, Manifest, Operation, Setting},
    pins::PluginPin,
    plugins::{ComponentParts, Permissions},
    trust::PluginTrust,
};
use host_harness::plugin;
use host_model::names::is_name;

/// The start of a further line of a fact, below its first one.
const BELOW: &str = "\n             ";

/// The longest line of a path, in characters.
const MAX_PATH_LINE: u16 = 24;

#[derive(Debug, Args)]
pub(super) struct InspectCommand {
    /// The component's file; no configuration is needed. The bundle beside it is shown too, but not verified. With --server, the
    /// name of a running plugin.
    plugin: PathBuf,
    #[command(flatten)]
    load: LoadOptions,
}

impl InspectCommand {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        match session.remote()? {
            Some(client) => self.remotely(session, &client).await,
            None => self.alone(session).await,
        }
    }

    async fn remotely(self, session: &Session, client: &Client) -> Result<CommandOutput, Failure> {
        let is_of_file = self.load.wasi_trapped || self.load.max_bytes.is_some();
        let name = self.plugin.to_str().filter(|name| is_name(name) && !is_of_file).ok_or_else(|| {
            Failure::misused(
                "with --server, inspect takes only the name of a running plugin\nnext: list the names with \
                 `connector-host plugin list`; to inspect a file, name no service",
            )
        })?;
        Ok(shown(session.console.width, client.ask(ApiCall::get(&["plugins", name])).await?))
    }

    async fn alone(self, session: &Session) -> Result<CommandOutput, Failure> {
        let ComponentFile { component, bundle } =
            ComponentFile::of(&self.plugin, read(&self.plugin)?).await?;
        let LoadedComponent { plugin, .. } = self.load.load(session, &self.plugin, component).await?;
        let permissions = Permissions::from(plugin::Permissions::from(&plugin));
        let beside =
            bundle.as_ref().map_or_else(|| vec!["none beside the file".to_owned()], BundleBeside::lines);
        let people = people(session.console.width, &permissions, &[("Bundle", beside)]);
        let mut json = json!(permissions);
        if let Some(fields) = json.as_object_mut() {
            fields.insert("bundle".to_owned(), json!(bundle.as_ref().map(BundleBeside::json)));
        }
        Ok(CommandOutput { people, json, exit: Exit::Done })
    }
}

/// Shows what a version may do.
pub(super) fn shown(width: u16, ApiResponse { value, json }: ApiResponse<Permissions>) -> CommandOutput {
    CommandOutput { people: people(width, &value, &[]), json, exit: Exit::Done }
}

/// A line for each trusted key, one for what is required, and one for the newest revision.
pub(super) fn trusted(trust: &PluginTrust) -> Vec<String> {
    let mut lines = trust.keys.clone();
    lines.push(format!("requires {}", trust.require));
    lines.extend(
        trust.mark.iter().map(|mark| format!("revision {} or newer, {}", mark.revision, mark.digest)),
    );
    lines.extend(trust.problem.iter().map(|problem| format!("admits no release: {problem}")));
    lines
}

/// A line for each pin.
fn pinned(pins: &[PluginPin]) -> String {
    let pins = pins.iter().map(|pin| format!("{} to {}", plugin_pins::of(pin), pin.digest));
    pins.collect::<Vec<_>>().join(BELOW)
}

/// Shows what a component may do, and the lines of `more` about it, each with its title.
fn people(width: u16, permissions: &Permissions, more: &[(&str, Vec<String>)]) -> String {
    let Permissions { digest, contract, imports, exports, ignored_exports, .. } = permissions;
    let Permissions { parts, pins, trust, registry, manifest, .. } = permissions;
    let known = |title: &str, words: &str| format!("{title:<12} {}\n", or(words, "none"));
    let title = heading(&format!("{} {} for {}", manifest.name, manifest.version, manifest.vendor));
    let about = [
        known("Identity", digest),
        known("Contract", contract),
        known("Documents", &manifest.documentation),
        known("Imports", &imports.join(", ")),
        known("Offers", &exports.join(", ")),
        known("Ignored", &ignored(ignored_exports)),
        known("Consists of", &consists_of(parts)),
        known("Acts on", &kinds(manifest)),
        known("Items", &manifest.item_kinds.join(", ")),
        known("On trust", &exemptions(manifest)),
        trust.as_ref().map_or_else(String::new, |trust| known("Signed by", &trusted(trust).join(BELOW))),
        registry.as_ref().map_or_else(String::new, |registry| {
            known("Registry", &plugin_registry::lines(registry).join(BELOW))
        }),
        if pins.is_empty() { String::new() } else { known("Pinned", &pinned(pins)) },
        more.iter().map(|(title, lines)| known(title, &lines.join(BELOW))).collect(),
    ];
    let settings = table(
        width,
        &[
            ("Setting", Some(19)),
            ("Kind", None),
            ("Default", None),
            ("Allowed", Some(21)),
            ("What it is", Some(28)),
        ],
        manifest.settings.iter().map(setting),
    );
    let operations = table(
        width,
        &[
            ("Operation, purpose", Some(25)),
            ("Request", Some(MAX_PATH_LINE + 2)),
            ("Used by", Some(16)),
            ("Carries", None),
            ("How often", None),
        ],
        manifest.operations.iter().map(|operation| row(manifest, operation)),
    );
    format!(
        "{title}\n{}\n{}\n{}\n\n{}\n{}\n{}",
        about.concat(),
        heading("What the operator fills in"),
        settings.trim_fmt(),
        heading("Everything that it may send"),
        hosts(manifest),
        operations.trim_fmt(),
    )
}

/// The hosts that requests go to: each setting that names one, with its allowed values.
fn hosts(manifest: &Manifest) -> String {
    let names = |spec: &&Setting| manifest.operations.iter().any(|o| o.host_setting == spec.name);
    let hosts = manifest.settings.iter().filter(names).map(|spec| {
        let options = or(&spec.options.join(" or "), "any host that the operator allows");
        format!("{{{}}} is {options}", spec.name)
    });
    hosts.collect::<Vec<_>>().join("; ")
}

/// The exports that nothing calls, since the contract does not have them.
fn ignored(exports: &[String]) -> String {
    let quoted =
        exports.iter().map(|export| format!("the export {export:?}, which the contract does not have"));
    quoted.collect::<Vec<_>>().join(BELOW)
}

/// One line for each part, with its limit if the default one is too low.
fn consists_of(parts: &ComponentParts) -> String {
    let ComponentParts { core_instances, memories, memory_bytes, tables, table_elements } = *parts;
    let usual = Limits::default();
    let lines = [
        ("core-instances", core_instances, usual.core_instances.get().into()),
        ("memories", memories, usual.memories.get().into()),
        ("memory-bytes", memory_bytes, usual.memory_bytes.get()),
        ("tables", tables, usual.tables.get().into()),
        ("table-elements", table_elements, usual.table_elements.get()),
    ]
    .map(|(limit, found, usual)| {
        let raise = if found > usual {
            format!(" (above the default of limits.{limit}, {usual})")
        } else {
            String::new()
        };
        format!("{limit} {found}{raise}")
    });
    lines.join(BELOW)
}

/// One line for each kind, with whether it identifies a person.
fn kinds(manifest: &Manifest) -> String {
    let kinds = manifest.identifier_kinds.iter().map(|kind| format!("{} ({})", kind.name, kind.identifies));
    kinds.collect::<Vec<_>>().join(BELOW)
}

/// One line for each outcome that no request supports, with the reason.
fn exemptions(manifest: &Manifest) -> String {
    let exemptions = manifest.proves_without.iter();
    exemptions
        .map(|exemption| format!("{}: {}", exemption.claim, exemption.reason))
        .collect::<Vec<_>>()
        .join(BELOW)
}

fn setting(spec: &Setting) -> Vec<String> {
    let is_missed = spec.required && spec.default.is_none();
    let kind = match (spec.secret, is_missed) {
        (true, true) => "secret, required",
        (true, false) => "secret",
        (false, true) => "required",
        (false, false) => "optional",
    };
    vec![
        spec.name.clone(),
        kind.to_owned(),
        or(spec.default.as_deref().unwrap_or_default(), "none"),
        or(&spec.options.join("\n"), "any"),
        or(&spec.description, &spec.label),
    ]
}

fn row(manifest: &Manifest, operation: &Operation) -> Vec<String> {
    let mut often: Vec<_> = manifest
        .limits
        .iter()
        .filter(|limit| operation.limits.contains(&limit.name))
        .map(words::limit)
        .collect();
    often.push(if operation.repeatable { "repeatable" } else { "once only" }.to_owned());
    vec![
        format!("{}\n{}", operation.name, operation.purpose),
        format!(
            "{} {{{}}}\n{}\n{}",
            operation.method,
            operation.host_setting,
            in_lines(&operation.path),
            match operation.effect {
                Effect::Read => "reads",
                Effect::Write => "writes",
            }
        ),
        or(&operation.used_by.join("\n"), "the host"),
        or(&credentials(manifest, operation).join("\n"), "nothing"),
        often.join("\n"),
    ]
}

/// The path, broken before a slash if it is too long for its column.
fn in_lines(path: &str) -> String {
    let mut lines = vec![String::new()];
    for (index, segment) in path.split('/').enumerate() {
        let step = if index == 0 { segment.to_owned() } else { format!("/{segment}") };
        match lines.last_mut() {
            Some(line) if line.len() + step.len() <= usize::from(MAX_PATH_LINE) => line.push_str(&step),
            _ => lines.push(step),
        }
    }
    lines.retain(|line| !line.is_empty());
    lines.join("\n")
}

/// The secrets that the host writes into the request, or takes out of its answer.
fn credentials(manifest: &Manifest, operation: &Operation) -> Vec<String> {
    let settings =
        manifest.settings.iter().filter(|setting| setting.secret).map(|setting| setting.name.as_str());
    let captured =
        manifest.operations.iter().flat_map(|o| &o.captures).map(|capture| capture.secret.as_str());
    let mut names: Vec<_> = settings.chain(captured).chain(["webhook-token"]).collect();
    names.dedup();
    let templates = || [&operation.path].into_iter().chain(operation.fields.iter().map(|field| &field.value));
    let carried = names
        .into_iter()
        .filter(|name| templates().any(|text| text.contains(&format!("{{{name}}}"))))
        .map(str::to_owned);
    let brought = operation.captures.iter().map(|capture| format!("brings {}", capture.secret));
    carried.chain(brought).collect()
}

fn or(text: &str, otherwise: &str) -> String {
    if text.is_empty() { otherwise.to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests;
