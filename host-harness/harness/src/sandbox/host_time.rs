//! How long the host computes for a guest: lifting what it hands over, hashing, growing its memory.
//!
//! Measured in ticks: a call crosses the border to the host some hundred times, and a look at the machine's clock each time would be a
//! tenth of a short call. A stay that is shorter than a tick is charged a tick as often as one ends during it.

use std::time::Duration;

use wasmtime::CallHook;

use super::ticks::{self, TICK};

/// Time that the host has computed and that the guest has not been charged for.
#[derive(Default)]
pub(crate) struct HostTime {
    /// The tick since which the host computes, if it does.
    since: Option<u64>,
    uncharged: Duration,
}

impl HostTime {
    /// The guest calls the host, or the host goes on.
    pub(super) fn passes(&mut self, border: CallHook) {
        if border.entering_host() { self.resume() } else { self.pause() }
    }

    /// The host waits from here on, or the guest computes.
    pub(crate) fn pause(&mut self) {
        self.ends(ticks::passed());
    }

    fn ends(&mut self, now: u64) {
        if let Some(since) = self.since.take() {
            let passed = u32::try_from(now.saturating_sub(since)).unwrap_or(u32::MAX);
            self.uncharged += TICK * passed;
        }
    }

    /// The host computes from here on.
    pub(crate) fn resume(&mut self) {
        self.since = Some(ticks::passed());
    }

    /// Another thread has computed for so long.
    pub(crate) fn add(&mut self, elsewhere: Duration) {
        self.uncharged += elsewhere;
    }

    /// The whole ticks that the host has computed, each charged once.
    pub(super) fn charge(&mut self) -> u64 {
        let ticks = self.uncharged.as_micros() / TICK.as_micros();
        self.uncharged = self.uncharged.saturating_sub(TICK * u32::try_from(ticks).unwrap_or(u32::MAX));
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_whole_tick_is_charged_once_and_waiting_is_not() {
        let mut time = HostTime { since: Some(10), uncharged: TICK / 2 };
        time.ends(12);
        time.passes(CallHook::ReturningFromHost);
        assert_eq!((time.charge(), time.charge()), (2, 0));
        time.add(TICK * 3 / 2);
        assert_eq!((time.charge(), time.charge()), (2, 0));
    }
}
