//! Plugins and what was published, as people and programs read it.
//! Tested in `src/tests/server/connections.rs`.

use host_api::types::{
    plugins::{LoadConditions, Plugins, PublishedVersion},
    registries::PluginNotPulled,
};

use super::{pins, registry};
use crate::{
    client::ApiResponse,
    exit::Exit,
    output::{CommandOutput, table},
    version_history,
    words::list,
};

pub(super) fn listed(width: u16, ApiResponse { value, json }: ApiResponse<Plugins>) -> CommandOutput {
    let columns = [
        ("name", None),
        ("connector", None),
        ("version", None),
        ("offers", None),
        ("digest", None),
        ("pins", None),
    ];
    let rows = value.plugins.into_iter().map(|plugin| {
        let pins = list(plugin.pins.iter().map(pins::of));
        vec![plugin.name, plugin.connector, plugin.version, list(plugin.interfaces), plugin.digest, pins]
    });
    let mut lines = vec![table(width, &columns, rows).to_string()];
    lines.extend(value.not_pulled.iter().map(|PluginNotPulled { name, registry }| {
        format!("{name} does not run: {}", registry::lines(registry).join("; "))
    }));
    CommandOutput { people: lines.join("\n"), json, exit: Exit::Done }
}

pub(super) fn runs(ApiResponse { value, json }: ApiResponse<PublishedVersion>) -> CommandOutput {
    let mut lines = vec![format!("plugin {}: running {}", value.name, value.digest)];
    lines.extend(value.before.iter().map(|before| format!("  previous version: {before}")));
    lines.extend(value.steps.iter().map(version_history::step_line));
    lines.extend(value.changes.iter().map(|change| format!("  {change}")));
    let LoadConditions { max_bytes, describe_ms, wasi_trapped } = value.conditions;
    let wasi = if wasi_trapped { "trapped" } else { "refused" };
    lines.push(format!("  loads with max-bytes {max_bytes}, describe-ms {describe_ms}, wasi {wasi}"));
    lines.push(value.next_start);
    CommandOutput { people: lines.join("\n"), json, exit: Exit::Done }
}
