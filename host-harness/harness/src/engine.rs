//! The engine that compiles and runs all plugins, and the thread that advances its time.

pub(crate) mod settings;

use std::{
    sync::{Arc, OnceLock},
    time::Instant,
};

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use wasmtime::{
    Config, Enabled, EngineWeak, InstanceAllocationStrategy, PoolingAllocationConfig,
    component::{Component, Linker},
};

pub use self::settings::BacktraceDetail;
pub use crate::sandbox::ticks::TICK;

use self::settings::settings_of_code;
use crate::{
    bindings,
    compile::{compilation::Compilation, error::CompileError, target::CompileTarget},
    connection::CallLimits,
    sandbox::{state::CallState, ticks},
};
use host_model::digest::Digest;

/// Stack reserved for host functions, including TLS and HTTP, which run on the guest's stack.
const HOST_STACK: usize = 2 << 20;

/// Memory that stays mapped between calls, so that a call does not touch new pages: the size of a connector's data and
/// heap.
const KEPT_RESIDENT: usize = 256 << 10;

/// Size of the wasm stack of one call, in bytes. A typed JSON parser needs a few KiB; 512 KiB stop a runaway recursion
/// within a millisecond.
pub const WASM_STACK: usize = 512 << 10;

/// The capacity of the pool: the resources of all concurrent calls, so that every call with a place in the pool gets
/// its instance.
#[derive(Clone, Debug)]
pub struct PoolSize {
    /// Maximum number of concurrent calls of all tenants.
    pub calls: u32,
    /// Size of the wasm stack in bytes; see [`WASM_STACK`].
    pub wasm_stack: usize,
    /// The maximum of each limit over all calls; see [`PoolSize::holding`].
    pub limits: CallLimits,
}

impl PoolSize {
    /// Creates a size for `calls` calls with the default limits.
    pub fn of(calls: u32) -> Self {
        Self { calls, wasm_stack: WASM_STACK, limits: CallLimits::default() }
    }

    /// Enlarges the size for calls with `limits`.
    #[must_use]
    pub fn holding(mut self, limits: &CallLimits) -> Self {
        let most = &mut self.limits;
        most.memory_bytes = most.memory_bytes.max(limits.memory_bytes);
        most.memories = most.memories.max(limits.memories);
        most.core_instances = most.core_instances.max(limits.core_instances);
        most.tables = most.tables.max(limits.tables);
        most.table_elements = most.table_elements.max(limits.table_elements);
        // Takes no space; a plugin starts and describes itself under it.
        most.cpu_ms = most.cpu_ms.max(limits.cpu_ms);
        self
    }

    /// Returns the limits in `limits` that exceed the pool; empty if it is large enough.
    pub fn lacks(&self, limits: &CallLimits) -> Vec<BeyondPool> {
        pooled(limits)
            .into_iter()
            .zip(pooled(&self.limits))
            .filter(|((_, wanted), (_, held))| wanted > held)
            .map(|((limit, wanted), (_, held))| BeyondPool { limit, wanted, held })
            .collect()
    }
}

/// Returns the limits that the pool reserves space for.
fn pooled(limits: &CallLimits) -> [(&'static str, usize); 5] {
    [
        ("memory-bytes", limits.memory_bytes),
        ("memories", limits.memories as usize),
        ("core-instances", limits.core_instances as usize),
        ("tables", limits.tables as usize),
        ("table-elements", limits.table_elements),
    ]
}

/// A limit exceeds the capacity of a running engine's pool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("limits.{limit} is {wanted}, more than the {held} available in the pool of the running host")]
pub struct BeyondPool {
    /// The limit's key in the configuration.
    pub limit: &'static str,
    /// The limit's value.
    pub wanted: usize,
    /// The pool's capacity.
    pub held: usize,
}

/// A configured wasmtime engine with the contract linked. Lives as long as the process.
pub struct Engine {
    wasmtime: wasmtime::Engine,
    linker: Linker<CallState>,
    calls: Arc<Semaphore>,
    pool: PoolSize,
    detail: BacktraceDetail,
    compilation: Compilation,
}

impl Engine {
    /// Creates an engine with a pool of `size`. The backtraces of its calls have names only.
    pub fn new(size: &PoolSize) -> wasmtime::Result<Self> {
        Self::with_backtraces(size, BacktraceDetail::Names)
    }

    /// Creates an engine with a pool of `size`, whose calls have backtraces with `detail`.
    pub fn with_backtraces(size: &PoolSize, detail: BacktraceDetail) -> wasmtime::Result<Self> {
        let wasmtime = wasmtime::Engine::new(&configuration(size, detail))?;
        register_ticker(&wasmtime);
        let linker = bindings::linker(&wasmtime)?;
        let calls = Arc::new(Semaphore::new(size.calls as usize));
        Ok(Self { wasmtime, linker, calls, pool: size.clone(), detail, compilation: Compilation::default() })
    }

    /// Compiles with `compilation` instead of in this process.
    #[must_use]
    pub fn compiling(self, compilation: Compilation) -> Self {
        Self { compilation, ..self }
    }

    /// Compiles a component, or loads its code from the cache.
    pub(crate) async fn component(&self, digest: Digest, bytes: Vec<u8>) -> Result<Component, CompileError> {
        let target = CompileTarget::new(self.wasmtime.clone(), self.detail);
        self.compilation.component(target, digest, bytes).await
    }

    /// Returns the size of its pool.
    pub fn pool(&self) -> &PoolSize {
        &self.pool
    }

    /// Returns the semaphore on which calls of all tenants wait for capacity: an exhausted pool would cause an error
    /// instead.
    pub(crate) fn calls(&self) -> &Arc<Semaphore> {
        &self.calls
    }

    /// Returns a linker with the contract's imports only.
    pub(crate) fn contract(&self) -> &Linker<CallState> {
        &self.linker
    }

    /// Returns a linker with the contract's imports, and traps for all other imports of `component`.
    pub(crate) fn contract_with_traps(&self, component: &Component) -> wasmtime::Result<Linker<CallState>> {
        let mut linker = self.linker.clone();
        linker.define_unknown_imports_as_traps(component)?;
        Ok(linker)
    }
}

/// Creates the engine's configuration.
fn configuration(size: &PoolSize, detail: BacktraceDetail) -> Config {
    let mut config = settings_of_code(detail);
    config
        .max_wasm_stack(size.wasm_stack)
        .async_stack_size(size.wasm_stack.saturating_add(HOST_STACK))
        // Data that one tenant's call left on a stack must not be visible to the next one.
        .async_stack_zeroing(true)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(size)));
    config
}

fn pool(size: &PoolSize) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::default();
    let limits = &size.limits;
    pool.total_component_instances(size.calls)
        .total_core_instances(size.calls.saturating_mul(limits.core_instances))
        .max_core_instances_per_component(limits.core_instances)
        .total_memories(size.calls.saturating_mul(limits.memories))
        .max_memories_per_component(limits.memories)
        .total_tables(size.calls.saturating_mul(limits.tables))
        .max_tables_per_component(limits.tables)
        .total_stacks(size.calls)
        .max_memory_size(limits.memory_bytes)
        .table_elements(limits.table_elements)
        .linear_memory_keep_resident(KEPT_RESIDENT)
        .table_keep_resident(4 << 10)
        .async_stack_keep_resident(16 << 10)
        // If the kernel reports which pages a call touched, only those are reset, which saves about 5 % of a new call.
        .pagemap_scan(Enabled::Auto)
        .max_unused_warm_slots(100);
    pool
}

/// Adds `engine` to the engines that the single ticker thread advances until they are dropped.
fn register_ticker(engine: &wasmtime::Engine) {
    static ENGINES: OnceLock<Mutex<Vec<EngineWeak>>> = OnceLock::new();
    let engines = ENGINES.get_or_init(|| {
        std::thread::spawn(|| {
            let begun = Instant::now();
            loop {
                std::thread::sleep(TICK);
                // A late wake-up loses no ticks.
                let passed = begun.elapsed().as_micros() / TICK.as_micros();
                ticks::reach(u64::try_from(passed).unwrap_or(u64::MAX));
                if let Some(engines) = ENGINES.get() {
                    advance(&mut engines.lock());
                }
            }
        });
        Mutex::default()
    });
    engines.lock().push(engine.weak());
}

fn advance(engines: &mut Vec<EngineWeak>) {
    engines.retain(|engine| match engine.upgrade() {
        Some(engine) => {
            engine.increment_epoch();
            true
        }
        None => false,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_names_each_limit_that_it_does_not_hold_with_both_numbers() {
        let usual = CallLimits::default();
        let pool = PoolSize::of(1);
        let all =
            CallLimits { memory_bytes: usual.memory_bytes + 1, tables: usual.tables + 1, ..usual.clone() };
        assert_eq!(
            pool.lacks(&all),
            [
                BeyondPool {
                    limit: "memory-bytes",
                    wanted: usual.memory_bytes + 1,
                    held: usual.memory_bytes
                },
                BeyondPool { limit: "tables", wanted: 5, held: 4 },
            ]
        );
        let rest = CallLimits { core_instances: 17, table_elements: 10_001, ..usual.clone() };
        assert_eq!(
            pool.lacks(&rest).iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                "limits.core-instances is 17, more than the 16 available in the pool of the running host",
                "limits.table-elements is 10001, more than the 10000 available in the pool of the running host",
            ]
        );
        // Limits without reserved space can have any value.
        assert_eq!(pool.lacks(&CallLimits { cpu_ms: u64::MAX, requests: u32::MAX, ..usual }), []);
        assert_eq!(pool.clone().holding(&all).holding(&rest).lacks(&all), []);
    }
}
