//! Ticks: the unit in which computing time is counted. The engine's thread advances them.
//! Tested in `tests/all/limits`.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// The interval between two checks of a busy guest, which can exceed its limit by at most two ticks.
pub const TICK: Duration = Duration::from_millis(1);

/// The number of ticks since the first engine of the process.
static TICKS: AtomicU64 = AtomicU64::new(0);

/// Returns the number of ticks since the first engine of the process: a clock that only costs an atomic load.
pub(crate) fn passed() -> u64 {
    TICKS.load(Relaxed)
}

/// Sets the number of ticks that have passed.
pub(crate) fn reach(passed: u64) {
    TICKS.store(passed, Relaxed);
}
