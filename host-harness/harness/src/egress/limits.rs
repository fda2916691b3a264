//! A request's places in all of its limits: short ones are counted in memory, those of an hour or more in the ledger.
//! Tested in `src/egress/limiter/tests.rs`.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until, timeout_at};

use super::{
    ledger::{Ledger, NotEntered, OnRequestEnd},
    limiter::{LimitPass, LimitReached, Limiter},
};
use host_model::contract::manifest::Limit;

/// Period from which a limit is counted in the ledger. Shorter periods are over by the time a process has restarted.
const LONG_MS: u64 = 60 * 60 * 1_000;

/// How often the ledger is asked again for a place in a short limit.
const LEDGER_RETRY: Duration = Duration::from_millis(100);

/// Returns whether `limit` is counted in the ledger even if no other process counts there.
pub fn is_long(limit: &Limit) -> bool {
    limit.period_ms.is_some_and(|period| period >= LONG_MS)
}

/// Counts requests against every limit.
pub(super) struct LimitCounter {
    pub(super) limiter: Limiter,
    pub(super) ledger: Arc<dyn Ledger>,
}

/// A request's place in each of its limits, released on drop.
pub(super) struct LimitPermit<'a> {
    _short: LimitPass<'a>,
    leave: Option<OnRequestEnd>,
}

impl LimitCounter {
    /// Enters all of `limits`. Waits up to `patience` for short ones, and not at all for long ones. The request must
    /// end by `deadline`.
    pub(super) async fn enter(
        &self,
        account: [u8; 32],
        limits: &[Limit],
        patience: Duration,
        over_at: Instant,
    ) -> Result<LimitPermit<'_>, NotEntered> {
        let (long, short): (Vec<_>, Vec<_>) = limits.iter().cloned().partition(is_long);
        let waits_until = Instant::now() + patience;
        // In memory first, also if others count too: it bounds how many ask the ledger.
        let pass = self.limiter.enter(account, &short, patience).await.map_err(NotEntered::Full)?;
        let counted = if self.ledger.is_shared() { limits } else { &long };
        if counted.is_empty() {
            return Ok(LimitPermit { _short: pass, leave: None });
        }
        let entering = self.enter_ledger(account, counted, waits_until, over_at);
        let entered = timeout_at(over_at, entering).await;
        match entered.unwrap_or_else(|_| Err(NotEntered::Unreachable("it did not answer in time".to_owned())))
        {
            Ok(leave) => Ok(LimitPermit { _short: pass, leave: Some(leave) }),
            Err(refusal) => {
                pass.give_back();
                Err(refusal)
            }
        }
    }

    /// Enters `limits` in the ledger. While another process has taken the place in a short one, tries again until
    /// `waits_until`.
    async fn enter_ledger(
        &self,
        account: [u8; 32],
        limits: &[Limit],
        waits_until: Instant,
        over_at: Instant,
    ) -> Result<OnRequestEnd, NotEntered> {
        loop {
            let now = Instant::now();
            let ends_within = over_at.saturating_duration_since(now);
            let entered = self.ledger.enter(account, limits, ends_within).await;
            let Err(NotEntered::Full(LimitReached { for_another: Some(wait) })) = entered else {
                return entered;
            };
            // A request in progress counts as if it took all of its time, which is seldom.
            if now >= waits_until || wait > ends_within + longest_short(limits) {
                return entered;
            }
            sleep_until(waits_until.min(now + wait.min(LEDGER_RETRY))).await;
        }
    }
}

/// Returns the longest period of `limits` below an hour, and some time for clocks that differ.
fn longest_short(limits: &[Limit]) -> Duration {
    let periods = limits.iter().filter(|limit| !is_long(limit)).filter_map(|limit| limit.period_ms);
    periods.max().map_or(Duration::ZERO, |longest| Duration::from_millis(longest) + LEDGER_RETRY)
}

impl Drop for LimitPermit<'_> {
    fn drop(&mut self) {
        if let Some(leave) = self.leave.take() {
            leave();
        }
    }
}
