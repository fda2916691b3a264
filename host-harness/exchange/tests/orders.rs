//! The exchange and the counter under the orders of threads that shuttle tries. A failure prints its schedule, which
//! `shuttle::replay` repeats.
#![expect(clippy::unwrap_used, reason = "an unexpected result fails the test")]

use std::{collections::HashMap, sync::Arc};

use host_exchange::{Atomics, Current, InUse};
use shuttle::{
    future::block_on,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

/// Atomics before and after each of which shuttle may switch to another thread.
struct Shuttle;

/// Allows a switch after `result` was read. Shuttle itself allows one before.
fn then_switch<R>(result: R) -> R {
    thread::yield_now();
    result
}

impl Atomics for Shuttle {
    type Lock<V> = Mutex<V>;
    type Count = AtomicUsize;

    fn lock<V>(value: V) -> Mutex<V> {
        Mutex::new(value)
    }

    fn locked<V, R>(lock: &Mutex<V>, access: impl FnOnce(&mut V) -> R) -> R {
        access(&mut lock.lock().unwrap())
    }

    fn one() -> AtomicUsize {
        AtomicUsize::new(1)
    }

    fn read(count: &AtomicUsize) -> usize {
        then_switch(count.load(SeqCst))
    }

    fn increase(count: &AtomicUsize) {
        count.fetch_add(1, SeqCst);
    }

    fn decrease(count: &AtomicUsize) -> usize {
        then_switch(count.fetch_sub(1, SeqCst)) - 1
    }
}

/// What a slot exchanges: a version, and what was resolved for it.
struct Generation {
    version: InUse<usize, Shuttle>,
    resolved_for: usize,
}

impl Generation {
    fn of(version: usize) -> Arc<Self> {
        Arc::new(Self { version: Arc::new(version).into(), resolved_for: version })
    }
}

type Slot = Arc<Current<Arc<Generation>, Shuttle>>;

fn slot() -> Slot {
    Arc::new(Current::new(Generation::of(0)))
}

/// Makes a call as a slot's callers do. Returns the version that served it.
fn call(slot: &Slot) -> usize {
    let generation = slot.get();
    let (version, resolved_for) = (generation.version.clone(), generation.resolved_for);
    drop(generation);
    assert!(version.uses().left() > 0, "it is in use");
    thread::yield_now();
    assert_eq!(*version, resolved_for, "one version's code with what was resolved for another");
    *version
}

/// Replaces the version, then waits until the calls of the one before have ended.
fn replace(slot: &Slot, version: usize) {
    let replaced = slot.swap(Generation::of(version));
    let (value, uses) = (Arc::downgrade(replaced.version.uncounted()), replaced.version.uses());
    drop(replaced);
    let other = {
        let uses = uses.clone();
        thread::spawn(move || block_on(uses.ended()))
    };
    block_on(uses.ended());
    assert_eq!(uses.left(), 0, "it was reported before the last call ended");
    assert_eq!(value.strong_count(), 0, "it was reported before the value was gone");
    other.join().unwrap();
}

/// Runs `threads` under many orders: half of them random, half with few switches at unusual places.
fn under_many_orders(threads: impl Fn() + Clone + Send + Sync + 'static) {
    shuttle::check_random(threads.clone(), 1_000);
    shuttle::check_pct(threads, 1_000, 3);
}

#[test]
fn a_call_beside_an_exchange_in_every_order() {
    let threads = || {
        let slot = slot();
        let calling = {
            let slot = Arc::clone(&slot);
            thread::spawn(move || call(&slot))
        };
        let replaced = slot.swap(Generation::of(1));
        let uses = replaced.version.uses();
        drop(replaced);
        block_on(uses.ended());
        assert_eq!(uses.left(), 0);
        assert!(calling.join().unwrap() < 2);
    };
    shuttle::check_dfs(threads, None);
}

#[test]
fn each_call_is_served_by_one_version_and_the_end_of_the_last_is_always_reported() {
    under_many_orders(|| {
        let slot = slot();
        let mut threads = Vec::new();
        for caller in 0..2 {
            let slot = Arc::clone(&slot);
            threads.push(thread::spawn(move || {
                for _ in 0..=caller {
                    call(&slot);
                }
            }));
        }
        for version in 1..3 {
            let slot = Arc::clone(&slot);
            threads.push(thread::spawn(move || replace(&slot, version)));
        }
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn concurrent_exchanges_happen_in_one_order_which_every_caller_sees() {
    under_many_orders(|| {
        let slot = slot();
        let swapping: Vec<_> = (1..4)
            .map(|version| {
                let slot = Arc::clone(&slot);
                thread::spawn(move || (*slot.swap(Generation::of(version)).version, version))
            })
            .collect();
        let seen = [call(&slot), call(&slot), call(&slot)];
        let next: HashMap<_, _> = swapping.into_iter().map(|swap| swap.join().unwrap()).collect();
        let order: Vec<_> = std::iter::successors(Some(0), |version| next.get(version).copied()).collect();
        assert_eq!(order.len(), 4, "each version was replaced once, by {next:?}");
        assert_eq!(order.last(), Some(&*slot.get().version));
        let places = seen.map(|version| order.iter().position(|known| *known == version));
        assert!(places.is_sorted(), "{seen:?} in {order:?}");
    });
}
