//! `plugin prove`: proves a component without a service, and without sending anything to a vendor.
//! Tested in `src/tests/prove.rs`.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Instant};

use clap::Args;
use serde_json::json;

use crate::{
    component_file::{LoadOptions, LoadedComponent, read},
    exit::Exit,
    failure::Failure,
    output::{CommandOutput, coloured, detail, heading},
    session::{PATIENCE, Session},
};
use host_harness::{
    conformance::{Cases, PartResult, PartSource, Proof, ProofPart, ProofResult, Prover, UsedLimits},
    connection::CallLimits,
    plugin::ComponentParts,
};
use host_model::contract::manifest::Manifest;

#[derive(Debug, Args)]
pub(crate) struct ProveCommand {
    /// The component's file; no configuration is needed.
    component: PathBuf,
    /// A folder of further cases: a folder for each, with a file `case.toml`.
    #[arg(long, value_name = "DIR")]
    cases: Option<PathBuf>,
    /// A setting for the built-in set, as NAME=VALUE. Needed for a required setting that has neither a default nor
    /// options. May be given several times.
    #[arg(long = "setting", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// The seed of the random answers, which repeats a proof [default: a random one].
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u32>,
    #[command(flatten)]
    load: LoadOptions,
}

impl ProveCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        let settings = settings(&self.settings)?;
        let bytes = read(&self.component)?;
        let of_file = |error| Failure::misused(format!("{}: {error}", self.component.display()));
        let shipped = Cases::of_component(&bytes).map_err(of_file)?;
        let own = match &self.cases {
            Some(folder) => Cases::of_folder(folder).map_err(Failure::misused)?,
            None => Cases::default(),
        };
        let LoadedComponent { engine, plugin } = self.load.load(session, &self.component, bytes).await?;
        let manifest = plugin.manifest().clone();
        let limits = limits(plugin.parts());
        let prover = Prover::new(engine).with_shipped(shipped).with_own(own).with_settings(settings);
        let prover = match self.seed {
            Some(seed) => prover.with_seed(seed),
            None => prover,
        };
        let proof = with_progress(prover.with_limits(limits), session).prove(&Arc::new(plugin)).await;
        Ok(output(&manifest, &proof))
    }
}

/// Prints each part when it has ended, if the proof takes long and standard error is a terminal.
fn with_progress(prover: Prover, session: &Session) -> Prover {
    if !session.console.is_watched {
        return prover;
    }
    let (begun, console) = (Instant::now(), session.console.clone());
    prover.reporting(move |part| {
        if begun.elapsed() >= PATIENCE {
            console.print_error(&format!("{} {} …", label(part.source), part.name));
        }
    })
}

fn settings(pairs: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let pair = |pair: &String| {
        let (name, value) = pair.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
            Failure::misused("--setting: expected NAME=VALUE, such as domain=api.iterable.com")
        })?;
        Ok((name.to_owned(), value.to_owned()))
    };
    pairs.iter().map(pair).collect()
}

/// The default limits, raised to what the component needs in order to start, as an operator would have to.
fn limits(parts: &ComponentParts) -> CallLimits {
    let usual = CallLimits::default();
    let most = |usual: u32, found: u64| u32::try_from(found).unwrap_or(u32::MAX).max(usual);
    let most_bytes = |usual: usize, found: u64| usize::try_from(found).unwrap_or(usize::MAX).max(usual);
    CallLimits {
        memory_bytes: most_bytes(usual.memory_bytes, parts.memory_bytes),
        memories: most(usual.memories, parts.memories),
        core_instances: most(usual.core_instances, parts.core_instances),
        tables: most(usual.tables, parts.tables),
        table_elements: most_bytes(usual.table_elements, parts.table_elements),
        ..usual
    }
}

fn output(manifest: &Manifest, proof: &Proof) -> CommandOutput {
    let exit = match proof.result {
        ProofResult::Passed => Exit::Done,
        ProofResult::Failed => Exit::Refused,
        ProofResult::Incomplete => Exit::Unproven,
    };
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

fn label(source: PartSource) -> &'static str {
    match source {
        PartSource::Component => "case",
        PartSource::Operator => "own case",
        PartSource::BuiltIn => "built-in",
    }
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
