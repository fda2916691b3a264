//! The settings of wasmtime that decide what code a component is compiled to. A process that compiles for another one has
//! the same, without a pool.

use wasmtime::{Config, WasmBacktraceDetails};

/// What is read about the functions that a call was in when the sandbox ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BacktraceDetail {
    /// Their names.
    Names,
    /// Their files and lines too, from the component's debug information. The time and memory that reading takes are
    /// not bounded by the call's limits, and can be quadratic in the component's size: only for processes that make
    /// single calls for an operator.
    Lines,
}

/// Creates the configuration. Wasm proposals that no connector needs are disabled: each is code that a hostile guest could
/// reach.
pub(crate) fn settings_of_code(detail: BacktraceDetail) -> Config {
    let mut config = Config::new();
    config
        .wasm_gc(false)
        .wasm_function_references(false)
        .wasm_exceptions(false)
        .gc_support(false)
        .wasm_threads(false)
        .wasm_memory64(false)
        // For the adapters that wasmtime generates between components with a memory each: without it, the compiler panics.
        // `plugin/outline.rs` refuses it in the modules of a guest.
        .wasm_multi_memory(true)
        .wasm_relaxed_simd(false)
        .wasm_simd(false)
        .wasm_tail_call(false)
        .wasm_wide_arithmetic(false)
        .concurrency_support(false)
        .epoch_interruption(true)
        .wasm_backtrace_details(match detail {
            BacktraceDetail::Names => WasmBacktraceDetails::Disable,
            BacktraceDetail::Lines => WasmBacktraceDetails::Enable,
        });
    config
}
