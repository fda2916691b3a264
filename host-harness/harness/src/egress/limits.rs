//! A request's places in all of its limits: short ones are counted in memory, those of an hour and more in the ledger.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, timeout_at};

use super::{
    ledger::{Leave, Ledger, NotEntered},
    limiter::{Limiter, Pass},
};
use host_model::contract::manifest::Limit;

/// From this period on a restart would forget too much. What is shorter is over by the time a process is up again.
const LONG_MS: u64 = 60 * 60 * 1_000;

/// Whether `limit` is counted in the ledger.
pub fn is_long(limit: &Limit) -> bool {
    limit.period_ms.is_some_and(|period| period >= LONG_MS)
}

/// Counts requests against every limit.
pub(super) struct Places {
    pub(super) limiter: Limiter,
    pub(super) ledger: Arc<dyn Ledger>,
}

/// A request's place in each of its limits; given up when dropped.
pub(super) struct Place<'a> {
    _short: Pass<'a>,
    leave: Option<Leave>,
}

impl Places {
    /// A place in every one of `limits`: waited for up to `patience` in the short ones, and not at all in the long ones. The
    /// request ends by `over_at`.
    pub(super) async fn enter(
        &self,
        account: [u8; 32],
        limits: &[Limit],
        patience: Duration,
        over_at: Instant,
    ) -> Result<Place<'_>, NotEntered> {
        let (long, short): (Vec<_>, Vec<_>) = limits.iter().cloned().partition(is_long);
        let pass = self.limiter.enter(account, &short, patience).await.map_err(NotEntered::Full)?;
        if long.is_empty() {
            return Ok(Place { _short: pass, leave: None });
        }
        let ends_within = over_at.saturating_duration_since(Instant::now());
        let entered = timeout_at(over_at, self.ledger.enter(account, &long, ends_within)).await;
        match entered.unwrap_or_else(|_| Err(NotEntered::Unreachable("it did not answer in time".to_owned())))
        {
            Ok(leave) => Ok(Place { _short: pass, leave: Some(leave) }),
            Err(refusal) => {
                pass.give_back();
                Err(refusal)
            }
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(leave) = self.leave.take() {
            leave();
        }
    }
}
