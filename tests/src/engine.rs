//! The engine that all tests share.

use std::sync::{Arc, OnceLock};

use host_harness::{
    compile::{CodeCache, CodeKey, Compilation},
    engine::{BacktraceDetail, Engine, PoolSize},
};
use xtask::components::code_cache;
use zeroize::Zeroizing;

/// Returns the engine of the test binary, which is large enough for all tests at once. Its backtraces have lines.
///
/// # Panics
/// Panics if the machine lacks address space for it.
pub fn engine() -> Arc<Engine> {
    static ENGINE: OnceLock<Arc<Engine>> = OnceLock::new();
    let engine = ENGINE.get_or_init(|| {
        let engine = Engine::with_backtraces(&PoolSize::of(128), BacktraceDetail::Lines);
        let engine = engine.unwrap_or_else(|error| panic!("{error:#}"));
        // Not a secret: the folder is as safe as the programs of the tests beside it.
        let key = CodeKey::new(Zeroizing::new([7; 32]));
        let cache = Some(CodeCache::new(code_cache().join("shared-engine"), key));
        Arc::new(engine.compiling(Compilation { cache, ..Compilation::default() }))
    });
    Arc::clone(engine)
}
