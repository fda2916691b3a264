//! Three replicas on PostgreSQL under load, while processes are killed and frozen and the database restarts. Afterwards,
//! everything that was acknowledged has to be found, once and in order. The seed decides what happens when.

mod faults;
mod load;
mod verdict;

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow};
use fastrand::Rng;

use self::{faults::Fault, load::Load, verdict::Open};
use crate::{
    build,
    programs::{cluster::Cluster, database::DatabasePrograms, interruption, stand_in::StandIn},
    shell::{cargo, run as run_command, say},
};

/// The names of the replicas.
const REPLICAS: [&str; 3] = ["replica-1", "replica-2", "replica-3"];

/// The length of a run in the tests, most of which a replica is frozen for.
pub(crate) const SHORT: Duration = Duration::from_secs(28);

/// How far the clocks of the replicas and of the vendor are advanced after the faults, in seconds.
const AHEAD: u32 = 900;

/// How often the clocks are advanced at most.
const ROUNDS: u32 = 3;

/// How long the replicas have to carry out what is due.
const PATIENCE: Duration = Duration::from_mins(2);

/// Builds what is needed, and runs with this seed, or with a random one.
pub(crate) fn run(seed: Option<u64>, length: Duration) -> Result<()> {
    build::all()?;
    // The packages of the demonstration, so that cargo builds what they depend on once for both.
    let programs = ["--package=host-cli", "--package=host-harness", "--package=iterable-stand-in", "--bins"];
    run_command(cargo(["build", "--features=host-cli/test-clock"]).args(programs))?;
    run_built(&DatabasePrograms::prepare()?, seed, length)
}

/// Runs with the programs as they are built.
pub(crate) fn run_built(programs: &DatabasePrograms, seed: Option<u64>, length: Duration) -> Result<()> {
    let seed = seed.unwrap_or_else(|| Rng::new().u64(..));
    say(&format!("three replicas under faults for {} s, with the seed {seed}", length.as_secs()));
    interruption::note_signals()?;
    let begun = Instant::now();
    let stand_in = StandIn::start(std::process::Command::new).context("the stand-in did not start")?;
    let folder = tempfile::tempdir()?;
    let cluster = Cluster::start(programs, folder.path(), &stand_in, &REPLICAS)?;
    let done = under_faults(&cluster, &stand_in, seed, length);
    done.with_context(|| {
        let kept = folder.keep();
        format!("the run with the seed {seed} failed; the logs are in {}", kept.display())
    })?;
    say(&format!("the run took {} s, with its start and its checks", begun.elapsed().as_secs()));
    Ok(())
}

fn under_faults(cluster: &Cluster, stand_in: &StandIn, seed: u64, length: Duration) -> Result<()> {
    let mut rng = Rng::with_seed(seed);
    let plan = faults::plan(&mut rng, length, REPLICAS.len());
    let load = Load::new(rng.fork());
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| -> Result<()> {
        let writers = load.begin(scope, cluster, stand_in, &is_over);
        let outcome = faults::inject(cluster, &plan, length);
        is_over.store(true, Relaxed);
        for writer in writers {
            writer.join().map_err(|_| anyhow!("a writer panicked"))??;
        }
        outcome
    })?;
    let done: Vec<String> =
        Fault::count(&plan).into_iter().map(|(name, times)| format!("{times} {name}")).collect();
    say(&format!("faults: {}", done.join(", ")));
    // A person's next wish waits until the vendor shows the one before, and the vendor proves an erasure after ten minutes.
    // An erasure whose first attempt was cut off is looked for, and then sent again.
    let log = load.into_log();
    let mut ahead = 0;
    // First what is due: replicas that are ahead of the vendor for a moment would exceed its limit of a second.
    let mut open = verdict::once_nothing_is_due(cluster, &log, PATIENCE)?;
    while open == Open::Some && ahead < AHEAD * ROUNDS {
        ahead += AHEAD;
        stand_in.pass(AHEAD)?;
        cluster.advance(ahead)?;
        open = verdict::once_nothing_is_due(cluster, &log, PATIENCE)?;
    }
    let checks = verdict::check(cluster, stand_in, &log)?;
    for check in checks {
        say(&check);
    }
    Ok(())
}
