//! What the exchange and the counter are built from.

use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

/// The lock and the counter that this crate is built from.
pub trait Atomics {
    /// A mutual exclusion lock.
    type Lock<V>;
    /// A counter.
    type Count;

    /// Creates a lock that contains `value`.
    fn lock<V>(value: V) -> Self::Lock<V>;
    /// Runs `access` while it holds the lock.
    fn locked<V, R>(lock: &Self::Lock<V>, access: impl FnOnce(&mut V) -> R) -> R;
    /// Creates a counter that is at 1.
    fn one() -> Self::Count;
    /// Returns the count.
    fn read(count: &Self::Count) -> usize;
    /// Adds 1.
    fn increase(count: &Self::Count);
    /// Subtracts 1. Returns what is left. Everything that the thread did before happens before another one reads the
    /// result.
    fn decrease(count: &Self::Count) -> usize;
}

/// The machine's atomics.
#[derive(Debug)]
pub struct Native;

impl Atomics for Native {
    type Lock<V> = Mutex<V>;
    type Count = AtomicUsize;

    fn lock<V>(value: V) -> Mutex<V> {
        Mutex::new(value)
    }

    fn locked<V, R>(lock: &Mutex<V>, access: impl FnOnce(&mut V) -> R) -> R {
        access(&mut lock.lock())
    }

    fn one() -> AtomicUsize {
        AtomicUsize::new(1)
    }

    fn read(count: &AtomicUsize) -> usize {
        count.load(Ordering::Acquire)
    }

    fn increase(count: &AtomicUsize) {
        count.fetch_add(1, Ordering::Relaxed);
    }

    fn decrease(count: &AtomicUsize) -> usize {
        count.fetch_sub(1, Ordering::AcqRel) - 1
    }
}
