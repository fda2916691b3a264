//! Measures how long the host computes for a guest: lifting its data, hashing, growing its memory.
//!
//! Time is measured in ticks: a call enters the host about a hundred times, and reading the system clock each time
//! would take a tenth of a short call. A stay that is shorter than a tick is charged one tick if a tick ends during it.

use std::time::Duration;

use wasmtime::CallHook;

use super::ticks::{self, TICK};

/// Computing time of the host that the guest has not been charged for yet.
#[derive(Default)]
pub(crate) struct HostTime {
    /// The tick since which the host has been computing, if it is.
    since: Option<u64>,
    uncharged: Duration,
}

impl HostTime {
    /// Records that control passes between guest and host.
    pub(super) fn passes(&mut self, border: CallHook) {
        if border.entering_host() { self.resume() } else { self.pause() }
    }

    /// Stops measuring: the host waits, or the guest computes.
    pub(crate) fn pause(&mut self) {
        self.ends(ticks::passed());
    }

    fn ends(&mut self, now: u64) {
        if let Some(since) = self.since.take() {
            let passed = u32::try_from(now.saturating_sub(since)).unwrap_or(u32::MAX);
            self.uncharged += TICK * passed;
        }
    }

    /// Starts measuring: the host computes.
    pub(crate) fn resume(&mut self) {
        self.since = Some(ticks::passed());
    }

    /// Adds time that another thread has computed.
    pub(crate) fn add(&mut self, elsewhere: Duration) {
        self.uncharged += elsewhere;
    }

    /// Returns the whole ticks that the host has computed since the last charge.
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
