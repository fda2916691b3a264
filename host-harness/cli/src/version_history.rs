//! The versions of a plugin, as `plugin history` shows them.
//! Tested in `src/tests/server/versions.rs`.

mod proven;

use self::proven::proven;
use super::{
    client::{ApiCall, ApiResponse, Client},
    exit::Exit,
    failure::Failure,
    output::{CommandOutput, TIME, coloured, fact_lines, table},
    words::{optional, time, timestamp},
};
use host_api::types::{
    trust::VersionSignature,
    versions::{
        PluginVersion, PluginVersionStep, PluginVersions, PublishRehearsal, StepEvidence, VersionState,
    },
};

/// The width of a column with digests, borders included.
const DIGEST: Option<u16> = Some(21);

/// How many characters of a digest are shown in a list: enough to tell versions apart, and to name one.
const SHORT: usize = "sha256:".len() + 12;

/// Returns the digest of the version of the plugin `name` that `beginning` names.
pub(super) async fn digest(client: &Client, name: &str, beginning: &str) -> Result<String, Failure> {
    let history: PluginVersions = client.ask(ApiCall::get(&["plugins", name, "versions"])).await?.value;
    Ok(find(&history, beginning)?.digest.clone())
}

/// Returns the only version whose digest begins with `beginning`, with or without `sha256:`.
fn find<'a>(history: &'a PluginVersions, beginning: &str) -> Result<&'a PluginVersion, Failure> {
    let digits = beginning.strip_prefix("sha256:").unwrap_or(beginning);
    let begins = |version: &&PluginVersion| {
        !digits.is_empty() && version.digest.trim_start_matches("sha256:").starts_with(digits)
    };
    let mut found = history.versions.iter().filter(begins);
    let name = &history.name;
    match (found.next(), found.next()) {
        (Some(version), None) => Ok(version),
        (None, _) => Err(Failure::misused(format!(
            "plugin {name} has no version {beginning}: `plugin history {name}` lists those that it has"
        ))),
        (Some(_), Some(_)) => Err(Failure::misused(format!(
            "several versions of plugin {name} begin with {beginning}: write more of the digest"
        ))),
    }
}

pub(super) fn uploaded(name: &str, ApiResponse { value, json }: ApiResponse<PluginVersion>) -> CommandOutput {
    let people = format!(
        "plugin {name}: {} {}\nnext: `connector-host plugin approve {name} {}`, then `plugin serve`",
        value.state,
        value.digest,
        short(&value.digest)
    );
    CommandOutput { people, json, exit: Exit::Done }
}

pub(super) fn approved(name: &str, ApiResponse { value, json }: ApiResponse<PluginVersion>) -> CommandOutput {
    let mut lines = vec![format!("plugin {name}: {} {}", value.state, value.digest)];
    let evidence = value.steps.last().map(|step| &step.evidence);
    let approved = evidence.into_iter().flat_map(|of| of.requests.iter().chain(&of.differences));
    lines.extend(approved.map(|line| format!("  {line}")));
    let digest = short(&value.digest);
    lines.push(format!("next: `connector-host plugin serve {name} {digest}`, or in steps with"));
    lines.push(format!("  `connector-host plugin release begin {name} {digest}`"));
    CommandOutput { people: lines.join("\n"), json, exit: Exit::Done }
}

/// What a publication would do.
pub(super) fn rehearsed(ApiResponse { value, json }: ApiResponse<PublishRehearsal>) -> CommandOutput {
    let PublishRehearsal {
        name,
        digest,
        would_serve,
        requests,
        refusals,
        proof,
        settings,
        shadow,
        tests,
        ..
    } = &value;
    let (would, exit) =
        if *would_serve { ("would serve", Exit::Done) } else { ("would be refused", Exit::Misused) };
    let mut lines = vec![format!("plugin {name}: {digest} {}", coloured(would, exit))];
    let shown = proven(Some(proof), Some(settings), Some(shadow), tests);
    lines.extend(shown.iter().map(|line| format!("  {line}")));
    lines.extend(requests.iter().map(|request| format!("  requests: {request}")));
    for refusal in refusals {
        // Line ends were escaped when the answer was read.
        lines.push(format!("  {}: {}", refusal.reason, refusal.why.replace("\\n", "\n    ")));
    }
    lines.push("nothing was stored".to_owned());
    CommandOutput { people: lines.join("\n"), json, exit }
}

/// The list of versions, or one version with every step.
pub(super) fn shown(
    width: u16,
    ApiResponse { value, json }: ApiResponse<PluginVersions>,
    version: Option<&str>,
) -> Result<CommandOutput, Failure> {
    let people = match version {
        Some(beginning) => one(width, find(&value, beginning)?),
        None => all(width, &value),
    };
    Ok(CommandOutput { people, json, exit: Exit::Done })
}

fn all(width: u16, history: &PluginVersions) -> String {
    let columns = [
        ("version", None),
        ("digest", DIGEST),
        ("state", None),
        ("served", TIME),
        ("size", None),
        ("from", None),
        ("note", None),
    ];
    let rows = history.versions.iter().map(|version| {
        // The last step of one that serves is a refusal only if it failed its proof after a start.
        let shows_reason = matches!(version.state, VersionState::Refused | VersionState::Serving);
        let refused = version.steps.last().filter(|_| shows_reason);
        let state = match refused.and_then(|step| step.reason.as_ref()) {
            Some(reason) => format!("{}: {reason}", version.state),
            None => version.state.to_string(),
        };
        let size = if version.is_stored { kilobytes(version.size) } else { "not stored".to_owned() };
        vec![
            optional(version.version.as_ref()),
            short(&version.digest).to_owned(),
            state,
            time(version.served_at),
            size,
            version.source.to_string(),
            optional(version.note.as_ref()),
        ]
    });
    format!(
        "{}\n{} of components stored for all plugins, the last {} of each that served among them; they are part of each \
         backup",
        table(width, &columns, rows),
        kilobytes(history.stored_bytes),
        history.max_kept
    )
}

fn one(width: u16, version: &PluginVersion) -> String {
    let facts = fact_lines(&[
        ("digest", version.digest.clone()),
        ("version", optional(version.version.as_ref())),
        ("contract", optional(version.contract.as_ref())),
        ("state", version.state.to_string()),
        ("from", version.source.to_string()),
        ("note", optional(version.note.as_ref())),
        ("can serve", if version.is_stored && version.is_authentic { "yes" } else { "no" }.to_owned()),
    ]);
    let columns =
        [("at", TIME), ("state", None), ("took", None), ("by", None), ("reason", None), ("evidence", None)];
    format!("{facts}\n{}", table(width, &columns, version.steps.iter().map(step)))
}

fn step(step: &PluginVersionStep) -> Vec<String> {
    vec![
        timestamp(step.at),
        step.state.to_string(),
        format!("{} ms", step.took_ms),
        actor(&step.by).to_owned(),
        optional(step.reason.as_ref()),
        evidence(&step.evidence),
    ]
}

/// A step in one line: what was reached, how long it took, and what shows it.
pub(super) fn step_line(step: &PluginVersionStep) -> String {
    // Below the evidence of the first line.
    let evidence = evidence(&step.evidence).replace('\n', &format!("\n{:23}", ""));
    let line = format!("  {:9} {:>6} ms  {evidence}", step.state.to_string(), step.took_ms);
    line.trim_end().to_owned()
}

fn evidence(of: &StepEvidence) -> String {
    let StepEvidence {
        bytes,
        signature,
        requests,
        before,
        replaced_by,
        release,
        why,
        proof,
        settings,
        shadow,
        tests,
        differences,
        changed,
    } = of;
    let mut lines: Vec<String> = bytes.iter().map(|bytes| format!("{bytes} bytes")).collect();
    lines.extend(signature.as_ref().map(signed));
    lines.extend(proven(proof.as_ref(), settings.as_ref(), shadow.as_ref(), tests));
    lines.extend(requests.iter().chain(differences).cloned());
    lines.extend(before.iter().map(|before| format!("after {}", short(before))));
    lines.extend(release.iter().map(|release| format!("release in steps: {release}")));
    lines.extend(replaced_by.iter().map(|by| format!("replaced by {}", short(by))));
    lines.extend(changed.iter().cloned());
    lines.extend(why.clone());
    lines.join("\n")
}

/// The signature of a version in one line.
fn signed(signature: &VersionSignature) -> String {
    let key = short(&signature.key);
    match signature.revision {
        Some(revision) => format!("signed by {key} as revision {revision}"),
        None => format!("signed by {key} without a statement"),
    }
}

/// The name of a caller, without the id of its key, which `--json` has.
pub(super) fn actor(by: &str) -> &str {
    by.split(" (").next().unwrap_or(by)
}

pub(super) fn short(digest: &str) -> &str {
    digest.get(..SHORT).unwrap_or(digest)
}

fn kilobytes(bytes: i64) -> String {
    format!("{} KiB", (bytes + 1_023) / 1_024)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn history(digests: &[&str]) -> PluginVersions {
        let version = |digest: &&str| {
            json!({"digest": format!("sha256:{digest}"), "version": null, "contract": null, "size": 0, "source": "upload",
                   "note": null, "state": "uploaded", "served_at": null, "is_stored": true, "is_authentic": true, "steps": []})
        };
        let versions: Vec<_> = digests.iter().map(version).collect();
        let history = json!({"name": "iterable", "versions": versions, "max_kept": 20, "stored_bytes": 1});
        serde_json::from_value(history).unwrap()
    }

    #[test]
    fn a_version_is_named_by_the_beginning_of_its_digest_if_only_one_begins_so() {
        let history = history(&["a1b2", "a1c3", "d4"]);
        for beginning in ["a1b", "sha256:a1b", "a1b2"] {
            assert_eq!(find(&history, beginning).unwrap().digest, "sha256:a1b2");
        }
        for (beginning, why) in [
            ("a1", "several versions of plugin iterable begin with a1: write more of the digest"),
            ("e", "plugin iterable has no version e: `plugin history iterable` lists those that it has"),
            ("", "plugin iterable has no version : `plugin history iterable` lists those that it has"),
        ] {
            let Err(failure) = find(&history, beginning) else { panic!("{beginning}") };
            assert!(format!("{failure:?}").contains(why), "{failure:?}");
        }
    }
}
