//! The loop that carries out requests and reads deliveries: claims due work under a lease, runs it as tasks that store
//! their own results, and repeats.

use std::{future::Future, time::Duration};

use host_harness::clock::Clock;
use host_model::time::DAY_MS;
use host_store::{Store, StoreError, queue::Lease};
use tokio_util::sync::CancellationToken;

use crate::{
    bell::Bell,
    tasks::{Tasks, jittered},
};

/// How long to wait for a bell before checking anyway: work that becomes due at a certain time rings no bell.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How much longer a claim lasts than its call, because its result must be stored too.
const LEASE_MARGIN_MS: i64 = 60_000;

/// Returns the lease of a claim by this process at `now`, for a call that takes at most `wall_ms`.
pub(crate) fn lease(store: &Store, now: i64, wall_ms: u64) -> Lease {
    let wall = i64::try_from(wall_ms).unwrap_or(DAY_MS).min(DAY_MS);
    let until = now.saturating_add(wall).saturating_add(LEASE_MARGIN_MS);
    Lease { replica: store.replica().clone(), now, until }
}

/// A source of work.
pub(crate) trait Source: Send {
    /// The description of a task.
    type Subject: Send;

    /// Takes back the claims of processes that have ended.
    fn reclaim(&mut self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Claims due work, as long as there is room besides `under_way`, and starts it.
    fn begin(
        &mut self,
        under_way: &mut Tasks<Self::Subject>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Hands back the claims that were cut off because the service stops.
    fn release_claims(&mut self) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Runs the work of `source` until the service stops, then lets work in progress end within `grace`.
pub(crate) async fn run<S: Source>(
    mut source: S,
    clock: &dyn Clock,
    bell: &Bell,
    stop: CancellationToken,
    grace: Duration,
) {
    let mut under_way = Tasks::default();
    if let Err(error) = source.reclaim().await {
        tracing::error!(%error, "cannot take back the claims of an ended process; they expire with their leases");
    }
    while !stop.is_cancelled() {
        if let Err(error) = source.begin(&mut under_way).await {
            tracing::error!(%error, "claiming due work failed");
        }
        let again_at = clock.now() + jittered(POLL_INTERVAL);
        tokio::select! {
            () = stop.cancelled() => {}
            Some(_) = under_way.ended() => {}
            () = bell.rung() => {}
            () = clock.sleep_until(again_at) => {}
        }
        // One round serves all tasks that have ended.
        under_way.sweep();
    }
    if under_way.finish(grace).await {
        return;
    }
    if let Err(error) = source.release_claims().await {
        // The next start takes them back.
        tracing::error!(%error, "handing back claims failed");
    }
}
