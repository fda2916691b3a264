//! What goes wrong in a run, and when.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;
use fastrand::Rng;

use crate::programs::{cluster::Cluster, interruption};

/// How long a replica is frozen: longer than it takes the others to take over its work.
const FROZEN: Duration = Duration::from_secs(24);

/// Time between two looks at what is due.
const PAUSE: Duration = Duration::from_millis(50);

/// A fault. Replicas are given by their number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    Kill(usize),
    Freeze(usize),
    /// Ends a freeze.
    Resume(usize),
    RestartPostgres,
    RestartPooler,
}

impl Fault {
    fn name(self) -> Option<&'static str> {
        match self {
            Self::Kill(_) => Some("replicas killed"),
            Self::Freeze(_) => Some("replicas frozen"),
            Self::Resume(_) => None,
            Self::RestartPostgres => Some("restarts of PostgreSQL"),
            Self::RestartPooler => Some("restarts of PgBouncer"),
        }
    }

    /// Returns the number of faults of each kind.
    pub(super) fn count(plan: &[(Duration, Self)]) -> BTreeMap<&'static str, usize> {
        let mut count = BTreeMap::new();
        for name in plan.iter().filter_map(|(_, fault)| fault.name()) {
            *count.entry(name).or_default() += 1;
        }
        count
    }

    fn inject(self, cluster: &Cluster) -> Result<()> {
        match self {
            Self::Kill(replica) => {
                cluster.kill(replica);
                cluster.start_again(replica)
            }
            Self::Freeze(replica) => {
                cluster.freeze(replica);
                Ok(())
            }
            Self::Resume(replica) => {
                cluster.resume(replica);
                Ok(())
            }
            Self::RestartPostgres => cluster.restart_postgres(),
            Self::RestartPooler => cluster.restart_pooler(),
        }
    }
}

/// Plans the faults of a run with this number of replicas, in their order: one of each kind, and more in a longer run.
pub(super) fn plan(rng: &mut Rng, length: Duration, replicas: usize) -> Vec<(Duration, Fault)> {
    let frozen = rng.usize(..replicas);
    let mut at = Duration::from_secs(2);
    let mut plan = Vec::new();
    for number in 0_usize.. {
        let fault = match number {
            0 => Fault::Freeze(frozen),
            1 => Fault::Kill((frozen + 1) % replicas),
            2 => Fault::RestartPostgres,
            3 => Fault::RestartPooler,
            _ => match rng.u8(..5) {
                0 => Fault::Freeze(rng.usize(..replicas)),
                1 => Fault::RestartPostgres,
                2 => Fault::RestartPooler,
                _ => Fault::Kill(rng.usize(..replicas)),
            },
        };
        plan.push((at, fault));
        if let Fault::Freeze(replica) = fault {
            plan.push((at + FROZEN, Fault::Resume(replica)));
        }
        at += Duration::from_millis(rng.u64(4_000..8_000));
        if number >= 3 && at + FROZEN > length {
            break;
        }
    }
    plan.sort_by_key(|(at, _)| *at);
    plan
}

/// Injects the faults of `plan` when they are due, and restarts the replicas that end, for `length`. All in one thread: a
/// program ends with the thread that started it.
pub(super) fn inject(cluster: &Cluster, plan: &[(Duration, Fault)], length: Duration) -> Result<()> {
    let begun = Instant::now();
    let mut due = plan.iter().peekable();
    while begun.elapsed() < length || due.peek().is_some() {
        interruption::check()?;
        if let Some((_, fault)) = due.next_if(|(at, _)| begun.elapsed() >= *at) {
            fault.inject(cluster)?;
        }
        cluster.supervise()?;
        thread::sleep(PAUSE);
    }
    Ok(())
}
