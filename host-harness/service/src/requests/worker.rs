//! Carries out what is due: each tenant its share, each person's requests in order.

use std::{sync::Arc, time::Duration};

use host_harness::sandbox::Calls;
use host_model::requests::breaker::Admission;
use host_store::{
    StoreError, cut_off,
    lane::Lane,
    queue::{self, Claim},
};
use tokio_util::sync::CancellationToken;

use super::{attempt::Attempts, late};
use crate::{served::Served, tasks::Tasks, work};

/// How often the queue is looked after: claims whose leases are over, and what has waited or was kept for long.
const LOOK_AFTER_MS: i64 = 60_000;

/// The attempts under way, each with its lane and the requests that it is about.
type UnderWay = Tasks<(Lane, Vec<i64>)>;

/// Carries out requests.
#[derive(Clone)]
pub(crate) struct Worker {
    served: Served,
    attempts: Attempts,
    /// How many attempts may be under way.
    workers: usize,
    looked_after_at: i64,
}

impl Worker {
    /// Attempts on the connections of `served`, at most `workers` at once.
    pub(crate) fn new(served: Served, attempts: Attempts, workers: u32) -> Self {
        Self { served, attempts, workers: workers as usize, looked_after_at: i64::MIN }
    }

    /// Carries out requests until `stop`, then lets what is under way end within `grace`, or hands it back.
    pub(crate) async fn run(self, stop: CancellationToken, grace: Duration) {
        let (clock, bell) = (Arc::clone(&self.attempts.clock), self.attempts.bell.clone());
        work::run(self, &*clock, &bell, stop, grace).await;
    }

    /// Claims up to `share` requests of `lane`, as far as there is room, and begins their attempts.
    async fn claim(
        &self,
        under_way: &mut UnderWay,
        lane: &Lane,
        share: usize,
        now: i64,
    ) -> Result<(), StoreError> {
        let room = room(under_way, lane, self.workers, now).min(share);
        // A connection that the host cannot use now waits; its own state says why.
        let Ok(calls) = self.served.calls(&lane.connection) else { return Ok(()) };
        if room == 0 {
            return Ok(());
        }
        let together = self.attempts.handlers.of(lane.action).at_once(lane.step);
        let most = together.unwrap_or(room);
        let claims = self.claims(lane, &calls, most, now).await?;
        let batches: Vec<Vec<Claim>> = match (together.is_some(), claims.is_empty()) {
            (_, true) => Vec::new(),
            (true, false) => vec![claims],
            (false, false) => claims.into_iter().map(|claim| vec![claim]).collect(),
        };
        for batch in batches {
            let requests = batch.iter().map(|claim| claim.seq).collect();
            let attempt = self.attempts.clone().attempt(calls.clone(), lane.action, batch);
            under_way.begin((lane.clone(), requests), attempt);
        }
        Ok(())
    }

    /// Takes back the claims whose leases are over by `leases_over_by`, but for those of `under_way`.
    async fn take_back_leases(&self, leases_over_by: i64, under_way: &[i64]) -> Result<(), StoreError> {
        let (at, under_way) = (self.attempts.clock.date_ms(), under_way.to_vec());
        let taken = self.attempts.store.write(move |tx| {
            Box::pin(async move { cut_off::take_back(tx, at, leases_over_by, &under_way).await })
        });
        taken.await
    }

    async fn claims(
        &self,
        lane: &Lane,
        calls: &Calls,
        most: usize,
        now: i64,
    ) -> Result<Vec<Claim>, StoreError> {
        let digest = calls.plugin().digest().to_string();
        let lease_until = work::lease_until(now, calls.connection().limits.wall_ms);
        let lane = lane.clone();
        let claimed = self.attempts.store.write(move |tx| {
            Box::pin(async move { queue::claim(tx, &lane, most, now, lease_until, &digest).await })
        });
        claimed.await
    }
}

impl work::Source for Worker {
    type Subject = (Lane, Vec<i64>);

    async fn take_back(&mut self) -> Result<(), StoreError> {
        self.take_back_leases(i64::MAX, &[]).await
    }

    async fn begin(&mut self, under_way: &mut UnderWay) -> Result<(), StoreError> {
        let store = self.attempts.store.clone();
        let now = self.attempts.clock.date_ms();
        if now >= self.looked_after_at.saturating_add(LOOK_AFTER_MS) {
            self.looked_after_at = now;
            let requests: Vec<i64> = under_way.about().flat_map(|(_, requests)| requests).copied().collect();
            self.take_back_leases(now, &requests).await?;
            // Before anything is claimed: a request past its last day is tried no more.
            late::look(&store, now).await?;
        }
        if under_way.len() >= self.workers {
            return Ok(());
        }
        let mut lanes = store.read(move |connection| Box::pin(queue::due_lanes(connection, now))).await?;
        // Twice around: first everybody a little, then who has more gets what is left.
        for share in [self.workers.div_ceil(8), self.workers] {
            lanes.sort_by_key(|lane| of(under_way, &lane.tenant));
            for lane in &lanes {
                if let Err(error) = self.claim(under_way, lane, share, now).await {
                    tracing::error!(connection = lane.connection, %error, "its requests cannot be claimed");
                }
            }
        }
        Ok(())
    }

    async fn hand_back(&mut self) -> Result<(), StoreError> {
        let at = self.attempts.clock.date_ms();
        self.attempts.store.write(move |tx| Box::pin(cut_off::hand_back(tx, at))).await
    }
}

/// How many attempts are `tenant`'s.
fn of(under_way: &UnderWay, tenant: &str) -> usize {
    under_way.about().filter(|(lane, _)| lane.tenant == tenant).count()
}

/// How many attempts of `lane` may begin: half the workers at most are one tenant's, so that the others find room.
fn room(under_way: &UnderWay, lane: &Lane, workers: usize, now: i64) -> usize {
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
