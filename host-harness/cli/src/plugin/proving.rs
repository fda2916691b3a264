//! Proves a component's file without a service, and without sending anything to a vendor.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use clap::Args;

use crate::{
    component_file::{LoadOptions, LoadedComponent},
    failure::Failure,
    session::{PATIENCE, Session},
};
use host_harness::{
    conformance::{Cases, PartSource, Proof, Prover},
    connection::CallLimits,
    plugin::{ComponentParts, Plugin},
};

/// How to prove a component's file.
#[derive(Debug, Args)]
pub(crate) struct ProofOptions {
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

/// A component with its proof.
pub(crate) struct ProvenComponent {
    pub(crate) plugin: Arc<Plugin>,
    pub(crate) proof: Proof,
}

impl ProofOptions {
    /// Proves the component `bytes` of `file`.
    pub(crate) async fn prove(
        &self,
        session: &Session,
        file: &Path,
        bytes: Vec<u8>,
    ) -> Result<ProvenComponent, Failure> {
        let settings = settings(&self.settings)?;
        let of_file = |error| Failure::misused(format!("{}: {error}", file.display()));
        let shipped = Cases::of_component(&bytes).map_err(of_file)?;
        let own = match &self.cases {
            Some(folder) => Cases::of_folder(folder).map_err(Failure::misused)?,
            None => Cases::default(),
        };
        let LoadedComponent { engine, plugin } = self.load.load(session, file, bytes).await?;
        let limits = limits(plugin.parts());
        let prover = Prover::new(engine).with_shipped(shipped).with_own(own).with_settings(settings);
        let prover = match self.seed {
            Some(seed) => prover.with_seed(seed),
            None => prover,
        };
        let plugin = Arc::new(plugin);
        let proof = with_progress(prover.with_limits(limits), session).prove(&plugin).await;
        Ok(ProvenComponent { plugin, proof })
    }
}

/// What a kind of part is called.
pub(super) fn label(source: PartSource) -> &'static str {
    match source {
        PartSource::Component => "case",
        PartSource::Operator => "own case",
        PartSource::BuiltIn => "built-in",
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
