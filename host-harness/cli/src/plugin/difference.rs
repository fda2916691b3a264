//! `plugin difference`: how two versions of a plugin differ.
//! Tested in `src/tests/server/versions.rs`.

use crate::{
    client::{ApiCall, ApiResponse, Client},
    exit::Exit,
    failure::Failure,
    output::{CommandOutput, heading},
    version_history,
};
use host_api::types::version_difference::{DifferentAspect, DifferentPart, PartPresence, VersionDifference};

/// Asks how the version `to` of the plugin `name` differs from the version `from`, or from the one that serves.
pub(super) async fn show(
    client: &Client,
    name: &str,
    to: &str,
    from: Option<&str>,
) -> Result<CommandOutput, Failure> {
    let to = version_history::digest(client, name, to).await?;
    let from = match from {
        Some(from) => Some(version_history::digest(client, name, from).await?),
        None => None,
    };
    let call = ApiCall::get(&["plugins", name, "versions", &to, "difference"]).with("from", from);
    Ok(shown(client.ask(call).await?))
}

fn shown(ApiResponse { value, json }: ApiResponse<VersionDifference>) -> CommandOutput {
    let VersionDifference { name, from, to, requests, parts } = &value;
    let mut lines = vec![format!("plugin {name}: from {from}\n{}to {to}", " ".repeat(name.len() + 9))];
    if requests.is_empty() {
        lines.push("the second version requests nothing more than the first".to_owned());
    } else {
        lines.push(heading("What the second version requests beyond the first"));
        lines.extend(requests.iter().map(|request| format!("  {request}")));
    }
    if !parts.is_empty() {
        lines.push(heading("What differs"));
        lines.extend(parts.iter().map(part));
    }
    CommandOutput { people: lines.join("\n"), json, exit: Exit::Done }
}

fn part(DifferentPart { area, name, presence, aspects }: &DifferentPart) -> String {
    let sign = match presence {
        PartPresence::Added => "+",
        PartPresence::Removed => "-",
        PartPresence::Changed => "~",
    };
    let area = area.to_string().replace('_', " ");
    let aspects = aspects.iter().map(aspect);
    [format!("  {sign} {area} {name}")].into_iter().chain(aspects).collect::<Vec<_>>().join("\n")
}

fn aspect(DifferentAspect { aspect, before, after }: &DifferentAspect) -> String {
    match (before, after) {
        (Some(before), Some(after)) => format!("      {aspect}: {after}; before, {before}"),
        (Some(before), None) => format!("      {aspect}: none; before, {before}"),
        (None, after) => format!("      {aspect}: {}", after.as_deref().unwrap_or_default()),
    }
}
