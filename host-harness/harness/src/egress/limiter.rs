//! Enforces the vendor's limits before anything is sent, with a log of the requests in each limit's window.
//!
//! A request is in the window from when it is sent until one period after it has ended. The vendor counts it at some
//! point in between, so none of the vendor's windows exceeds the limit, whatever the network does.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::clock::Clock;
use host_model::contract::manifest::Limit;

/// The key of a limit's count, which all connections of a vendor account share.
type Key = ([u8; 32], String);

/// The logs of all limits. Lives as long as the process.
#[derive(Debug)]
pub(crate) struct Limiter {
    clock: Arc<dyn Clock>,
    logs: Mutex<HashMap<Key, RequestLog>>,
    /// Notified whenever a request ends.
    ended: Notify,
}

/// The requests that currently count against one limit.
#[derive(Debug, Default)]
struct RequestLog {
    under_way: usize,
    /// When the requests that are still in the window ended, oldest first.
    ended_at: VecDeque<Duration>,
}

/// A limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitReached {
    /// Minimum wait until another request is allowed; `None` if that depends on a request in progress.
    pub for_another: Option<Duration>,
}

impl Limiter {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, logs: Mutex::default(), ended: Notify::new() }
    }

    /// Waits up to `patience` for a place in each of `limits`.
    pub(crate) async fn enter(
        &self,
        scope: [u8; 32],
        limits: &[Limit],
        patience: Duration,
    ) -> Result<LimitPass<'_>, LimitReached> {
        let give_up_at = self.clock.now() + patience;
        loop {
            // Register for notifications before the check, so that no end is missed in between.
            let ended = self.ended.notified();
            match self.try_enter(scope, limits) {
                Ok(()) => return Ok(LimitPass { limiter: self, scope, limits: limits.to_vec() }),
                Err(full) => {
                    let again_at = full.for_another.map_or(give_up_at, |wait| self.clock.now() + wait);
                    if self.clock.now() >= give_up_at || full.for_another.is_some() && again_at > give_up_at {
                        return Err(full);
                    }
                    tokio::select! {
                        () = ended => {}
                        () = self.clock.sleep_until(again_at) => {}
                    }
                }
            }
        }
    }

    /// Enters all of `limits` or none.
    pub(super) fn try_enter(&self, scope: [u8; 32], limits: &[Limit]) -> Result<(), LimitReached> {
        let now = self.clock.now();
        let mut logs = self.logs.lock();
        let mut full: Option<LimitReached> = None;
        for limit in limits {
            let log = logs.entry((scope, limit.name.clone())).or_default();
            if let Err(this) = log.has_room(limit, now) {
                full = Some(match (full.map(|full| full.for_another), this.for_another) {
                    (None, wait) => LimitReached { for_another: wait },
                    (Some(Some(a)), Some(b)) => LimitReached { for_another: Some(a.max(b)) },
                    (Some(_), _) => LimitReached { for_another: None },
                });
            }
        }
        if let Some(full) = full {
            return Err(full);
        }
        for limit in limits {
            logs.entry((scope, limit.name.clone())).or_default().under_way += 1;
        }
        Ok(())
    }

    /// Records that a request that entered `limits` has ended.
    pub(super) fn leave(&self, scope: [u8; 32], limits: &[Limit]) {
        let now = self.clock.now();
        self.out_of(scope, limits, |limit, log| {
            if limit.period_ms.is_some() {
                log.ended_at.push_back(now);
            }
        });
    }

    /// Removes a request that entered `limits` but was not sent.
    fn forget(&self, scope: [u8; 32], limits: &[Limit]) {
        self.out_of(scope, limits, |_, _| {});
    }

    fn out_of(&self, scope: [u8; 32], limits: &[Limit], then: impl Fn(&Limit, &mut RequestLog)) {
        {
            let mut logs = self.logs.lock();
            for limit in limits {
                let log = logs.entry((scope, limit.name.clone())).or_default();
                log.under_way = log.under_way.saturating_sub(1);
                then(limit, log);
            }
        }
        self.ended.notify_waiters();
    }
}

impl RequestLog {
    fn has_room(&mut self, limit: &Limit, now: Duration) -> Result<(), LimitReached> {
        let period = Duration::from_millis(limit.period_ms.unwrap_or_default());
        // A request that is exactly one period old is still in the window: both ends count.
        while self.ended_at.front().is_some_and(|ended| now > *ended + period) {
            self.ended_at.pop_front();
        }
        let allowed = limit.requests as usize;
        let counted = self.under_way + self.ended_at.len();
        if counted < allowed {
            return Ok(());
        }
        let frees_up = self.ended_at.get(counted - allowed);
        let a_moment_past = Duration::from_millis(1);
        Err(LimitReached {
            for_another: frees_up.map(|ended| (*ended + period + a_moment_past).saturating_sub(now)),
        })
    }
}

/// A request's place in its limits. Its window starts when it is dropped.
#[derive(Debug)]
pub(crate) struct LimitPass<'a> {
    limiter: &'a Limiter,
    scope: [u8; 32],
    limits: Vec<Limit>,
}

impl LimitPass<'_> {
    /// Releases the place as if the request had never entered, since it was not sent.
    pub(super) fn give_back(mut self) {
        let limits = std::mem::take(&mut self.limits);
        self.limiter.forget(self.scope, &limits);
    }
}

impl Drop for LimitPass<'_> {
    fn drop(&mut self) {
        self.limiter.leave(self.scope, &self.limits);
    }
}

#[cfg(test)]
mod tests;
