//! Compares a new version with the one that serves, on stored deliveries and on requests whose data still exists. No
//! request leaves the host, and nothing about people is stored.
//! Tested in `api/src/tests/shadow.rs`.

mod found;
mod replayed;

pub use found::{FoundDifference, NotCompared, ReplayedKind, ShadowReport, WhyNotCompared};

use host_harness::{
    sandbox::Calls,
    shadow::{ShadowCall, ShadowEnd, ShadowRun, difference},
};
use host_model::{failure::FailureKind, time::millis_u64};
use host_store::StoreError;
use tokio::time::{Instant, timeout_at};

use self::{found::MAX_SHADOW, replayed::Replayed};
use super::{Connections, candidate::Candidate};

/// Maximum number of deliveries, and of requests, of all connections. Plugins of many connections compare fewer of each.
const MAX_REPLAYED: usize = 2_000;

/// A connection on both versions.
struct BothVersions {
    serving: Calls,
    new: Calls,
}

/// What a connection's deliveries and requests are compared on.
struct ComparedConnection {
    tenant: String,
    key: String,
    versions: Result<BothVersions, WhyNotCompared>,
}

impl Connections {
    /// Compares `candidate` with the version of the plugin `name` that serves. A new plugin has nothing to compare.
    pub(super) async fn shadow(&self, name: &str, candidate: &Candidate) -> Result<ShadowReport, StoreError> {
        let begun = Instant::now();
        let Some(slot) = self.served.host().plugin(name) else { return Ok(ShadowReport::default()) };
        let serving = slot.current();
        let mut report =
            ShadowReport { against: Some(serving.plugin().digest().to_string()), ..ShadowReport::default() };
        let mut connections: Vec<_> =
            serving.connections().map(|one| (one.tenant.0.clone(), one.key.clone())).collect();
        connections.sort();
        drop(serving);
        let share =
            self.sources.proof.shadow_per_connection.min((MAX_REPLAYED / connections.len().max(1)).max(1));
        for (tenant, key) in connections {
            let versions = self.on_both(&key, candidate);
            let compared = ComparedConnection { tenant, key, versions };
            self.compare_connection(&compared, share, begun + MAX_SHADOW, &mut report).await?;
        }
        report.took_ms = millis_u64(begun.elapsed());
        Ok(report)
    }

    fn on_both(&self, key: &str, candidate: &Candidate) -> Result<BothVersions, WhyNotCompared> {
        let serving = self.served.serving(key).map_err(|_| WhyNotCompared::NotServed)?.running().clone();
        // It is served, so its settings are the only obstacle.
        let new = self.calls_on(key, candidate).map_err(|_| WhyNotCompared::NotSuited)?;
        Ok(BothVersions { serving, new })
    }

    async fn compare_connection(
        &self,
        compared: &ComparedConnection,
        share: usize,
        over_at: Instant,
        report: &mut ShadowReport,
    ) -> Result<(), StoreError> {
        let key = &compared.key;
        for place in self.to_replay(&compared.tenant, key, share).await? {
            let both = match &compared.versions {
                Ok(_) if Instant::now() >= over_at => Err(WhyNotCompared::OutOfTime),
                Ok(both) => Ok(both),
                Err(why) => Err(*why),
            };
            let both = match both {
                Ok(both) => both,
                Err(why) => {
                    report.add_not_compared(key, place.kind(), why);
                    continue;
                }
            };
            match self.replayed(place).await? {
                Replayed::Call { kind, call } => match both.run(&call, over_at).await {
                    Ok(both_ran) => {
                        report.add_compared(key, kind, difference(&both_ran.serving, &both_ran.new));
                    }
                    Err(why) => report.add_not_compared(key, kind, why),
                },
                Replayed::Nothing => {}
                Replayed::Lost(why) => report.add_not_compared(key, place.kind(), why),
            }
        }
        Ok(())
    }
}

/// What both versions make of a call.
struct BothRuns {
    serving: ShadowRun,
    new: ShadowRun,
}

impl BothVersions {
    async fn run(&self, call: &ShadowCall, over_at: Instant) -> Result<BothRuns, WhyNotCompared> {
        let offers = |calls: &Calls| calls.plugin().exports().contains(&call.interface());
        if !offers(&self.serving) || !offers(&self.new) {
            return Err(WhyNotCompared::NotOffered);
        }
        let both = async {
            Ok(BothRuns {
                serving: with_room(call.run(&self.serving).await)?,
                new: with_room(call.run(&self.new).await)?,
            })
        };
        timeout_at(over_at, both).await.unwrap_or(Err(WhyNotCompared::OutOfTime))
    }
}

/// Returns `run` unless it ended for want of a place in the pool. It waits for nothing else, so a deadline means that.
fn with_room(run: ShadowRun) -> Result<ShadowRun, WhyNotCompared> {
    match run.end {
        ShadowEnd::Stopped(FailureKind::NoRoom | FailureKind::DeadlinePassed) => Err(WhyNotCompared::NoRoom),
        _ => Ok(run),
    }
}
