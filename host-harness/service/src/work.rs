//! The loop that carries out requests and reads deliveries: claims due work under a lease, runs it as tasks that store
//! their own results, and repeats.

use std::{future::Future, mem, time::Duration};

use host_harness::clock::Clock;
use host_model::time::{DAY_MS, millis};
use host_store::{Store, StoreError, lease::Lease};
use tokio_util::sync::CancellationToken;

use crate::{
    bell::Bell,
    tasks::{Tasks, jittered},
};

/// How long to wait for a bell before checking anyway: work that becomes due at a certain time rings no bell.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How much longer a claim lasts than its call, because its result must be stored too.
const LEASE_MARGIN: Duration = Duration::from_mins(1);

/// How long to wait before a result is stored again: for the first time, and at most. A database that restarts is away for
/// about a second.
const FIRST_STORE_WAIT: Duration = Duration::from_millis(200);
const MAX_STORE_WAIT: Duration = Duration::from_secs(5);

/// Returns the lease of a claim by this process at `now`, for a call that takes at most `wall_ms`.
pub(crate) fn lease(store: &Store, now: i64, wall_ms: u64) -> Lease {
    let wall = i64::try_from(wall_ms).unwrap_or(DAY_MS).min(DAY_MS);
    let until = now.saturating_add(wall).saturating_add(millis(LEASE_MARGIN));
    Lease { replica: store.replica().clone(), now, until }
}

/// Stores the result of a call, and again while the database is away: what the vendor answered is not lost by a restart of
/// the database. Gives up after as long as a claim lasts beyond its call. `store` writes only if the claim is still valid.
pub(crate) async fn store_result<F>(clock: &dyn Clock, store: impl Fn() -> F) -> Result<(), StoreError>
where
    F: Future<Output = Result<(), StoreError>>,
{
    let end = clock.now() + LEASE_MARGIN;
    let mut wait = FIRST_STORE_WAIT;
    loop {
        let Err(error) = store().await else { return Ok(()) };
        let again_at = clock.now() + jittered(wait);
        if !error.may_pass() || again_at > end {
            return Err(error);
        }
        tracing::warn!(%error, "result of a call not stored yet");
        clock.sleep_until(again_at).await;
        wait = (wait * 2).min(MAX_STORE_WAIT);
    }
}

/// A source of work.
pub(crate) trait Source: Send {
    /// The description of a task.
    type Subject: Send;

    /// Takes back the claims of processes that have ended, and those of this one that are not `under_way`: it is not known
    /// of them, or their result could not be stored.
    fn reclaim(
        &mut self,
        under_way: &Tasks<Self::Subject>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

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
    let mut may_have_lost = true;
    while !stop.is_cancelled() {
        if mem::take(&mut may_have_lost)
            && let Err(error) = source.reclaim(&under_way).await
        {
            tracing::error!(%error, "claims that were lost cannot be taken back now");
        }
        if let Err(error) = source.begin(&mut under_way).await {
            tracing::error!(%error, "claiming due work failed");
            // What was claimed may be committed all the same.
            may_have_lost = true;
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

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    };

    use host_harness::clock::ManualClock;
    use test_support::eventually;

    use super::*;

    fn busy() -> StoreError {
        StoreError::Busy(Duration::from_secs(30))
    }

    #[tokio::test]
    async fn a_result_is_stored_again_until_its_claim_ends() {
        let clock = Arc::new(ManualClock::default());
        let (tries, slept_on) = (Arc::new(AtomicU32::new(0)), Arc::clone(&clock));
        let counted = Arc::clone(&tries);
        let stored = tokio::spawn(async move {
            store_result(&*slept_on, || {
                counted.fetch_add(1, Relaxed);
                std::future::ready(Err(busy()))
            })
            .await
        });
        let is_given_up = async || {
            clock.advance(Duration::from_millis(100));
            stored.is_finished()
        };
        eventually("it is given up", is_given_up, |is_given_up| *is_given_up).await;
        let error = stored.await.unwrap().unwrap_err();
        assert!(matches!(error, StoreError::Busy(_)), "{error:?}");
        assert!(clock.now() + MAX_STORE_WAIT > LEASE_MARGIN, "{:?}", clock.now());
        assert!((12..=24).contains(&tries.load(Relaxed)), "{tries:?}");
    }

    #[tokio::test]
    async fn a_result_that_the_store_refuses_for_good_is_not_stored_again() {
        let clock = ManualClock::default();
        let tries = AtomicU32::new(0);
        let refused = store_result(&clock, || {
            tries.fetch_add(1, Relaxed);
            std::future::ready(Err(StoreError::TakenOver))
        });
        let error = refused.await.unwrap_err();
        assert!(matches!(error, StoreError::TakenOver), "{error:?}");
        assert_eq!(tries.load(Relaxed), 1);
    }
}
