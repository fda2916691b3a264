//! The loop that carries out requests and reads deliveries: claim what is due under a lease, run it as tasks that store their
//! own ends, look again.

use std::{future::Future, time::Duration};

use host_harness::clock::Clock;
use host_model::time::DAY_MS;
use host_store::StoreError;
use tokio_util::sync::CancellationToken;

use crate::{bell::Bell, tasks::Tasks};

/// How long to wait for a bell before looking all the same: what waits for a time rings none.
const LOOK: Duration = Duration::from_secs(1);

/// How much longer than its call a claim lasts: its end has to be stored too.
const LEASE_MARGIN_MS: i64 = 60_000;

/// Until when a claim made at `now` lasts, for a call that takes at most `wall_ms`.
pub(crate) fn lease_until(now: i64, wall_ms: u64) -> i64 {
    let wall = i64::try_from(wall_ms).unwrap_or(DAY_MS).min(DAY_MS);
    now.saturating_add(wall).saturating_add(LEASE_MARGIN_MS)
}

/// What is to be done.
pub(crate) trait Source: Send {
    /// What a task is about.
    type Subject: Send;

    /// Takes back what a process that is gone had claimed.
    fn take_back(&mut self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Claims what is due, as far as there is room beside `under_way`, and begins it.
    fn begin(
        &mut self,
        under_way: &mut Tasks<Self::Subject>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Hands back what was cut off because the service stops.
    fn hand_back(&mut self) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Does what `source` has to do until the service stops, then lets what is under way end within `grace`.
pub(crate) async fn run<S: Source>(
    mut source: S,
    clock: &dyn Clock,
    bell: &Bell,
    stop: CancellationToken,
    grace: Duration,
) {
    let mut under_way = Tasks::default();
    if let Err(error) = source.take_back().await {
        tracing::error!(%error, "claims of a process that is gone cannot be taken back before their leases end");
    }
    while !stop.is_cancelled() {
        if let Err(error) = source.begin(&mut under_way).await {
            tracing::error!(%error, "what is due cannot be claimed");
        }
        let again_at = clock.now() + LOOK;
        tokio::select! {
            () = stop.cancelled() => {}
            Some(_) = under_way.ended() => {}
            () = bell.rung() => {}
            () = clock.sleep_until(again_at) => {}
        }
        // One look is worth it for all that have ended.
        under_way.sweep();
    }
    if under_way.finish(grace).await {
        return;
    }
    if let Err(error) = source.hand_back().await {
        // The next start takes them back.
        tracing::error!(%error, "claims cannot be handed back");
    }
}
