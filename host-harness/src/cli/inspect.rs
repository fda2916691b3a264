//! `inspect`: what a plugin is and everything that it may do, for whoever has to agree to it.

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use serde_json::json;

use super::{
    Exit, Failure, Shown,
    session::Session,
    shown::{heading, table},
    words,
};
use crate::{
    connection::CallLimits,
    contract::{
        Interface,
        manifest::{Manifest, Operation, SettingSpec},
    },
    engine::{Engine, PoolSize},
    plugin::{LoadPolicy, Plugin, Wasi},
};

#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// The component's file; no configuration is needed.
    plugin: PathBuf,
    /// Let it import WASI, as `wasi = "trapped"` does in a configuration.
    #[arg(long)]
    wasi_trapped: bool,
}

impl Inspect {
    pub(super) async fn run(self, session: &Session) -> Result<Shown, Failure> {
        let file = self.plugin.display();
        let bytes = std::fs::read(&self.plugin)
            .map_err(|error| Failure::misused(format!("cannot read {file}: {error}")))?;
        let size = PoolSize { calls: 1, memory_bytes: CallLimits::default().memory_bytes };
        let engine = Engine::new(size)
            .map_err(|error| Failure::misused(format!("cannot set up the WebAssembly engine: {error:#}")))?;
        let wasi = if self.wasi_trapped { Wasi::Trapped } else { Wasi::Refused };
        let policy = LoadPolicy { wasi, ..LoadPolicy::default() };
        let engine = Arc::new(engine);
        let loading = Plugin::load(&engine, bytes, &policy);
        let plugin = session
            .awaited(&format!("compiling {file}"), loading)
            .await
            .map_err(|error| Failure::misused(format!("{file}: {error}")))?;
        Ok(shown(session.console.width, &plugin.digest().to_string(), &plugin))
    }
}

fn shown(width: u16, digest: &str, plugin: &Plugin) -> Shown {
    let people = people(width, digest, plugin.imports(), plugin.exports(), plugin.manifest());
    let json = json!({
        "digest": digest,
        "imports": plugin.imports(),
        "exports": plugin.exports(),
        "manifest": plugin.manifest(),
    });
    Shown { people, json, exit: Exit::Done }
}

fn people(
    width: u16,
    digest: &str,
    imports: &[String],
    exports: &[Interface],
    manifest: &Manifest,
) -> String {
    let exports: Vec<_> = exports.iter().map(|interface| interface.name()).collect();
    let known = |title: &str, words: &str| format!("{title:<12} {}\n", or(words, "none"));
    let title = heading(&format!("{} {} for {}", manifest.name, manifest.version, manifest.vendor));
    let about = [
        known("Identity", digest),
        known("Documents", &manifest.documentation),
        known("Imports", &imports.join(", ")),
        known("Offers", &exports.join(", ")),
        known("Acts on", &manifest.identifier_kinds.join(", ")),
        known("Items", &manifest.item_kinds.join(", ")),
    ];
    let settings = table(
        width,
        &["Setting", "Kind", "Default", "Allowed values", "What it is"],
        manifest.settings.iter().map(setting),
    );
    let operations = table(
        width,
        &["Operation", "What it is for", "Request", "Used by", "Carries", "Limits", "Repeatable"],
        manifest.operations.iter().map(|operation| row(manifest, operation)),
    );
    format!(
        "{title}\n{}\n{}\n{settings}\n\n{}\n{operations}",
        about.concat(),
        heading("What the operator fills in"),
        heading("Everything that it may send"),
    )
}

fn setting(spec: &SettingSpec) -> Vec<String> {
    let kind = match (spec.secret, spec.required) {
        (true, true) => "secret, required",
        (true, false) => "secret",
        (false, true) => "required",
        (false, false) => "optional",
    };
    vec![
        spec.name.clone(),
        kind.to_owned(),
        or(spec.default.as_deref().unwrap_or_default(), "none"),
        or(&spec.options.join(", "), "any"),
        or(&spec.description, &spec.label),
    ]
}

fn row(manifest: &Manifest, operation: &Operation) -> Vec<String> {
    let limits: Vec<_> =
        operation.limits.iter().filter_map(|name| manifest.limit(name)).map(words::limit).collect();
    vec![
        operation.name.clone(),
        operation.purpose.clone(),
        format!("{} https://{{{}}}{}", operation.method, operation.host_setting, operation.path),
        or(&operation.used_by.join(", "), "the host itself"),
        or(&credentials(manifest, operation).join(", "), "no credential"),
        or(&limits.join(", "), "none"),
        if operation.repeatable { "yes" } else { "no" }.to_owned(),
    ]
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
