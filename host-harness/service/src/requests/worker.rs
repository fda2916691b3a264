//! Carries out due requests: with a fair share for each tenant and connection, and each person's requests in order.

mod lane_turns;

use std::{
    mem,
    sync::{Arc, atomic::Ordering::AcqRel},
    time::Duration,
};

use host_model::requests::breaker::Admission;
use host_store::{
    StoreError, cut_off,
    lane::Lane,
    queue::{self, ClaimedRequest, DueRequest},
};
use tokio_util::sync::CancellationToken;

use self::lane_turns::LaneTurns;
use super::{attempt::Attempts, contradicted, late};
use crate::{
    served::{Served, ServingState, serving::ServingCalls},
    tasks::Tasks,
    work,
};

/// The interval of the queue's upkeep: claims that were lost, late requests, and data kept long enough.
const UPKEEP_INTERVAL_MS: i64 = 60_000;

/// The attempts in progress, each with its lane and its requests.
type AttemptTasks = Tasks<(Lane, Vec<i64>)>;

/// Carries out requests.
#[derive(Clone)]
pub(crate) struct Worker {
    served: Served,
    attempts: Attempts,
    /// The maximum number of attempts in progress.
    workers: usize,
    looked_after_at: i64,
    /// The versions that served when contradicted requests were last released.
    released_for: Option<ServingState>,
    due: DueLanes,
    turns: LaneTurns,
}

/// The lanes with due requests, as they were last found. The more connections have waiting requests, the longer it takes to
/// find them. So they are claimed from for a while if there is no room for all of them.
#[derive(Clone, Default)]
struct DueLanes {
    lanes: Vec<Lane>,
    /// By the clock's own time.
    valid_until: Duration,
}

/// How many times as long as it takes to find lanes they are claimed from, so that most of the time is left for claims.
const LANES_VALID_FOR: u32 = 9;

/// Whether a lane may have more due requests.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LaneRest {
    Some,
    None,
}

impl Worker {
    /// Creates a worker for the connections of `served`, with at most `workers` attempts at once.
    pub(crate) fn new(served: Served, attempts: Attempts, workers: u32) -> Self {
        Self {
            served,
            attempts,
            workers: workers as usize,
            looked_after_at: i64::MIN,
            released_for: None,
            due: DueLanes::default(),
            turns: LaneTurns::default(),
        }
    }

    /// Carries out requests until `stop` is cancelled, then lets those in progress end within `grace`, or hands them
    /// back.
    pub(crate) async fn run(self, stop: CancellationToken, grace: Duration) {
        let (clock, bell) = (Arc::clone(&self.attempts.clock), self.attempts.bell.clone());
        work::run(self, &*clock, &bell, stop, grace).await;
    }

    /// Finds the lanes with due requests.
    async fn look(&mut self, now: i64) -> Result<(), StoreError> {
        let (store, clock) = (&self.attempts.store, &self.attempts.clock);
        let began = clock.now();
        let lanes = store.read(move |connection| Box::pin(queue::due_lanes(connection, now))).await?;
        self.turns.keep(&lanes);
        let found = clock.now();
        self.due = DueLanes { lanes, valid_until: found + found.saturating_sub(began) * LANES_VALID_FOR };
        Ok(())
    }

    /// Claims from the lanes that were found, within the available room. Two rounds: in the first, each lane gets a small
    /// share; in the second, lanes with more requests get what is left. Tenants with fewer attempts in progress come first, and then
    /// the lanes that had no turn for longest.
    async fn claim_in_rounds(&mut self, under_way: &mut AttemptTasks, now: i64) {
        let mut lanes = mem::take(&mut self.due.lanes);
        for share in [self.workers.div_ceil(8), self.workers] {
            lanes.sort_by_cached_key(|lane| (of(under_way, &lane.tenant), self.turns.last(lane)));
            let mut left = Vec::new();
            for lane in lanes {
                let before = under_way.len();
                let claimed = self.claim(under_way, &lane, share, now).await;
                if under_way.len() > before {
                    self.turns.take(&lane);
                }
                match claimed {
                    Ok(LaneRest::Some) => left.push(lane),
                    Ok(LaneRest::None) => {}
                    Err(error) => {
                        tracing::error!(connection = lane.connection, %error, "claiming requests of the connection failed");
                        // What was claimed may be committed all the same.
                        self.looked_after_at = i64::MIN;
                    }
                }
            }
            lanes = left;
        }
        self.due.lanes = lanes;
    }

    /// Claims up to `share` requests of `lane`, within the available room, and begins their attempts.
    async fn claim(
        &self,
        under_way: &mut AttemptTasks,
        lane: &Lane,
        share: usize,
        now: i64,
    ) -> Result<LaneRest, StoreError> {
        let room = room(under_way, lane, self.workers, now).min(share);
        if room == 0 {
            return Ok(LaneRest::Some);
        }
        // A connection that the host cannot use now waits; its own state shows the reason.
        let Ok(serving) = self.served.serving(&lane.connection) else { return Ok(LaneRest::None) };
        let together = self.attempts.handlers.of(lane.action).at_once(lane.step);
        let most = together.unwrap_or(room);
        let claims = self.claims(lane, &serving, most).await?;
        self.attempts.telemetry.claimed("requests", claims.len());
        let rest = if claims.len() < most { LaneRest::None } else { LaneRest::Some };
        let batches: Vec<Vec<ClaimedRequest>> = match (together.is_some(), claims.is_empty()) {
            (_, true) => Vec::new(),
            (true, false) => vec![claims],
            (false, false) => claims.into_iter().map(|claim| vec![claim]).collect(),
        };
        for batch in batches {
            let requests = batch.iter().map(|claim| claim.seq).collect();
            let attempt = self.attempts.clone().attempt(serving.clone(), lane.action, batch);
            under_way.begin((lane.clone(), requests), attempt);
        }
        Ok(rest)
    }

    /// Makes contradicted requests due if another version serves their connection. Looks only if another version serves any
    /// connection, if an outcome was contradicted since, and with each upkeep.
    async fn release_contradicted(&mut self, now: i64) -> Result<(), StoreError> {
        let state = self.served.state();
        let is_new = self.attempts.has_contradicted.swap(false, AcqRel);
        if !is_new && self.released_for.as_ref() == Some(&state) {
            return Ok(());
        }
        // Looks again if it fails.
        self.released_for = None;
        contradicted::release(&self.attempts.store, &self.served, now).await?;
        self.released_for = Some(state);
        Ok(())
    }

    async fn claims(
        &self,
        lane: &Lane,
        serving: &ServingCalls,
        most: usize,
    ) -> Result<Vec<ClaimedRequest>, StoreError> {
        let (store, clock, wall_ms) = (
            self.attempts.store.clone(),
            Arc::clone(&self.attempts.clock),
            serving.running().connection().limits.wall_ms,
        );
        let serving = serving.clone();
        let (vault, lane) = (store.vault().clone(), lane.clone());
        let claimed = self.attempts.store.write(move |tx| {
            Box::pin(async move {
                // Once it is this process' turn to write: the attempts begin now.
                let lease = work::lease(&store, clock.date_ms(), wall_ms);
                let serves = |claim: &ClaimedRequest| serving.version_for(claim);
                if serving.lacks_released() {
                    let is_for_here = |due: &DueRequest| serving.is_for_running(lane.step, due);
                    queue::claim_some(tx, &vault, &lane, most, &lease, serves, is_for_here).await
                } else {
                    queue::claim(tx, &vault, &lane, most, &lease, serves).await
                }
            })
        });
        claimed.await
    }
}

impl work::Source for Worker {
    type Subject = (Lane, Vec<i64>);

    async fn reclaim(&mut self, under_way: &AttemptTasks) -> Result<(), StoreError> {
        let store = &self.attempts.store;
        let at = self.attempts.clock.date_ms();
        let under_way: Vec<i64> = under_way.about().flat_map(|(_, requests)| requests).copied().collect();
        let (vault, replica) = (store.vault().clone(), store.replica().clone());
        let taken = store.write(move |tx| {
            Box::pin(async move {
                cut_off::reclaim_ended(tx, &vault, &replica, at).await?;
                cut_off::requeue_lost(tx, &vault, &replica, at, &under_way).await
            })
        });
        taken.await
    }

    async fn begin(&mut self, under_way: &mut AttemptTasks) -> Result<(), StoreError> {
        let store = self.attempts.store.clone();
        let now = self.attempts.clock.date_ms();
        if now >= self.looked_after_at.saturating_add(UPKEEP_INTERVAL_MS) {
            self.looked_after_at = now;
            self.reclaim(under_way).await?;
            // Before claiming: a request past its last day is not attempted again.
            late::raise_and_prune(&store, now).await?;
            self.released_for = None;
        }
        // What was changed may not have reached this replica: others go on.
        if under_way.len() >= self.workers || !self.served.sync().is_current().await {
            return Ok(());
        }
        self.release_contradicted(now).await?;
        let before = under_way.len();
        if self.attempts.clock.now() < self.due.valid_until {
            self.claim_in_rounds(under_way, now).await;
        }
        // If nothing of what was found has room, something that became due since then may have.
        if under_way.len() == before || self.due.lanes.is_empty() {
            self.look(now).await?;
            self.claim_in_rounds(under_way, now).await;
        }
        Ok(())
    }

    async fn release_claims(&mut self) -> Result<(), StoreError> {
        let (at, store) = (self.attempts.clock.date_ms(), &self.attempts.store);
        let (vault, replica) = (store.vault().clone(), store.replica().clone());
        let released = store.write(move |tx| {
            Box::pin(async move { cut_off::release_claims(tx, &vault, &replica, at).await })
        });
        released.await
    }
}

/// Returns the number of attempts in progress for `tenant`.
fn of(under_way: &AttemptTasks, tenant: &str) -> usize {
    under_way.about().filter(|(lane, _)| lane.tenant == tenant).count()
}

/// Returns how many attempts of `lane` may begin. At most half of the workers serve one tenant, so that others find
/// room.
fn room(under_way: &AttemptTasks, lane: &Lane, workers: usize, now: i64) -> usize {
    let free = workers.saturating_sub(under_way.len());
    let of_tenant = workers.div_ceil(2).saturating_sub(of(under_way, &lane.tenant));
    let is_idle = || under_way.about().all(|(other, _)| other.connection != lane.connection);
    let of_breaker = match lane.breaker.admits(now) {
        Admission::All => usize::MAX,
        Admission::Probe if is_idle() => 1,
        Admission::Probe | Admission::None => 0,
    };
    free.min(of_tenant).min(of_breaker)
}

#[cfg(test)]
mod tests;
