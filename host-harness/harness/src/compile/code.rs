//! Compiled code, and the one place that loads it. `cargo xtask lint` knows this file as the only one with `unsafe`.

use wasmtime::{Engine, component::Component};

/// Code that wasmtime compiled, as its serialized form. Loading another's bytes would run whatever they contain, so a value
/// exists only for bytes whose origin is known: compiled here, received from the compiling process that this one started
/// (`parent.rs`), or read from the cache with a valid authentication code (`entry.rs`). It owns the bytes, so that those
/// that were checked are those that are loaded.
pub(super) struct CompiledCode(Vec<u8>);

impl CompiledCode {
    /// Compiles a component.
    pub(super) fn compile(engine: &Engine, component: &[u8]) -> wasmtime::Result<Self> {
        engine.precompile_component(component).map(Self)
    }

    /// Takes what the compiling process answered.
    pub(super) fn of_child(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Takes what an authentication code was found valid for.
    pub(super) fn authenticated(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Loads the code into `engine`. Fails if it was compiled for another version, CPU or configuration.
    pub(super) fn load(&self, engine: &Engine) -> wasmtime::Result<Component> {
        #[expect(
            unsafe_code,
            reason = "wasmtime cannot check compiled code; the type shows where it comes from"
        )]
        // SAFETY: the bytes are unchanged output of `precompile_component`: see the type.
        unsafe {
            Component::deserialize(engine, &self.0)
        }
    }
}
