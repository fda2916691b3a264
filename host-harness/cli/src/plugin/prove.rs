//! `plugin prove`: proves a component without a service, and without sending anything to a vendor.
//! Tested in `src/tests/prove.rs`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::proving::{ProofOptions, ProvenComponent, label};
use crate::{
    component_file::read,
    exit::Exit,
    failure::Failure,
    output::{CommandOutput, coloured, detail, heading},
    session::Session,
};
use host_harness::conformance::{PartResult, PartSource, Proof, ProofPart, ProofResult, UsedLimits};
use host_model::contract::manifest::Manifest;

#[derive(Debug, Args)]
pub(crate) struct ProveCommand {
    /// The component's file; no configuration is needed.
    component: PathBuf,
    #[command(flatten)]
    options: ProofOptions,
}

impl ProveCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        let bytes = read(&self.component)?;
        let ProvenComponent { plugin, proof } = self.options.prove(session, &self.component, bytes).await?;
        Ok(output(plugin.manifest(), &proof))
    }
}

/// How a command ends whose proof came to `result`.
pub(super) fn exit(result: ProofResult) -> Exit {
    match result {
        ProofResult::Passed => Exit::Done,
        ProofResult::Failed => Exit::Refused,
        ProofResult::Incomplete => Exit::Unproven,
    }
}

fn output(manifest: &Manifest, proof: &Proof) -> CommandOutput {
    let exit = exit(proof.result);
    let title = format!("{} {} for {}", manifest.name, manifest.version, manifest.vendor);
    let mut lines = vec![heading(&title), format!("  {}", proof.digest)];
    lines.extend(proof.parts.iter().flat_map(part_lines));
    let counts = proof.counts();
    let counts: Vec<_> = ["passed", "failed", "not run"]
        .iter()
        .map(|word| format!("{} {word}", counts.get(word).copied().unwrap_or_default()))
        .collect();
    lines.push(format!(
        "proof {}: {} in {} ms",
        coloured(&proof.result.to_string(), exit),
        counts.join(", "),
        proof.took_ms
    ));
    lines.push(format!("  to repeat it, add --seed {}", proof.seed));
    CommandOutput { people: lines.join("\n"), json: json!(proof), exit }
}

fn part_lines(part: &ProofPart) -> Vec<String> {
    let (tone, findings) = match &part.result {
        PartResult::Passed => (Exit::Done, Vec::new()),
        PartResult::Failed { findings } => (Exit::Refused, findings.clone()),
        PartResult::NotRun { reason } => (Exit::Unproven, vec![reason.clone()]),
    };
    let word = format!("{:7}", part.result.word());
    let used = if part.source == PartSource::BuiltIn && part.calls > 0 {
        let UsedLimits { computing, memory, requests } = part.used;
        let calls = part.calls;
        format!(
            "{calls} calls, at most {computing} % of computing, {memory} % of memory, {requests} % of requests"
        )
    } else {
        part.about.clone()
    };
    let line = format!("  {}  {} {}{}", coloured(&word, tone), label(part.source), part.name, detail(&used));
    [line].into_iter().chain(findings.into_iter().map(|finding| format!("             {finding}"))).collect()
}
