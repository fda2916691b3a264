//! The engine that all tests share.

use std::sync::{Arc, OnceLock};

use host_harness::engine::{Engine, PoolSize};

/// Returns the engine of the test binary, which is large enough for all tests at once.
///
/// # Panics
/// Panics if the machine lacks address space for it.
pub fn engine() -> Arc<Engine> {
    static ENGINE: OnceLock<Arc<Engine>> = OnceLock::new();
    let engine = ENGINE.get_or_init(|| {
        Arc::new(Engine::new(&PoolSize::of(128)).unwrap_or_else(|error| panic!("{error:#}")))
    });
    Arc::clone(engine)
}
