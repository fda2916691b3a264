//! The vendor's limits, kept before anything is sent: a log of the requests in each limit's window.
//!
//! A request is in the window from when it leaves until one period after it has ended. The vendor counts it at some moment
//! in between, so whatever the network does, no window of the vendor's has more than the limit.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::clock::Clock;
use host_model::contract::manifest::Limit;

/// What a limit is counted by: all connections that share a vendor account, together.
type Key = ([u8; 32], String);

/// Every limit's log. Lives as long as the process.
#[derive(Debug)]
pub(crate) struct Limiter {
    clock: Arc<dyn Clock>,
    logs: Mutex<HashMap<Key, Log>>,
    /// Told whenever a request ends.
    ended: Notify,
}

/// The requests that count against one limit now.
#[derive(Debug, Default)]
struct Log {
    under_way: usize,
    /// When those still in the window ended, oldest first.
    ended_at: VecDeque<Duration>,
}

/// How long until a limit would let one more through; none where that depends on a request under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full {
    /// At least.
    pub for_another: Option<Duration>,
}

impl Limiter {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, logs: Mutex::default(), ended: Notify::new() }
    }

    /// A place in every one of `limits`, waited for up to `patience`.
    pub(crate) async fn enter(
        &self,
        scope: [u8; 32],
        limits: &[Limit],
        patience: Duration,
    ) -> Result<Pass<'_>, Full> {
        let give_up_at = self.clock.now() + patience;
        loop {
            // Listening begins before looking, so that no ending falls between the two.
            let ended = self.ended.notified();
            match self.try_enter(scope, limits) {
                Ok(()) => return Ok(Pass { limiter: self, scope, limits: limits.to_vec() }),
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
    pub(super) fn try_enter(&self, scope: [u8; 32], limits: &[Limit]) -> Result<(), Full> {
        let now = self.clock.now();
        let mut logs = self.logs.lock();
        let mut full: Option<Full> = None;
        for limit in limits {
            let log = logs.entry((scope, limit.name.clone())).or_default();
            if let Err(this) = log.has_room(limit, now) {
                full = Some(match (full.map(|full| full.for_another), this.for_another) {
                    (None, wait) => Full { for_another: wait },
                    (Some(Some(a)), Some(b)) => Full { for_another: Some(a.max(b)) },
                    (Some(_), _) => Full { for_another: None },
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

    /// A request that entered `limits` has ended.
    pub(super) fn leave(&self, scope: [u8; 32], limits: &[Limit]) {
        let now = self.clock.now();
        self.out_of(scope, limits, |limit, log| {
            if limit.period_ms.is_some() {
                log.ended_at.push_back(now);
            }
        });
    }

    /// A request that entered `limits` was not sent.
    fn forget(&self, scope: [u8; 32], limits: &[Limit]) {
        self.out_of(scope, limits, |_, _| {});
    }

    fn out_of(&self, scope: [u8; 32], limits: &[Limit], then: impl Fn(&Limit, &mut Log)) {
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

impl Log {
    fn has_room(&mut self, limit: &Limit, now: Duration) -> Result<(), Full> {
        let period = Duration::from_millis(limit.period_ms.unwrap_or_default());
        // Still in the window while exactly one period old: the window's both ends count.
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
        Err(Full { for_another: frees_up.map(|ended| (*ended + period + a_moment_past).saturating_sub(now)) })
    }
}

/// A request's place in its limits; the window counts from when it is dropped.
#[derive(Debug)]
pub(crate) struct Pass<'a> {
    limiter: &'a Limiter,
    scope: [u8; 32],
    limits: Vec<Limit>,
}

impl Pass<'_> {
    /// Makes it as if the request had never entered: it was not sent.
    pub(super) fn give_back(mut self) {
        let limits = std::mem::take(&mut self.limits);
        self.limiter.forget(self.scope, &limits);
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.limiter.leave(self.scope, &self.limits);
    }
}

#[cfg(test)]
mod tests;
