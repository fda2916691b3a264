//! The engine that all tests share.

use std::sync::{Arc, OnceLock};

use host_harness::engine::{BacktraceDetail, Engine, PoolSize};

/// Returns the engine of the test binary, which is large enough for all tests at once. Its backtraces have lines.
///
/// # Panics
/// Panics if the machine lacks address space for it.
pub fn engine() -> Arc<Engine> {
    static ENGINE: OnceLock<Arc<Engine>> = OnceLock::new();
    let engine = ENGINE.get_or_init(|| {
        let engine = Engine::with_backtraces(&PoolSize::of(128), BacktraceDetail::Lines);
        Arc::new(engine.unwrap_or_else(|error| panic!("{error:#}")))
    });
    Arc::clone(engine)
}
