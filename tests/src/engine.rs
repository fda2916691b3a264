//! The engine that all tests share.

use std::sync::{Arc, OnceLock};

use host_harness::engine::{Engine, PoolSize};

/// The one engine of the test binary, large enough for every test at once.
///
/// # Panics
/// Where the machine has no address space for it.
pub fn engine() -> Arc<Engine> {
    static ENGINE: OnceLock<Arc<Engine>> = OnceLock::new();
    let engine = ENGINE.get_or_init(|| {
        Arc::new(Engine::new(&PoolSize::of(128)).unwrap_or_else(|error| panic!("{error:#}")))
    });
    Arc::clone(engine)
}
