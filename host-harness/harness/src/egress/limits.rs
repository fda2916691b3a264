//! A request's places in all of its limits: short ones are counted in memory, those of an hour or more in the ledger.
//! Tested in `src/egress/limiter/tests.rs`.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, timeout_at};

use super::{
    ledger::{Ledger, NotEntered, OnRequestEnd},
    limiter::{LimitPass, Limiter},
};
use host_model::contract::manifest::Limit;

/// Period from which a limit is counted in the ledger. Shorter periods are over by the time a process has restarted.
const LONG_MS: u64 = 60 * 60 * 1_000;

/// Returns whether `limit` is counted in the ledger.
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
        let pass = self.limiter.enter(account, &short, patience).await.map_err(NotEntered::Full)?;
        if long.is_empty() {
            return Ok(LimitPermit { _short: pass, leave: None });
        }
        let ends_within = over_at.saturating_duration_since(Instant::now());
        let entered = timeout_at(over_at, self.ledger.enter(account, &long, ends_within)).await;
        match entered.unwrap_or_else(|_| Err(NotEntered::Unreachable("it did not answer in time".to_owned())))
        {
            Ok(leave) => Ok(LimitPermit { _short: pass, leave: Some(leave) }),
            Err(refusal) => {
                pass.give_back();
                Err(refusal)
            }
        }
    }
}

impl Drop for LimitPermit<'_> {
    fn drop(&mut self) {
        if let Some(leave) = self.leave.take() {
            leave();
        }
    }
}
