//! How long the host computes for a guest: lifting what it hands over, hashing, growing its memory.

use std::time::{Duration, Instant};

use wasmtime::CallHook;

use crate::engine::TICK;

/// Time that the host has computed and that the guest has not been charged for.
#[derive(Default)]
pub(crate) struct HostTime {
    /// Since when the host computes, if it does.
    since: Option<Instant>,
    uncharged: Duration,
}

impl HostTime {
    /// The guest calls the host, or the host goes on.
    pub(super) fn passes(&mut self, border: CallHook) {
        if border.entering_host() { self.resume() } else { self.pause() }
    }

    /// The host waits from here on, or the guest computes.
    pub(crate) fn pause(&mut self) {
        if let Some(since) = self.since.take() {
            self.uncharged += since.elapsed();
        }
    }

    /// The host computes from here on.
    pub(crate) fn resume(&mut self) {
        self.since = Some(Instant::now());
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
        let mut time = HostTime { since: None, uncharged: TICK * 5 / 2 };
        time.passes(CallHook::CallingHost);
        time.pause();
        let waited = time.uncharged;
        time.passes(CallHook::ReturningFromHost);
        assert_eq!(time.uncharged, waited);
        assert!(time.charge() >= 2);
        assert_eq!(time.charge(), 0);
        time.add(TICK * 7);
        assert!(time.charge() >= 7);
    }
}
