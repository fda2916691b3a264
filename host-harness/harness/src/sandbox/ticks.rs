//! Ticks: the time that computing is counted in. The engine's thread lets them pass.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// How far apart two looks at a spinning guest are: its overshoot is at most two of them.
pub const TICK: Duration = Duration::from_millis(1);

/// How many ticks have passed since the first engine of the process.
static TICKS: AtomicU64 = AtomicU64::new(0);

/// How many ticks have passed since the first engine of the process: a clock that costs no more than a load.
pub(crate) fn passed() -> u64 {
    TICKS.load(Relaxed)
}

/// So many have passed now.
pub(crate) fn reach(passed: u64) {
    TICKS.store(passed, Relaxed);
}
