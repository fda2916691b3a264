//! `plugin release`: releases a version in steps, shows the release, and moves it.
//! Tested in `src/tests/server/releases.rs`.

use clap::{Args, Subcommand};
use serde_json::Value;

use crate::{
    client::{ApiCall, ApiResponse, Client},
    exit::Exit,
    failure::Failure,
    output::{CommandOutput, table},
    version_history,
    words::{optional, timestamp},
};
use host_api::types::releases::{
    AdvancingRelease, BeginningRelease, ComparedCalls, PluginRelease, ReleaseStateName, ReleaseVerdictName,
};

#[derive(Debug, Subcommand)]
pub(crate) enum ReleaseCommand {
    /// Release an approved version to a growing share of the people, while its calls are compared with those of the version
    /// before. If it does worse, it is rolled back at once. If there are too few calls for a verdict, the release is paused.
    Begin(BeginCommand),
    /// Show the release that is in progress, or the last one, with what was counted of both versions.
    ///
    /// Exit codes: 0 the version serves in place of the one before · 1 it was rolled back · 4 it is in progress or paused.
    Show(ReleasedPlugin),
    /// Pause the release: its share stays as it is, so that no person moves back.
    Pause(ReleasedPlugin),
    /// Resume a paused release in its step. The calls so far still count.
    Resume(ReleasedPlugin),
    /// End the step with this share, whatever the verdict is. After the last one, the version serves in place of the one before.
    /// If the release is in another step by now, it stays there.
    Advance(AdvanceCommand),
    /// Roll the release back: the version before serves all connections again.
    RollBack(ReleasedPlugin),
}

#[derive(Debug, Args)]
pub(crate) struct ReleasedPlugin {
    /// The plugin's name, as used by connections.
    name: String,
}

#[derive(Debug, Args)]
pub(crate) struct AdvanceCommand {
    /// The plugin's name, as used by connections.
    name: String,
    /// The share of the step in percent, as `show` prints it.
    #[arg(value_name = "PERCENT")]
    share: f64,
}

#[derive(Debug, Args)]
pub(crate) struct BeginCommand {
    /// The plugin's name, as used by connections.
    name: String,
    /// The digest of a version that was approved, or the beginning of it.
    version: String,
    /// The shares of the people in percent, growing up to 100 [default: as configured, else 5,25,100].
    #[arg(long, value_name = "PERCENT", value_delimiter = ',')]
    steps: Option<Vec<f64>>,
    /// How many minutes a step lasts at least [default: as configured, else 10].
    #[arg(long, value_name = "MINUTES")]
    step_minutes: Option<u32>,
    /// After how many minutes without a verdict a step is paused [default: as configured, else 1440].
    #[arg(long, value_name = "MINUTES")]
    pause_after_minutes: Option<u32>,
    /// The minimum number of calls of each version in a step [default: as configured, else 300].
    #[arg(long, value_name = "NUMBER")]
    calls: Option<u64>,
    /// The minimum number of calls of each kind about people, if the version before had as many [default: as configured, else 20].
    #[arg(long, value_name = "NUMBER")]
    calls_of_kind: Option<u64>,
    /// The minimum number of accepted erasures whose time for a proof has passed, if the version before had as many
    /// [default: as configured, else 20].
    #[arg(long, value_name = "NUMBER")]
    proofs: Option<u64>,
    /// The time for the proof of an accepted erasure, in minutes [default: as configured, else 60].
    #[arg(long, value_name = "MINUTES")]
    proof_minutes: Option<u32>,
}

fn ms(minutes: u32) -> i64 {
    i64::from(minutes) * 60_000
}

impl ReleaseCommand {
    pub(super) async fn run(self, width: u16, client: &Client) -> Result<CommandOutput, Failure> {
        let call = match &self {
            Self::Begin(begin) => begin.call(client).await?,
            Self::Show(ReleasedPlugin { name }) => ApiCall::get(&["plugins", name, "release"]),
            Self::Pause(ReleasedPlugin { name }) => ApiCall::post(&["plugins", name, "release", "pause"]),
            Self::Resume(ReleasedPlugin { name }) => ApiCall::post(&["plugins", name, "release", "resume"]),
            Self::Advance(AdvanceCommand { name, share }) => {
                ApiCall::post(&["plugins", name, "release", "advance"])
                    .json(&AdvancingRelease { share: *share })
            }
            Self::RollBack(ReleasedPlugin { name }) => {
                ApiCall::post(&["plugins", name, "release", "roll-back"])
            }
        };
        let ApiResponse { value, json } = client.ask::<PluginRelease>(call).await?;
        let shown = shown(width, value, json);
        // Only a look at it ends by its state: a change was made if it was not refused.
        let exit = if matches!(self, Self::Show(_)) { shown.exit } else { Exit::Done };
        Ok(CommandOutput { exit, ..shown })
    }
}

impl BeginCommand {
    async fn call(&self, client: &Client) -> Result<ApiCall, Failure> {
        let digest = version_history::digest(client, &self.name, &self.version).await?;
        let beginning = BeginningRelease {
            digest,
            steps: self.steps.clone(),
            minimum_step_ms: self.step_minutes.map(ms),
            maximum_step_ms: self.pause_after_minutes.map(ms),
            calls: self.calls,
            calls_of_kind: self.calls_of_kind,
            proofs: self.proofs,
            proof_within_ms: self.proof_minutes.map(ms),
            ..BeginningRelease::default()
        };
        Ok(ApiCall::post(&["plugins", &self.name, "release"]).json(&beginning))
    }
}

fn shown(width: u16, release: PluginRelease, json: Value) -> CommandOutput {
    let (state, exit) = match release.state {
        ReleaseStateName::Running => (format!("at {} %", release.share), Exit::Unproven),
        ReleaseStateName::Paused => (format!("paused at {} %", release.share), Exit::Unproven),
        ReleaseStateName::Completed => ("completed".to_owned(), Exit::Done),
        ReleaseStateName::RolledBack => ("rolled back".to_owned(), Exit::Refused),
    };
    let verdict = match release.verdict {
        ReleaseVerdictName::Good => "good",
        ReleaseVerdictName::Bad => "bad",
        ReleaseVerdictName::Inconclusive => "inconclusive",
    };
    let steps: Vec<String> = release.steps.iter().map(|step| format!("{step} %")).collect();
    let mut lines = vec![format!("plugin {}: release {state}", release.plugin)];
    lines.extend(release.why.iter().map(|why| format!("  {why}")));
    lines.push(format!("  version {}", release.digest));
    lines.push(format!("  before  {}", release.before));
    lines.push(format!(
        "  steps {}, begun {} by {}",
        steps.join(", "),
        timestamp(release.began_at),
        release.began_by
    ));
    lines.push(format!("  verdict: {verdict}"));
    lines.extend(release.reasons.iter().map(|reason| format!("    {reason}")));
    if !release.calls.is_empty() {
        lines.push(counted(width, release.calls));
    }
    CommandOutput { people: lines.join("\n"), json, exit }
}

fn counted(width: u16, calls: Vec<ComparedCalls>) -> String {
    let columns = [
        ("kind", None),
        ("version", None),
        ("calls", None),
        ("traps", None),
        ("deadlines", None),
        ("contradicted", None),
        ("other errors", None),
        ("given up", None),
        ("unreadable", None),
        ("refused", None),
        ("proven", None),
        ("95 % within ms", None),
    ];
    let rows = calls.into_iter().flat_map(|ComparedCalls { kind, new, before }| {
        [("new", new), ("before", before)].map(|(version, counts)| {
            vec![
                kind.clone(),
                version.to_owned(),
                counts.calls.to_string(),
                counts.trapped.to_string(),
                counts.deadlines.to_string(),
                counts.contradicted.to_string(),
                counts.other_errors.to_string(),
                counts.given_up.to_string(),
                counts.unreadable.to_string(),
                counts.unauthenticated.to_string(),
                format!("{} of {}", counts.proven, counts.proofs_due),
                optional(counts.p95_ms.as_ref()),
            ]
        })
    });
    table(width, &columns, rows).to_string()
}
